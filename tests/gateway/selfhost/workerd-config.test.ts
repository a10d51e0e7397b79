import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { formatWorkerdConfig, readWranglerFacts } from "../../../gateway/selfhost/workerd-config.ts";

const facts = readWranglerFacts(readFileSync(new URL("../../../wrangler.toml", import.meta.url), "utf8"));
const plain = {
  facts,
  address: "127.0.0.1:1",
  modulePath: "a.js",
  objectsDir: "/d",
  variables: ["HIKYAKU_MASTER_KEY"],
};

test("the facts of our wrangler.toml are found", () => {
  expect(facts.compatibilityDate).toMatch(/^\d{4}-\d\d-\d\d$/);
  expect(facts.classes).toContainEqual({ binding: "ACCOUNT", className: "Account" });
  expect(facts.classes.map((each) => each.className).toSorted()).toEqual(["Account", "Directory", "Endpoint", "Pool"]);
  expect(facts.vars).toHaveProperty("HIKYAKU_RETRY");
});

test("a wrangler.toml without a date or a class is refused", () => {
  expect(() => readWranglerFacts('name = "x"\n')).toThrow(/compatibilityDate/);
});

test("stored objects stay tied to their classes by these keys, for ever", () => {
  const config = formatWorkerdConfig({ ...plain, allowPrivate: false });
  for (const name of ["Account", "Pool", "Directory", "Endpoint"])
    expect(config).toContain(`(className = "${name}", uniqueKey = "hikyaku-${name}", enableSql = true)`);
});

test("only the operator's word opens private addresses", () => {
  expect(formatWorkerdConfig({ ...plain, allowPrivate: false })).toContain('allow = ["public"],');
  expect(formatWorkerdConfig({ ...plain, allowPrivate: true })).toContain('allow = ["public", "private", "local"],');
});

test("values of the environment are bound by name, never written", () => {
  const config = formatWorkerdConfig({ ...plain, allowPrivate: false });
  expect(config).toContain('(name = "HIKYAKU_MASTER_KEY", fromEnvironment = "HIKYAKU_MASTER_KEY")');
});

test("a path with a quote or a backslash stays inside its string", () => {
  const config = formatWorkerdConfig({ ...plain, objectsDir: '/a"b\\c', allowPrivate: false });
  expect(config).toContain('path = "/a\\"b\\\\c"');
});
