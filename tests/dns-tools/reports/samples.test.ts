/**
 * Reports in the manner of those who send them, each with its own deviations: what is read of each, and that an
 * independent XML parser counts the same.
 */
import { readdirSync, readFileSync } from "node:fs";
import { XMLParser } from "fast-xml-parser";
import { expect, test } from "vitest";
import { z } from "zod";
import { readReport } from "../../../dns-tools/reports/read-report.ts";
import type { AggregateReport } from "../../../dns-tools/lib/dmarc-report.ts";

const FOLDER = new URL("../../vectors/dmarc-reports/", import.meta.url);
const bytesOf = (name: string): Uint8Array => readFileSync(new URL(name, FOLDER));

const read = async (name: string): Promise<AggregateReport> => {
  const result = await readReport(bytesOf(name));
  if (result.kind !== "report") throw new Error(`${name} ${result.text}`);
  return result.report;
};

const SAMPLES: Record<string, { records: number; messages: number; leftOut?: number; says: object }> = {
  "google.xml": { records: 2, messages: 123, says: { organization: "google.com", reportId: "11223344556677889900" } },
  "microsoft.xml": {
    records: 1,
    messages: 14,
    says: {
      organization: "Outlook.com",
      records: [{ sourceIp: "2001:db8::1", envelopeFrom: "send.example.com", spfResults: [{ result: "none" }] }],
    },
  },
  "yahoo.xml": { records: 1, messages: 9, says: { organization: "Yahoo" } },
  "mail-ru.xml": { records: 1, messages: 4, says: { organization: "Mail.Ru" } },
  "fastmail.xml": {
    records: 1,
    messages: 2,
    says: { records: [{ reasons: [{ type: "mailing_list", comment: "known list" }], dkimResults: [{}, {}] }] },
  },
  "comcast.xml": {
    records: 1,
    messages: 31,
    says: { records: [{ dkim: "pass", spf: "pass", dkimResults: [{ domain: "example.com", result: "pass" }] }] },
  },
  "rspamd-mailcow.xml": {
    records: 1,
    messages: 1,
    says: { published: { policy: "reject" }, records: [{ disposition: "reject" }] },
  },
  "opendmarc.xml": { records: 1, messages: 2, says: { organization: "opendmarc.test" } },
  "rfc9990.xml": {
    records: 2,
    messages: 128,
    says: {
      published: { policy: "quarantine", adkim: "s", aspf: "r", testing: true },
      records: [{ disposition: "pass" }, { reasons: [{ type: "policy_test_mode", comment: "t=y" }] }],
    },
  },
  "prefixed-namespace.xml": {
    records: 1,
    messages: 6,
    says: { organization: "prefix.test", published: { policy: "reject" } },
  },
  "empty-fields.xml": {
    records: 1,
    messages: 1,
    says: {
      organization: "reports@small.test",
      published: { policy: "none", adkim: "r", aspf: "r", testing: false },
      records: [{ headerFrom: "example.com", disposition: "none", spf: "fail", dkimResults: [{ result: "pass" }] }],
    },
  },
  "addresses-for-domains.xml": {
    records: 1,
    messages: 1,
    says: {
      records: [
        { envelopeFrom: "send.example.com", headerFrom: "example.com", dkimResults: [{ domain: "example.com" }] },
      ],
    },
  },
  "sampled-out.xml": {
    records: 1,
    messages: 8,
    says: {
      records: [{ reasons: [{ type: "sampled_out" }, { comment: "arc=pass" }], spfResults: [{ result: "fail" }] }],
    },
  },
  "strict-alignment.xml": { records: 1, messages: 7, says: { published: { adkim: "s", aspf: "s" } } },
  "mapped-ipv6.xml": {
    records: 2,
    messages: 3,
    says: { records: [{ sourceIp: "192.0.2.10" }, { sourceIp: "2001:db8::1" }] },
  },
  "bom-and-cdata.xml": { records: 1, messages: 2, says: { organization: "Bits & Bobs", reportId: "c&1" } },
  "bare-ampersand.xml": { records: 1, messages: 2, says: { organization: "Bits & Bobs" } },
  "records-left-out.xml": { records: 1, messages: 3, leftOut: 5, says: {} },
  "no-records.xml": { records: 0, messages: 0, says: {} },
  "broken-signature.xml": {
    records: 1,
    messages: 11,
    says: { records: [{ dkimResults: [{ result: "permerror", selector: "old" }] }] },
  },
  "spf-only.xml": { records: 1, messages: 13, says: { records: [{ dkim: "fail", spf: "pass" }] } },
  "helo-scope.xml": { records: 1, messages: 1, says: { records: [{ spfResults: [{ scope: "helo" }] }] } },
};

test("every sample has its expectation", () => {
  expect(readdirSync(FOLDER).toSorted()).toEqual(Object.keys(SAMPLES).toSorted());
});

test.each(Object.entries(SAMPLES))("%s", async (name, { records, messages, leftOut = 0, says }) => {
  const report = await read(name);
  expect(report).toMatchObject({ beginSeconds: 1_793_491_200, endSeconds: 1_793_577_599, leftOut, ...says });
  expect(report.published.domain).toBe("example.com");
  expect(report.records).toHaveLength(records);
  expect(report.records.reduce((sum, record) => sum + record.messages, 0)).toBe(messages);
});

const Theirs = z.object({
  feedback: z.object({
    record: z.array(z.unknown()).default([]),
    report_metadata: z.object({ report_id: z.string() }),
  }),
});

test.each(Object.keys(SAMPLES))("%s has as many records for another parser", async (name) => {
  const parser = new XMLParser({
    removeNSPrefix: true,
    parseTagValue: false,
    isArray: (tag) => tag === "record",
  });
  const theirs = Theirs.parse(parser.parse(new TextDecoder().decode(bytesOf(name)))).feedback;
  const ours = await read(name);
  expect(theirs.record).toHaveLength(ours.records.length + ours.leftOut);
  expect(theirs.report_metadata.report_id).toBe(ours.reportId);
});
