/**
 * octoDNS's file as YAML readers read it, 1.1 (which octoDNS's is) and 1.2 alike, and then as octoDNS's source
 * (`yaml.py`, `record/chunked.py`) makes records of it: they are the plan's.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { formatOctodns } from "#dns/export/octodns.ts";
import { isEdit } from "#dns/zone.ts";
import { lineOf, plans } from "./read-back-plans.ts";
import { readZone } from "./zone-file-reader.ts";

const Value = z.union([z.string(), z.strictObject({ exchange: z.string(), preference: z.int() })]);
const File = z.record(
  z.string(),
  z.array(
    z.strictObject({ ttl: z.literal(3600), type: z.enum(["CNAME", "MX", "TXT"]), values: z.array(Value).min(1) }),
  ),
);

/** octoDNS's natsort, and its stable sort: the number 2 comes before the number 12. */
const naturalOrder = (names: readonly string[]): string[] => {
  const collator = new Map(names.map((name) => [name, name.split(/(\d+)/)]));
  return names.toSorted((a, b) => {
    const [as, bs] = [collator.get(a) ?? [], collator.get(b) ?? []];
    for (let at = 0; at < Math.min(as.length, bs.length); at++) {
      const [one = "", other = ""] = [as[at], bs[at]];
      const [x, y] = at % 2 === 1 ? [BigInt(one), BigInt(other)] : [one, other];
      if (x !== y) return x < y ? -1 : 1;
    }
    return as.length - bs.length;
  });
};

/** What octoDNS hands to a DNS host for a TXT, read as a zone file's. */
const octetsOf = (value: string): string => {
  expect(value, "octoDNS refuses what is not ASCII").toMatch(/^[ -~]*$/);
  expect(value, "unescaped ;").not.toMatch(/\w;/);
  expect(value, "double escaped ;").not.toContain("\\\\;");
  const whole = (value.startsWith('"') ? value.slice(1, -1) : value).replaceAll('" "', "");
  const [record] = readZone(`x 1 IN TXT "${whole.replaceAll('"', '\\"')}"`);
  return record?.data.flat().join() ?? "";
};

const read = (name: string, type: string, value: z.infer<typeof Value>): string => {
  if (typeof value === "object") return `${name} ${type} ${value.preference} ${value.exchange}`;
  return `${name} ${type} ${type === "TXT" ? octetsOf(value) : value}`;
};

test("any plan", () => {
  fc.assert(
    fc.property(plans, (changes) => {
      const text = formatOctodns(changes, "d.test");
      const file = File.parse(parse(text, { version: "1.1" }));
      expect(file).toEqual(parse(text, { version: "1.2" }));
      const inText = Array.from(text.matchAll(/^'(.*)':$/gm), ([, label = ""]) => label);
      expect(inText, "octoDNS refuses names out of order").toEqual(naturalOrder(inText));
      const records = Object.entries(file).flatMap(([label, sets]) =>
        sets.flatMap(({ type, values }) =>
          values.map((value) => read(label === "" ? "d.test" : `${label}.d.test`, type, value)),
        ),
      );
      const wanted = changes.filter(isEdit).flatMap(({ to, beside }) => [to, ...beside].map(lineOf));
      expect(records.toSorted()).toEqual(wanted.toSorted());
    }),
  );
});
