/**
 * Many DMARC reports as one answer for each domain: who sends in its name, what to mend first, whether the policy may go
 * on to its next stage.
 *
 * A report that came twice counts once. Domains stay apart, for each has a policy of its own.
 */
import { judgeReadiness, type Readiness } from "./dmarc-report-readiness.ts";
import { addUp, type Source } from "./dmarc-report-sources.ts";
import { judgeSource, type SourceVerdict } from "./dmarc-report-verdict.ts";
import type { AggregateReport, PublishedPolicy } from "./dmarc-report.ts";
import type { FindingStatus } from "./finding.ts";
import type { PublicSuffixes } from "./public-suffix.ts";

export type JudgedSource = Source & { verdict: SourceVerdict };

export type DomainSummary = {
  domain: string;
  /** As the newest report has it. */
  published: PublishedPolicy;
  beginSeconds: number;
  endSeconds: number;
  /** Who reported, without doubles. */
  organizations: readonly string[];
  reports: number;
  /** Reports that were there more than once. */
  doubles: number;
  /** Records that could not be understood. */
  leftOut: number;
  messages: number;
  passed: number;
  /** What matters first. */
  sources: readonly JudgedSource[];
  readiness: Readiness;
};

/** The domain with the most mail first. */
export const summarizeReports = (reports: readonly AggregateReport[], suffixes: PublicSuffixes): DomainSummary[] => {
  const byDomain = Map.groupBy(reports, ({ published }) => published.domain);
  return [...byDomain]
    .map(([domain, own]) => summarizeDomain(domain, own, suffixes))
    .toSorted((a, b) => b.messages - a.messages);
};

const summarizeDomain = (domain: string, all: readonly AggregateReport[], suffixes: PublicSuffixes): DomainSummary => {
  const reports = [...new Map(all.map((report) => [keyOf(report), report])).values()];
  const beginSeconds = reports.reduce((first, report) => Math.min(first, report.beginSeconds), Infinity);
  const endSeconds = reports.reduce((last, report) => Math.max(last, report.endSeconds), 0);
  const { published } = reports.reduce((newest, report) => (report.endSeconds > newest.endSeconds ? report : newest));
  const sources = addUp(
    reports.flatMap(({ records }) => records),
    suffixes,
  )
    .map((source): JudgedSource => ({ ...source, verdict: judgeSource(source) }))
    .toSorted(byWeight);
  const leftOut = reports.reduce((sum, report) => sum + report.leftOut, 0);
  const readiness = judgeReadiness({ published, beginSeconds, endSeconds, sources, leftOut });
  const { messages, passed } = readiness;
  return {
    domain,
    published,
    beginSeconds,
    endSeconds,
    organizations: [...new Set(reports.map(({ organization }) => organization))],
    reports: reports.length,
    doubles: all.length - reports.length,
    leftOut,
    messages,
    passed,
    sources,
    readiness,
  };
};

/** RFC 9990 §3.5.1. A report without an id is told apart by its period. */
const keyOf = ({ organization, reportId, beginSeconds, endSeconds }: AggregateReport): string =>
  JSON.stringify(reportId === "" ? [organization, beginSeconds, endSeconds] : [organization, reportId]);

const ORDER: readonly FindingStatus[] = ["fail", "indeterminate", "warn", "not_applicable", "pass"];

/** The verdict, then how much fails, then how much there is. */
const byWeight = (a: JudgedSource, b: JudgedSource): number =>
  ORDER.indexOf(a.verdict.status) - ORDER.indexOf(b.verdict.status) ||
  b.messages - b.passed - (a.messages - a.passed) ||
  b.messages - a.messages;
