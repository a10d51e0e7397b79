/**
 * A DMARC aggregate report that came by mail, on its way from a relay to the account whose domain it is about.
 *
 * It is what a stranger wrote: the token of the address that it came to says whose it is, SPF and DKIM of the mail say who
 * wrote it, and nothing says that it is true. It is bounded; what is beyond is counted in `leftOut`.
 */
import { z } from "zod";
import type { AggregateReport } from "#dns/dmarc-report.ts";

/** Of the JSON of one report. */
export const DMARC_REPORT_CHARACTERS = 200_000;
/** Signatures, checks and reasons of one record; the first ones say who it was. */
const MOST_RESULTS = 10;

/** Signatures that a relay verifies, and SPF. */
const MOST_AUTHENTICATED = 20;

/** As `readReport` cuts them. */
const Text = z.string().max(400);
const Seconds = z.int().min(0).max(9_999_999_999);
const Count = z.int().min(0).max(1_000_000_000_000);
const PassOrFail = z.enum(["pass", "fail"]);
const Alignment = z.enum(["r", "s"]);
const Result = z.enum(["none", "pass", "fail", "neutral", "policy", "softfail", "temperror", "permerror", "unknown"]);

const ReportRecord = z.object({
  sourceIp: Text,
  messages: Count,
  disposition: z.enum(["none", "pass", "quarantine", "reject"]),
  reasons: z.array(z.object({ type: Text, comment: Text.exactOptional() })).max(MOST_RESULTS),
  dkim: PassOrFail,
  spf: PassOrFail,
  headerFrom: Text,
  envelopeFrom: Text.exactOptional(),
  dkimResults: z.array(z.object({ domain: Text, selector: Text.exactOptional(), result: Result })).max(MOST_RESULTS),
  spfResults: z.array(z.object({ domain: Text, scope: z.enum(["mfrom", "helo"]), result: Result })).max(MOST_RESULTS),
});

/** `AggregateReport` of the DNS library, bounded. */
export const MailedReport = z.object({
  organization: Text,
  reportId: Text,
  beginSeconds: Seconds,
  endSeconds: Seconds,
  published: z.object({
    domain: Text,
    policy: z.enum(["none", "quarantine", "reject"]),
    adkim: Alignment,
    aspf: Alignment,
    testing: z.boolean(),
  }),
  records: z.array(ReportRecord),
  leftOut: Count,
}) satisfies z.ZodType<AggregateReport>;
export type MailedReport = z.infer<typeof MailedReport>;

/**
 * `POST /relay/inbound/dmarc`. Told twice, a report is kept once. `from`: domain of the one mailbox in From; `authenticated`:
 * domains that its mail is proved to be of.
 */
export const PostedReport = z.object({
  recipient: z.string().max(320),
  from: Text.exactOptional(),
  authenticated: z.array(Text).max(MOST_AUTHENTICATED),
  report: MailedReport.refine((report) => JSON.stringify(report).length <= DMARC_REPORT_CHARACTERS, {
    error: `has more than ${DMARC_REPORT_CHARACTERS} characters`,
  }),
});
export type PostedReport = z.infer<typeof PostedReport>;

/**
 * What became of it:
 * - `stored`: it is durable now
 * - `known`: it was before
 * - `forged`: the address is of our form and none of ours; nothing was asked or changed
 * - `no-domain`: the account has the domain no more
 * - `other-domain`: it is about a domain that has nothing to do with that of the address
 * - `unauthenticated`: its mail is not proved to be of whoever stands in its From
 * - `full`: the account has as many as it may keep, or as the domain or the author may have in a day
 */
export const MailedReportVerdict = z.enum([
  "stored",
  "known",
  "forged",
  "no-domain",
  "other-domain",
  "unauthenticated",
  "full",
]);
export type MailedReportVerdict = z.infer<typeof MailedReportVerdict>;
export const MailedReportReply = z.object({ verdict: MailedReportVerdict });

/** The report as it may be posted: the records with the most messages, as many as there is room for. */
export const boundReport = ({ records, leftOut, ...report }: AggregateReport): MailedReport => {
  const kept: MailedReport["records"] = [];
  // Room for the number that may grow.
  let left = DMARC_REPORT_CHARACTERS - JSON.stringify({ ...report, records: [], leftOut }).length - 20;
  for (const record of records.toSorted((a, b) => b.messages - a.messages)) {
    const cut = {
      ...record,
      reasons: record.reasons.slice(0, MOST_RESULTS),
      dkimResults: record.dkimResults.slice(0, MOST_RESULTS),
      spfResults: record.spfResults.slice(0, MOST_RESULTS),
    };
    left -= JSON.stringify(cut).length + 1;
    if (left < 0) break;
    kept.push(cut);
  }
  return { ...report, records: kept, leftOut: leftOut + records.length - kept.length };
};
