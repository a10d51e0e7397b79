/**
 * The XML of an aggregate report read into what it says: RFC 9990 Appendix A, and RFC 7489 Appendix C before it.
 *
 * Reporters deviate, and their reports count all the same: a missing version or namespace, capitals, empty elements,
 * several results, an address where a domain belongs. A record without source, number or result says nothing; it is left
 * out and counted.
 */
import { parseDomain } from "#dns/domain.ts";
import type { AlignmentMode, DmarcPolicy } from "#dns/dmarc.ts";
import type {
  AggregateReport,
  AuthenticationResult,
  DkimOutcome,
  OverrideReason,
  PublishedPolicy,
  ReportRecord,
  SpfOutcome,
} from "#dns/dmarc-report.ts";
import { shown } from "#dns/look-up-findings.ts";
import { canonicalIp } from "./canonical-ip.ts";
import { readXml, type XmlElement } from "./xml.ts";

export type FeedbackResult = { kind: "report"; report: AggregateReport } | { kind: "malformed"; reason: string };

/** Of one report; what is over it is left out and counted. */
export const MOST_RECORDS = 200_000;
/** RFC 9990 §3.1.3 has a reporter give up to 100 signatures. */
const MOST_RESULTS = 100;
const MOST_REASONS = 10;
/** A domain has 253 characters. */
const LONGEST_TEXT = 320;

export const readFeedback = (text: string): FeedbackResult => {
  let metadata: XmlElement | undefined;
  let policy: XmlElement | undefined;
  const records: XmlRecord[] = [];
  let leftOut = 0;
  for (const part of readXml(text)) {
    if (part.kind === "malformed") return part;
    if (part.kind === "root") {
      if (part.name.toLowerCase() !== "feedback") return malformed(`it is <${part.name.slice(0, 60)}>, not <feedback>`);
      continue;
    }
    const { element } = part;
    if (element.name === "report_metadata") metadata ??= element;
    else if (element.name === "policy_published") policy ??= element;
    else if (element.name === "record") {
      const record = records.length < MOST_RECORDS ? readRecord(element) : undefined;
      if (record === undefined) leftOut += 1;
      else records.push(record);
    }
  }
  const published = readPolicy(policy);
  if (published === undefined) return malformed("it does not say which domain it is about");
  const period = readPeriod(child(metadata, "date_range"));
  if (period === undefined) return malformed("it does not say which time it is about");
  const { domain } = published;
  return {
    kind: "report",
    report: {
      organization: textOf(metadata, "org_name") || textOf(metadata, "email") || "an unnamed reporter",
      reportId: textOf(metadata, "report_id"),
      ...period,
      published,
      // RFC 9990 Appendix A asks for header_from; where it is empty, the domain of the policy is what is known.
      records: records.map(({ headerFrom = domain, ...record }) => ({ ...record, headerFrom })),
      leftOut,
    },
  };
};

const malformed = (reason: string): FeedbackResult => ({ kind: "malformed", reason });

type XmlRecord = Omit<ReportRecord, "headerFrom"> & { headerFrom?: string };

const readRecord = (record: XmlElement): XmlRecord | undefined => {
  const row = child(record, "row");
  const evaluated = child(row, "policy_evaluated");
  const identifiers = child(record, "identifiers") ?? child(record, "identities");
  const results = child(record, "auth_results");
  const sourceIp = canonicalIp(textOf(row, "source_ip"));
  const messages = readCount(textOf(row, "count"));
  const [dkim, spf] = [textOf(evaluated, "dkim"), textOf(evaluated, "spf")];
  if (sourceIp === undefined || messages === undefined || (dkim === "" && spf === "")) return undefined;
  const [headerFrom, envelopeFrom] = [domainOf(identifiers, "header_from"), domainOf(identifiers, "envelope_from")];
  return {
    sourceIp,
    messages,
    disposition: readDisposition(textOf(evaluated, "disposition")),
    reasons: children(evaluated, "reason").slice(0, MOST_REASONS).flatMap(readReason),
    dkim: passOrFail(dkim),
    spf: passOrFail(spf),
    ...(headerFrom !== undefined && { headerFrom }),
    ...(envelopeFrom !== undefined && { envelopeFrom }),
    dkimResults: children(results, "dkim").slice(0, MOST_RESULTS).flatMap(readDkim),
    spfResults: children(results, "spf").slice(0, MOST_RESULTS).flatMap(readSpf),
  };
};

