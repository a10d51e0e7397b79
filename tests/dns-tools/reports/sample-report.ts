/** A report and its records with what a test does not care about. */
import type { AggregateReport, ReportRecord } from "../../../dns-tools/lib/dmarc-report.ts";

export const record = (some: Partial<ReportRecord> = {}): ReportRecord => ({
  sourceIp: "192.0.2.1",
  messages: 1,
  disposition: "none",
  reasons: [],
  dkim: "fail",
  spf: "fail",
  headerFrom: "example.com",
  dkimResults: [],
  spfResults: [],
  ...some,
});

export const report = (records: readonly ReportRecord[], some: Partial<AggregateReport> = {}): AggregateReport => ({
  organization: "receiver.test",
  reportId: "r1",
  beginSeconds: 1_793_491_200,
  endSeconds: 1_793_577_599,
  published: { domain: "example.com", policy: "none", adkim: "r", aspf: "r", testing: false },
  records,
  leftOut: 0,
  ...some,
});
