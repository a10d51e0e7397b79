/** The text as octoDNS reads it: kept whole, and value by value. */
import { describe, expect, test } from "vitest";
import { formatOctodns } from "#dns/export/octodns.ts";
import { txtRecord, type MailRecord } from "#dns/zone.ts";
import { HOSTILE, SAMPLE } from "./sample-plan.ts";

test("the sample", async () => {
  await expect(formatOctodns(SAMPLE, "d.test")).toMatchFileSnapshot("../../../vectors/export/sample-octodns.txt");
});

describe("values", () => {
  const check = (to: MailRecord, value: string): void => {
    test(value, () => {
      const text = formatOctodns([{ kind: "add", purpose: "SPF", to, beside: [] }], "d.test");
      expect(text).toBe(`---\n'x':\n- ttl: 3600\n  type: ${to.type}\n  values:\n  - ${value}\n`);
    });
  };
  const text = (value: string): MailRecord => txtRecord("x.d.test", value);
  check(text("v=DMARC1; p=none;"), String.raw`'v=DMARC1\; p=none\;'`);
  check(text("it's"), "'it''s'");
  check(text('a "b" c'), `'a "b" c'`);
  check(text('"a"'), `'""a""'`);
  check(text("a\\b"), String.raw`'a\\b'`);
  check(text('a" " "b'), String.raw`'a"\032"\032"b'`);
  check(text("a\\;"), String.raw`'a\092\;'`);
  check(text("é\n"), String.raw`'\195\169\010'`);
  check(text(""), "''");
  check(text("x".repeat(300)), `'${"x".repeat(300)}'`);
  check({ name: "x.d.test", type: "CNAME", data: "a.test" }, "'a.test.'");
  check(
    { ...HOSTILE, name: "x.d.test" },
    String.raw`'""it''s" \\ \${var.x} %{if} \; # // */ \013\010\009\226\128\168\195\169\000\255"'`.replace(
      String.raw`\${`,
      "${",
    ),
  );
});

test("names are in the order that octoDNS wants: numbers by their size", () => {
  const names = ["s10.d.test", "s2.d.test", "_dmarc.d.test", "d.test", "2.d.test", "10.d.test", "s.d.test"];
  const text = formatOctodns(
    names.map((name) => ({ kind: "add", purpose: "DKIM", to: txtRecord(name, "x"), beside: [] })),
    "d.test",
  );
  expect(Array.from(text.matchAll(/^'(.*)':$/gm), ([, label]) => label)).toEqual([
    "",
    "2",
    "10",
    "_dmarc",
    "s",
    "s2",
    "s10",
  ]);
});

test("nothing to do", () => {
  expect(formatOctodns([], "d.test")).toBe("---\n{}\n");
});