const readCount = (text: string): number | undefined => (/^0*[1-9]\d{0,11}$/.test(text) ? Number(text) : undefined);

const passOrFail = (text: string): "pass" | "fail" => (text.toLowerCase() === "pass" ? "pass" : "fail");

const readDisposition = (text: string): ReportRecord["disposition"] => {
  const lower = text.toLowerCase();
  return lower === "pass" || lower === "quarantine" || lower === "reject" ? lower : "none";
};

const readReason = (reason: XmlElement): OverrideReason[] => {
  const [type, comment] = [textOf(reason, "type").toLowerCase(), textOf(reason, "comment")];
  if (type === "" && comment === "") return [];
  return [{ type: type || "other", ...(comment !== "" && { comment }) }];
};

const readDkim = (dkim: XmlElement): DkimOutcome[] => {
  const domain = domainOf(dkim, "domain");
  const selector = textOf(dkim, "selector");
  if (domain === undefined) return [];
  return [{ domain, ...(selector !== "" && { selector }), result: readResult(textOf(dkim, "result")) }];
};

const readSpf = (spf: XmlElement): SpfOutcome[] => {
  const domain = domainOf(spf, "domain");
  if (domain === undefined) return [];
  const scope = textOf(spf, "scope").toLowerCase() === "helo" ? "helo" : "mfrom";
  return [{ domain, scope, result: readResult(textOf(spf, "result")) }];
};

const RESULTS: Readonly<Record<string, AuthenticationResult>> = {
  none: "none",
  pass: "pass",
  fail: "fail",
  neutral: "neutral",
  policy: "policy",
  softfail: "softfail",
  temperror: "temperror",
  permerror: "permerror",
  // As they were called before RFC 7208.
  hardfail: "fail",
  error: "temperror",
};
const readResult = (text: string): AuthenticationResult => {
  const lower = text.toLowerCase();
  return (Object.hasOwn(RESULTS, lower) ? RESULTS[lower] : undefined) ?? "unknown";
};

const readPolicy = (policy: XmlElement | undefined): PublishedPolicy | undefined => {
  const domain = domainOf(policy, "domain");
  if (domain === undefined) return undefined;
  const mode = (name: string): AlignmentMode => (/^s/i.test(textOf(policy, name)) ? "s" : "r");
  return {
    domain,
    policy: readDmarcPolicy(textOf(policy, "p")),
    adkim: mode("adkim"),
    aspf: mode("aspf"),
    testing: textOf(policy, "testing").toLowerCase() === "y",
  };
};

const readDmarcPolicy = (text: string): DmarcPolicy => {
  const lower = text.toLowerCase();
  return lower === "quarantine" || lower === "reject" ? lower : "none";
};

const readPeriod = (range: XmlElement | undefined): { beginSeconds: number; endSeconds: number } | undefined => {
  const [begin, end] = [readSeconds(textOf(range, "begin")), readSeconds(textOf(range, "end"))];
  if (begin === undefined || end === undefined) return undefined;
  return { beginSeconds: Math.min(begin, end), endSeconds: Math.max(begin, end) };
};

/** Up to the year 2286, in whole seconds; some write a fraction. */
const readSeconds = (text: string): number | undefined => {
  const [, seconds] = /^(\d{1,10})(?:\.\d+)?$/.exec(text) ?? [];
  return seconds === undefined ? undefined : Number(seconds);
};

const child = (parent: XmlElement | undefined, name: string): XmlElement | undefined =>
  parent?.children.find((element) => element.name === name);
const children = (parent: XmlElement | undefined, name: string): XmlElement[] =>
  parent?.children.filter((element) => element.name === name) ?? [];
/** Fit to be shown: one line, without control characters, cut. */
const textOf = (parent: XmlElement | undefined, name: string): string =>
  shown(child(parent, name)?.text ?? "", LONGEST_TEXT);

/** Of a domain, or of an address where the reporter wrote one; what is neither is as if it were empty. */
const domainOf = (parent: XmlElement | undefined, name: string): string | undefined => {
  const text = textOf(parent, name).replace(/^<(.*)>$/, "$1");
  const parsed = parseDomain(text.slice(text.lastIndexOf("@") + 1));
  return parsed.kind === "domain" ? parsed.domain : undefined;
};
