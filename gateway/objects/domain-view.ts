/**
 * A domain as its owner is shown it, and as it is told of when something happens to it.
 */
import type { DomainDetail, DomainNotice, DomainSummary, MtaStsState } from "#contract/domain.ts";
import { kToMs } from "#contract/ids.ts";
import { parseIp } from "#dns/ip-address.ts";
import { mtaStsRecord } from "#dns/mta-sts.ts";
import type { Domain, MtaSts } from "./domain-row.ts";

export const domainSummary = (id: string, domain: Domain): DomainSummary => {
  const { region, open_tracking, click_tracking, tls, sending, receiving, tracking_subdomain } = domain.settings;
  return {
    id,
    name: domain.name,
    status: domain.vouched ? "verified" : domain.status,
    created_at: new Date(kToMs(domain.k)).toISOString(),
    region,
    capabilities: { sending, receiving },
    open_tracking,
    click_tracking,
    tls,
    ...(tracking_subdomain !== undefined && { tracking_subdomain }),
  };
};

export const domainNotice = (id: string, domain: Domain): DomainNotice => ({
  ...domainSummary(id, domain),
  records: domain.records.map(({ needed: _, selector: __, proved: ___, doubted_ms: ____, ...record }) => record),
});

/**
 * What is not the account's to know. `host`: where this service answers, to which the host of the policy has to point.
 * `reportAddress`: where DMARC reports of the domain may come.
 */
export type ShownWith = { host: string; reportAddress: string };

export const domainDetail = (id: string, domain: Domain, { host, reportAddress }: ShownWith): DomainDetail => ({
  object: "domain",
  ...domainNotice(id, domain),
  when_broken: domain.settings.when_broken,
  unsubscribe: domain.settings.unsubscribe,
  checked_at: domain.checkedMs === undefined ? null : new Date(domain.checkedMs).toISOString(),
  findings: domain.findings,
  // Nobody is sent the reports of a domain that was never proved to be theirs.
  dmarc_report_address: domain.vouched || domain.wasWhole ? reportAddress : null,
  mta_sts: domain.settings.mta_sts ? mtaStsState(domain.settings.mta_sts, host) : null,
});

const mtaStsState = ({ id, ...setting }: MtaSts, host: string): MtaStsState => {
  const ip = parseIp(host);
  const type = ip === undefined ? "CNAME" : ip.version === 4 ? "A" : "AAAA";
  return {
    ...setting,
    records: [
      { type: "TXT", name: "_mta-sts", value: mtaStsRecord(id) },
      { type, name: "mta-sts", value: host },
    ],
  };
};
