/** The calls for the sample, and batches made against a zone as Cloudflare keeps it, over random plans. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cloudflareBatch, cloudflareListings, type CloudflareRecord } from "#dns/export/cloudflare.ts";
import { formatData } from "#dns/export/zone-file.ts";
import { applyChange, txtRecord, type Change, type MailRecord, type Zone } from "#dns/zone.ts";
import { HOSTILE, SAMPLE } from "./sample-plan.ts";

const ZONE_ID = "0123456789abcdef0123456789abcdef";

const listed = (
  records: readonly MailRecord[],
  content: (record: MailRecord) => string = contentOf,
): CloudflareRecord[] =>
  records.map((record, at) => ({
    id: `id-${at}`,
    name: record.name,
    type: record.type,
    content: content(record),
    ...(record.type === "MX" && { priority: record.data.preference }),
  }));
const contentOf = (record: MailRecord): string =>
  record.type === "TXT" ? formatData(record) : record.type === "MX" ? record.data.exchange : record.data;
const goneOf = (changes: readonly Change[]): MailRecord[] =>
  changes.flatMap((change) => (change.kind === "replace" ? change.from : []));

test("the sample", async () => {
  const calls = [
    ...cloudflareListings(SAMPLE, ZONE_ID),
    cloudflareBatch(SAMPLE, ZONE_ID, listed([HOSTILE, ...goneOf(SAMPLE)])),
  ];
  await expect(`${JSON.stringify(calls, undefined, 2)}\n`).toMatchFileSnapshot(
    "../../../vectors/export/sample-cloudflare.json",
  );
});

test("a record that is to go and is not listed stops everything", () => {
  expect(cloudflareBatch(SAMPLE, ZONE_ID, listed(goneOf(SAMPLE).slice(1)))).toEqual({
    kind: "not-found",
    record: goneOf(SAMPLE)[0],
  });
});

describe("how a listing may write what is to go", () => {
  const check = (title: string, record: MailRecord, found: Omit<CloudflareRecord, "id">, known: boolean): void => {
    test(title, () => {
      const changes: Change[] = [
        { kind: "replace", purpose: "SPF", from: [record], to: txtRecord("d.test", "x"), beside: [] },
      ];
      const expected = known ? "call" : "not-found";
      expect(cloudflareBatch(changes, ZONE_ID, [{ id: "1", ...found }]).kind).toBe(expected);
    });
  };
  const spf = txtRecord("d.test", 'v=spf1 "a" \\ -all');
  check("quoted", spf, { name: "d.test", type: "TXT", content: String.raw`"v=spf1 \"a\" \\ -all"` }, true);
  check("bare", spf, { name: "D.test", type: "TXT", content: 'v=spf1 "a" \\ -all' }, true);
  check("cut elsewhere", spf, { name: "d.test", type: "TXT", content: String.raw`"v=spf1 " "\"a\" \\ -\097ll"` }, true);
  check("another text", spf, { name: "d.test", type: "TXT", content: '"v=spf1 -all"' }, false);
  check("another name", spf, { name: "x.test", type: "TXT", content: formatData(spf) }, false);
  check("another type", spf, { name: "d.test", type: "SPF", content: formatData(spf) }, false);
  check("any octets", HOSTILE, { name: "d.test", type: "TXT", content: formatData(HOSTILE) }, true);
  check("octets as characters", txtRecord("d.test", "é"), { name: "d.test", type: "TXT", content: '"é"' }, true);
  const mx: MailRecord = { name: "d.test", type: "MX", data: { preference: 10, exchange: "a.test" } };
  check("MX", mx, { name: "d.test", type: "MX", content: "A.test", priority: 10 }, true);
  check("another priority", mx, { name: "d.test", type: "MX", content: "a.test", priority: 20 }, false);
  const cname: MailRecord = { name: "d.test", type: "CNAME", data: "a.test" };
  check("CNAME", cname, { name: "d.test", type: "CNAME", content: "a.test" }, true);
});

test("a batch does what the plan says", () => {
  const record = fc.oneof(
    fc
      .record({ text: fc.string({ unit: fc.constantFrom("a", '"', "\\", ";", "é", "\n"), maxLength: 300 }) })
      .map(({ text }): MailRecord => txtRecord("d.test", text)),
    fc
      .record({ preference: fc.nat(99), exchange: fc.constantFrom("a.test", "b.test") })
      .map((data): MailRecord => ({ name: "d.test", type: "MX", data })),
    fc.constant<MailRecord>({ name: "d.test", type: "CNAME", data: "c.test" }),
  );
  const records = fc.uniqueArray(record, {
    selector: (one) => `${one.type} ${formatData(one).replaceAll('" "', "")}`,
    minLength: 2,
    maxLength: 8,
  });
  fc.assert(
    fc.property(records, fc.nat(6), ([to, ...zone], count) => {
      if (to === undefined) return;
      const from = zone.slice(0, count);
      const change: Change =
        from.length > 0
          ? { kind: "replace", purpose: "SPF", from, to, beside: [] }
          : { kind: "add", purpose: "SPF", to, beside: [] };
      const before = listed(zone);
      const result = cloudflareBatch([change], ZONE_ID, before);
      if (result.kind !== "call") throw new Error(result.kind);
      const { deletes, patches, posts } = result.call.body;
      const patched = before
        .filter(({ id }) => !deletes.some((gone) => gone.id === id))
        .map((one) => ({ ...one, ...patches.find(({ id }) => id === one.id) }));
      const after = [...patched, ...posts].map(
        ({ name, type, content, priority }) => `${name} ${type} ${priority ?? ""} ${content}`,
      );
      const wanted: Zone = applyChange(zone, change);
      const expected = wanted.flatMap((one) =>
        one.type === "TXT" || one.type === "MX" || one.type === "CNAME" ? listed([one]) : [],
      );
      expect(after.toSorted()).toEqual(
        expected.map(({ name, type, content, priority }) => `${name} ${type} ${priority ?? ""} ${content}`).toSorted(),
      );
    }),
  );
});
