/**
 * The command line at work on the running service: what an operator does with accounts, and an account for itself.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, type Run } from "../gateway/cli/fake-api.ts";
import { startStack, type Stack } from "../support/stack.ts";

let stack: Stack;
let account: { id: string; token: string };

beforeAll(async () => {
  stack = await startStack({ env: { HIKYAKU_LOG: "error" } });
  account = await stack.createAccount();
});
afterAll(async () => {
  await stack?.stop();
});

const operator = (...args: string[]): Promise<Run> => run([...args, "--data", stack.dataDir, "--url", stack.url]);
const owner = (...args: string[]): Promise<Run> =>
  run(args, { HIKYAKU_API_KEY: account.token, HIKYAKU_GATEWAY_URL: stack.url });

test("an operator sets limits, suspends, resumes, and reads who did it", async () => {
  const set = await operator("accounts", "limits", account.id, "--set", "recipients_per_24_hours=77");
  expect(set).toMatchObject({ exit: 0, out: expect.stringMatching(/recipients_per_24_hours +77/) });
  expect(await owner("limits")).toMatchObject({
    exit: 0,
    out: expect.stringMatching(/recipients_per_24_hours +0 +77/),
  });
  expect(await operator("accounts", "limits", account.id, "--set", "recipients=1")).toMatchObject({ exit: 2 });

  expect(await operator("accounts", "suspend", account.id)).toMatchObject({
    exit: 0,
    out: expect.stringContaining("suspended"),
  });
  expect(await owner("limits")).toMatchObject({ exit: 1, err: expect.stringContaining("suspended") });
  expect((await operator("accounts", "list")).out).toMatch(new RegExp(`${account.id} +suspended`));
  expect(await operator("accounts", "resume", account.id)).toMatchObject({ exit: 0 });
  const audit = await operator("accounts", "audit", account.id);
  expect(audit.out.match(/operator +127\.0\.0\.1 +account\.updated/g)).toHaveLength(3);
});

test("an owner makes, lists, turns and revokes keys", async () => {
  const made = await owner("keys", "create", "--name", "ci", "--sending-only", "--json");
  const { id, token } = JSON.parse(made.out) as { id: string; token: string };
  expect((await owner("keys", "list")).out).toMatch(new RegExp(`${id} +sending_access`));
  expect(await owner("keys", "list", "--key", token)).toMatchObject({
    exit: 1,
    err: expect.stringContaining("restricted_api_key"),
  });
  const turned = await owner("keys", "rotate", id, "--json");
  const next = (JSON.parse(turned.out) as { id: string }).id;
  expect(await owner("keys", "revoke", next)).toMatchObject({ exit: 0 });
  expect(await owner("keys", "revoke", next)).toMatchObject({ exit: 1 });
});

test("an owner adds a domain and is told what to publish; what could not be looked up is no answer", async () => {
  const added = await owner("domains", "add", "Shop.Example");
  expect(added.out.split("\n")[0]).toBe("shop.example: not_started");
  expect(added.out).toMatch(/not_started +MX +send\.shop\.example +10 bounce\.localhost/);
  expect(added.out).toMatch(/TXT +hikyaku1\._domainkey\.shop\.example +v=DKIM1; k=rsa; p=/);
  expect(await owner("domains", "verify", "shop.example")).toMatchObject({ exit: 3 });
  expect((await owner("domains", "list")).out).toContain("shop.example");
  expect(await owner("domains", "remove", "shop.example")).toMatchObject({ exit: 0 });
  expect(await owner("domains", "show", "shop.example")).toMatchObject({ exit: 1 });
});

test("a bulk file goes once, however often the command is given", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "hikyaku-bulk-")), "news.ndjson");
  const lines = [
    { from: "a@sandbox.test", subject: "Hello {{n}}", text: "{{n}}" },
    { to: "one@sandbox.test", variables: { n: 1 } },
    { to: "two@sandbox.test" },
  ];
  writeFileSync(file, lines.map((line) => JSON.stringify(line)).join("\n"));
  const first = await owner("bulk", file);
  expect(first).toMatchObject({
    exit: 1,
    out: expect.stringMatching(/1 accepted, 1 refused\n {2}line 3: Missing variable `n`\./),
  });
  expect(await owner("bulk", file)).toEqual(first);
  expect(await owner("bulk", "nowhere.ndjson")).toMatchObject({ exit: 2 });
});

test("closing an account asks for a yes", async () => {
  expect(await operator("accounts", "delete", account.id)).toMatchObject({
    exit: 2,
    err: expect.stringContaining("--yes"),
  });
  expect(await operator("accounts", "delete", account.id, "--yes")).toMatchObject({ exit: 0 });
  expect(await owner("limits")).toMatchObject({ exit: 1, err: expect.stringContaining("invalid_api_key") });
});
