/**
 * The tree keeps the rules of ARCHITECTURE.md, and the checker sees each kind of fault when it is planted.
 */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findFaults } from "./support/architecture.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const GENERATED = "gateway/worker-configuration.d.ts";

const tree = (): Map<string, string> =>
  new Map(
    globSync("{gateway,relay-node,dns-tools,tests}/**/*.{ts,tsx}", { cwd: ROOT })
      .filter((path) => path !== GENERATED)
      .toSorted()
      .map((path) => [path, readFileSync(`${ROOT}/${path}`, "utf8")]),
  );

test("the tree has no fault", () => {
  const sources = tree();
  expect(sources.size).toBeGreaterThan(30);
  expect(findFaults(sources)).toEqual([]);
});

/** What the checker says of one planted file, beside two good ones. */
const check = (path: string, source: string, rule: string | undefined): void => {
  const sources = new Map([
    ["dns-tools/lib/domain.ts", "export const a = 1;\n"],
    ["gateway/core/quota.ts", 'import { z } from "zod";\nimport { a } from "#dns/domain.ts";\n'],
    [path, source],
  ]);
  expect(
    findFaults(sources).map((fault) => fault.rule),
    `${path}: ${source.slice(0, 100)}`,
  ).toEqual(rule === undefined ? [] : [rule]);
};

test("floors: imports point down", () => {
  check("gateway/http/send.ts", 'import { quota } from "../core/quota.ts";\n', undefined);
  check("gateway/core/plan.ts", 'import { quota } from "./quota.ts";\n', undefined);
  check("gateway/core/plan.ts", 'import { send } from "../http/send.ts";\n', "floor");
  check("gateway/core/plan.ts", 'import type { Send } from "../objects/account.ts";\n', "floor");
  check("gateway/core/plan.ts", 'const late = await import("../objects/account.ts");\n', "floor");
  check("gateway/http/send.ts", 'import {\n  a,\n  b,\n} from "../cli/output.ts";\n', "floor");
  check("gateway/contract/email.ts", 'import { z } from "zod";\nimport { a } from "#dns/domain.ts";\n', undefined);
  check("dns-tools/lib/spf.ts", 'import { email } from "#contract/email.ts";\n', "floor");
  check("relay-node/smtp/dialogue.ts", 'import { open } from "./connection.ts";\n', "floor");
  check("scripts/build.ts", "", "floor");
});

test("houses: entered by their names only", () => {
  check("relay-node/delivery/loop.ts", 'import { Outcome } from "#contract/outcome.ts";\n', undefined);
  check("relay-node/delivery/loop.ts", 'import { Outcome } from "../../gateway/contract/outcome.ts";\n', "house");
  check("relay-node/delivery/loop.ts", 'import { quota } from "../../gateway/core/quota.ts";\n', "house");
  check("gateway/http/send.ts", 'import { sign } from "../../relay-node/smtp/reply.ts";\n', "house");
  check("gateway/core/plan.ts", 'import { email } from "../contract/email.ts";\n', "house");
  check("gateway/contract/email.ts", 'import { ids } from "#contract/ids.ts";\n', "house");
  check("tests/quota.test.ts", 'import { quota } from "../gateway/core/quota.ts";\n', undefined);
});

test("cycles, also through a `#` name and types", () => {
  const cycle = new Map([
    ["relay-node/a.ts", 'import { b } from "./b.ts";\n'],
    ["relay-node/b.ts", 'import type { C } from "./c.ts";\n'],
    ["relay-node/c.ts", 'import { a } from "./a.ts";\n'],
  ]);
  expect(findFaults(cycle)).toEqual([
    {
      rule: "cycle",
      path: "relay-node/a.ts",
      detail: "relay-node/a.ts → relay-node/b.ts → relay-node/c.ts → relay-node/a.ts",
    },
  ]);
  check("relay-node/a.ts", 'import { a } from "./a.ts";\n', "cycle");
});

test("barrels and default exports", () => {
  check("gateway/core/all.ts", 'export * from "./quota.ts";\n', "barrel");
  check("gateway/core/all.ts", 'export { quota } from "./quota.ts";\n', "barrel");
  check("gateway/core/all.ts", 'export type {\n  Quota,\n} from "./quota.ts";\n', "barrel");
  check("gateway/core/plan.ts", "export default 1;\n", "default-export");
  check("gateway/core/plan.ts", "const a = 1;\nexport { a as default };\n", "default-export");
  check("gateway/index.ts", 'export { Account } from "./objects/account.ts";\nexport default {};\n', undefined);
  check("gateway/index.ts", 'export * from "./objects/account.ts";\n', "barrel");
  check("tests/crash/vitest.config.ts", "export default {};\n", undefined);
});

test("specifiers carry .ts", () => {
  check("gateway/core/plan.ts", 'import { quota } from "./quota";\n', "extension");
  check("gateway/core/plan.ts", 'import { quota } from "./quota.js";\n', "extension");
  check("gateway/core/plan.ts", 'import { a } from "#dns/domain";\n', "extension");
});

test("a file is one idea, with a name that says which", () => {
  const lines = (count: number): string => "export const a = [\n" + "  1,\n".repeat(count - 2) + "];\n";
  check("gateway/core/plan.ts", `/**\n * About.\n */\n\n// Why.\n${lines(300)}`, undefined);
  check("gateway/core/plan.ts", lines(301), "length");
  check("gateway/core/utils.ts", "", "name");
  check("gateway/core/shared/plan.ts", "", "name");
  check("gateway/core/quota-manager.ts", "", "name");
  check("gateway/core/QuotaPlan.ts", "", "name");
});

test("pure floors import no package but zod, and read no clock, chance, network or environment", () => {
  check("gateway/core/plan.ts", 'import { z } from "zod";\n', undefined);
  check("gateway/core/plan.ts", 'import { Hono } from "hono";\n', "package");
  check("dns-tools/lib/spf.ts", 'import { z } from "zod";\n', "package");
  check("relay-node/smtp/dialogue.ts", 'import { connect } from "node:net";\n', "package");
  check("relay-node/smtp/connection.ts", 'import { connect } from "node:net";\n', undefined);
  check("gateway/core/plan.ts", "export const nowMs = Date.now();\n", "purity");
  check("gateway/core/plan.ts", "// Never Date.now() here.\nexport const a = 1;\n", undefined);
  check("relay-node/smtp/dialogue.ts", "const id = crypto.randomUUID();\n", "purity");
  check("gateway/objects/account.ts", "export const nowMs = Date.now();\n", undefined);
});
