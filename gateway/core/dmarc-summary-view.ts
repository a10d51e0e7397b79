/**
 * What the DNS library says of reports, in the shapes of the API. What is listed is bounded; what is beyond is counted.
 */
import type { DmarcDomain, DmarcSource } from "#contract/dmarc-summary.ts";
import type { Listed } from "#dns/dmarc-report-sources.ts";
import type { DomainSummary, JudgedSource } from "#dns/dmarc-report-summary.ts";

const MOST_SOURCES = 200;
const MOST_ORGANIZATIONS = 100;

export const dmarcDomain = (summary: DomainSummary): DmarcDomain => {
  const { word, next = null, days, text } = summary.readiness;
  const sources = summary.sources.slice(0, MOST_SOURCES);
  return {
    domain: summary.domain,
    policy: summary.published.policy,
    begin_at: timeOf(summary.beginSeconds),
    end_at: timeOf(summary.endSeconds),
    organizations: summary.organizations.slice(0, MOST_ORGANIZATIONS),
    reports: summary.reports,
    messages: summary.messages,
    passed: summary.passed,
    records_left_out: summary.leftOut,
    readiness: { word, next, days, text },
    sources: sources.map(dmarcSource),
    sources_left_out: summary.sources.length - sources.length,
  };
};

const dmarcSource = (source: JudgedSource): DmarcSource => {
  const { sender, messages, passed, byDkim, bySpf, dispositions, verdict } = source;
  return {
    ...sender,
    ...{ messages, passed, passed_by_dkim: byDkim, passed_by_spf: bySpf },
    ...dispositions,
    addresses: listed(source.addresses),
    header_from: listed(source.headerFrom),
    envelope_from: listed(source.envelopeFrom),
    dkim: listed(source.dkim),
    spf: listed(source.spf),
    overrides: listed(source.overrides),
    verdict,
  };
};

const listed = ({ count, first }: Listed): DmarcSource["addresses"] => ({ count, first: [...first] });
const timeOf = (seconds: number): string => new Date(seconds * 1000).toISOString();
