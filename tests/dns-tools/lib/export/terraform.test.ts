/** The texts for each provider: kept whole; what would end a string or begin a template in HCL; names of resources. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatTerraform, type TerraformProvider } from "#dns/export/terraform.ts";
import { txtRecord, type Change } from "#dns/zone.ts";
import { SAMPLE } from "./sample-plan.ts";

const PROVIDERS: readonly TerraformProvider[] = ["cloudflare", "route53", "google"];

for (const provider of PROVIDERS)
  test(`the sample for ${provider}`, async () => {
    await expect(formatTerraform(SAMPLE, provider)).toMatchFileSnapshot(
      `../../../vectors/export/sample-${provider}.tf`,
    );
  });

const add = (name: string, text: string): Change => ({
  kind: "add",
  purpose: "DKIM",
  to: txtRecord(name, text),
  beside: [],
});

/** HCL's quoted template, as far as it has no templates: `undefined` when it has one, or does not end. */
const readQuoted = (line: string): string | undefined => {
  const [, inner] = /^"((?:[^"\\$%]|\\["\\]|\$\$(?=\{)|%%(?=\{)|[$%](?![{$%])|[$%](?=[$%](?!\{)))*)"$/.exec(line) ?? [];
  return inner?.replaceAll(/\\(["\\])/g, "$1").replaceAll(/([$%])\1(?=\{)/g, "$1");
};

test("any text comes back out of its quotes", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", '"', "\\", "{", "}", " "), maxLength: 40 }), (text) => {
      const [, content = ""] = /content = (.*)/.exec(formatTerraform([add("d.test", text)], "cloudflare")) ?? [];
      const quoted = readQuoted(content);
      expect(quoted?.slice(1, -1).replaceAll(/\\(.)/g, "$1")).toBe(text);
    }),
  );
});

describe("templates are texts", () => {
  const check = (text: string, expected: string): void => {
    test(text, () => {
      expect(formatTerraform([add("d.test", text)], "cloudflare")).toContain(`content = "\\"${expected}\\""\n`);
    });
  };
  check("${a}", "$${a}");
  check("%{if}", "%%{if}");
  check("$a %b {c}", "$a %b {c}");
});

test("each record has a resource of its own name", () => {
  const names = ["a.b.test", "a-b.test", "a--b.test", "a_b.test"];
  const text = formatTerraform(
    names.map((name) => add(name, "x")),
    "google",
  );
  const resources = Array.from(text.matchAll(/^resource "\w+" "([^"]+)"/gm), ([, name]) => name);
  expect(new Set(resources).size).toBe(names.length);
  for (const name of resources) expect(name).toMatch(/^[a-z][a-z0-9_-]*$/);
});

test("nothing to do", () => {
  expect(formatTerraform([], "route53")).toBe('variable "zone_id" {\n  type = string\n}\n');
});
