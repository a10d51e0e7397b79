/** A report on its way to the gateway keeps what matters most within its bounds, and counts the rest. */
import { expect, test } from "vitest";
import { boundReport, DMARC_REPORT_CHARACTERS, PostedReport } from "#contract/dmarc-report.ts";
import type { AggregateReport } from "#dns/dmarc-report.ts";
import { record, report } from "../dns-tools/reports/sample-report.ts";

const recipient = "dmarc-0123456789ab.1.0123456789abcdef@bounce.test";
const posted = (bounded: AggregateReport): unknown =>
  JSON.parse(JSON.stringify({ recipient, authenticated: [], report: bounded }));

test("a small report goes as it is, the most messages first", () => {
  const [few, many] = [record({ messages: 1 }), record({ messages: 9, envelopeFrom: "a.test" })];
  expect(boundReport(report([few, many]))).toEqual(report([many, few]));
  expect(PostedReport.parse(posted(boundReport(report([few, many]))))).toEqual({
    ...{ recipient, authenticated: [] },
    report: report([many, few]),
  });
});

test("of a large one the records with the most messages go, and the rest is counted", () => {
  const signature = { domain: "d".repeat(300), selector: "s".repeat(320), result: "pass" } as const;
  const records = Array.from({ length: 5000 }, (_, at) =>
    record({ messages: at + 1, dkimResults: Array.from({ length: 100 }, () => signature) }),
  );
  const bounded = boundReport(report(records, { leftOut: 3 }));
  expect(bounded.records.length).toBeGreaterThan(10);
  expect(bounded.records.length + bounded.leftOut).toBe(5003);
  expect(bounded.records[0]).toMatchObject({ messages: 5000 });
  expect(bounded.records[0]?.dkimResults).toHaveLength(10);
  expect(JSON.stringify(bounded).length).toBeLessThanOrEqual(DMARC_REPORT_CHARACTERS);
  expect(PostedReport.safeParse(posted(bounded)).success).toBe(true);
  // One that came by no relay of ours.
  expect(PostedReport.safeParse(posted(report(records.slice(0, 500)))).success).toBe(false);
  const small = records.map(({ messages }) => record({ messages }));
  expect(PostedReport.safeParse(posted(report(small))).success).toBe(false);
});
