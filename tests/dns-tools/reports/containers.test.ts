/**
 * What reports come in: told by content, not by name; and that whatever a report says is read back from it.
 */
import { gzipSync } from "node:zlib";
import { strToU8, zipSync } from "fflate";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { AggregateReport, AuthenticationResult } from "../../../dns-tools/lib/dmarc-report.ts";
import { readReport } from "../../../dns-tools/reports/read-report.ts";
import { feedbackText } from "./feedback-text.ts";
import { record, report } from "./sample-report.ts";

const REPORT = report([record({ messages: 7, dkim: "pass" })]);
const XML = strToU8(feedbackText(REPORT));

const check = async (input: Uint8Array | string): Promise<void> => {
  expect(await readReport(typeof input === "string" ? strToU8(input) : input)).toEqual({
    kind: "report",
    report: REPORT,
  });
};

const mail = (type: string, name: string, content: Uint8Array, head = ""): string =>
  [
    `${head}From: DMARC reports <noreply@receiver.test>`,
    "To: dmarc@example.com",
    "Subject: Report Domain: example.com Submitter: receiver.test Report-ID: <r1>",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain",
    "",
    "This is an aggregate report.",
    "--b",
    `Content-Type: ${type}; name="${name}"`,
    `Content-Disposition: attachment; filename="${name}"`,
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.from(content).toString("base64").replaceAll(/.{76}/g, "$&\r\n"),
    "--b--",
    "",
  ].join("\r\n");

const alone = (content: Uint8Array): string =>
  `Received: from a.test by b.test\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n${Buffer.from(content).toString("base64")}\n`;

test.each<[string, Uint8Array | string]>([
  ["XML", XML],
  ["gzip", gzipSync(XML)],
  ["zip", zipSync({ "receiver.test!example.com!1!2.xml": XML })],
  ["zip, stored", zipSync({ "R.XML": XML }, { level: 0 })],
  ["zip, other files first", zipSync({ "readme.txt": strToU8("hello"), "r.xml": XML, "b.xml": strToU8("<b/>") })],
  ["mail with gzip", mail("application/gzip", "r.xml.gz", gzipSync(XML))],
  ["mail with zip, its type wrong", mail("application/octet-stream", "r", zipSync({ "r.xml": XML }))],
  ["mail with XML", mail("text/xml", "r.xml", XML)],
  [
    "mail out of an mbox",
    mail("application/gzip", "r.xml.gz", gzipSync(XML), "From reports Mon Nov  2 01:00:00 2026\r\n"),
  ],
  ["mail that is the report", alone(gzipSync(XML))],
])("%s", async (_, input) => {
  await check(input);
});

test("a mail without a report, or with an archive that holds an archive", async () => {
  expect(await readReport(strToU8(mail("text/plain", "a.txt", strToU8("hello"))))).toMatchObject({
    problem: "no-report-inside",
  });
  expect(await readReport(strToU8(mail("application/gzip", "r.gz", gzipSync(gzipSync(XML)))))).toMatchObject({
    problem: "nested",
  });
});

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const domain = fc
  .tuple(label, fc.constantFrom("example", "test", "co.uk"))
  .map(([name, suffix]) => `${name}.${suffix}`);
/** What is kept as it is: one line, no blanks around it, not too long. */
const text = fc
  .string({ minLength: 1, maxLength: 60, unit: "grapheme" })
  .map((some) => some.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\uFEFF]/gu, "").trim())
  .filter((some) => some !== "");
const result = fc.constantFrom<AuthenticationResult>(
  "none",
  "pass",
  "fail",
  "neutral",
  "policy",
  "softfail",
  "temperror",
  "permerror",
);
const sourceIp = fc.oneof(
  fc.ipV4(),
  fc
    .tuple(fc.integer({ min: 1, max: 0xffff }), fc.integer({ min: 1, max: 0xffff }))
    .map(([a, b]) => `2001:db8::${a.toString(16)}:${b.toString(16)}`),
);
const optional = <K extends string, T>(key: K, value: fc.Arbitrary<T>): fc.Arbitrary<Partial<Record<K, T>>> =>
  fc.record({ [key]: value }, { requiredKeys: [] }) as fc.Arbitrary<Partial<Record<K, T>>>; // fast-check types a computed key as any string.
const aReport: fc.Arbitrary<AggregateReport> = fc.record({
  organization: text,
  reportId: text,
  beginSeconds: fc.integer({ min: 0, max: 2_000_000_000 }),
  endSeconds: fc.integer({ min: 2_000_000_000, max: 9_999_999_999 }),
  published: fc.record({
    domain,
    policy: fc.constantFrom("none", "quarantine", "reject"),
    adkim: fc.constantFrom("r", "s"),
    aspf: fc.constantFrom("r", "s"),
    testing: fc.boolean(),
  }),
  records: fc.array(
    fc
      .tuple(
        fc.record({
          sourceIp,
          messages: fc.integer({ min: 1, max: 1_000_000_000 }),
          disposition: fc.constantFrom("none", "pass", "quarantine", "reject"),
          reasons: fc.array(
            fc
              .tuple(fc.constantFrom("forwarded", "local_policy"), optional("comment", text))
              .map(([type, more]) => ({ type, ...more })),
            { maxLength: 3 },
          ),
          dkim: fc.constantFrom("pass", "fail"),
          spf: fc.constantFrom("pass", "fail"),
          headerFrom: domain,
          dkimResults: fc.array(
            fc
              .tuple(fc.record({ domain, result }), optional("selector", text))
              .map(([one, more]) => ({ ...one, ...more })),
            { maxLength: 3 },
          ),
          spfResults: fc.array(fc.record({ domain, scope: fc.constantFrom("mfrom", "helo"), result }), {
            maxLength: 2,
          }),
        }),
        optional("envelopeFrom", domain),
      )
      .map(([one, more]) => ({ ...one, ...more })),
    { maxLength: 5 },
  ),
  leftOut: fc.constant(0),
});

test("whatever a report says is read back", async () => {
  await fc.assert(
    fc.asyncProperty(aReport, async (some) => {
      expect(await readReport(gzipSync(feedbackText(some)))).toEqual({ kind: "report", report: some });
    }),
    { numRuns: 300 },
  );
});

test("octets of any kind are answered with a value", async () => {
  const spoiled = fc
    .tuple(fc.nat(XML.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }))
    .map(([at, octets]) => {
      const copy = Uint8Array.from(XML);
      copy.set(octets.subarray(0, copy.length - at), at);
      return copy;
    });
  const packed = spoiled.map((octets) => Uint8Array.from(gzipSync(octets)));
  const zipped = fc.tuple(fc.nat(200), fc.uint8Array({ minLength: 1, maxLength: 4 })).map(([at, octets]) => {
    const copy = zipSync({ "r.xml": XML });
    copy.set(octets, Math.min(at, copy.length - 4));
    return copy;
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 500 }), spoiled, packed, zipped), async (octets) => {
      expect(["report", "refused"]).toContain((await readReport(octets)).kind);
    }),
    { numRuns: 500 },
  );
});
