/**
 * The CNAME record by which a domain's own host for links leads to us, judged by a look-up of its own.
 *
 * Until it is proved, links of opens and clicks stay at the public URL: a link that leads nowhere is worse than one that
 * shows another's name. Sending does not depend on it. A service that is reached by an IP address has no such record.
 */
import type { DomainFinding, DomainRecord } from "#contract/domain.ts";
import { parseIp } from "#dns/ip-address.ts";
import type { Answer } from "#dns/resolver.ts";
import type { SeenStatus } from "./record-status.ts";

const RFC = "RFC 1035 §3.3.1";

/** Where tracking hosts have to lead; undefined: the public URL names no host that a CNAME could. */
export const trackingTarget = (publicUrl: string | undefined): string | undefined => {
  const host = publicUrl === undefined ? undefined : URL.parse(publicUrl)?.hostname.replaceAll(/^\[|\]$/g, "");
  return host === undefined || parseIp(host) !== undefined ? undefined : host;
};

export const trackingRecord = (subdomain: string, target: string): DomainRecord => ({
  ...{ record: "Tracking", name: subdomain, type: "CNAME", value: target },
  ...{ ttl: "Auto", status: "not_started" },
});

/** As a `Finding` of the DNS library, which knows of no hosts for links. */
export type TrackingFinding = Omit<DomainFinding, "code" | "status"> & {
  code: `tracking.${"missing" | "cname"}`;
  status: "pass" | "fail" | "indeterminate";
};

/** What the CNAME of `host`, the full name, says of it. */
export const trackingFinding = (host: string, target: string, answer: Answer<"CNAME">): TrackingFinding => {
  const about = { code: "tracking.cname", name: host, rfc: RFC } as const;
  if ("reason" in answer)
    return { ...about, status: "indeterminate", text: `The CNAME of ${host} could not be looked up.` };
  if (answer.kind !== "records") {
    const text = `${host} has no CNAME, so links do not lead over it yet.`;
    return { ...about, code: "tracking.missing", status: "fail", text, fix: target };
  }
  return answer.records.some((name) => name.toLowerCase() === target.toLowerCase())
    ? { ...about, status: "pass", text: `${host} leads to us.` }
    : { ...about, status: "fail", text: `${host} leads to another host. Make its CNAME ${target}.`, fix: target };
};

export const isTrackingFinding = (finding: { code: string }): finding is TrackingFinding =>
  finding.code.startsWith("tracking.");

/** Of the record; nothing found: it was not looked up. */
export const trackingStatus = (finding: TrackingFinding | undefined): SeenStatus => {
  if (finding === undefined || finding.status === "indeterminate") return "temporary_failure";
  if (finding.status === "pass") return "verified";
  return finding.code === "tracking.missing" ? "pending" : "failed";
};

/** What is kept of it for the domain's owner. */
export const trackingTrouble = (finding: TrackingFinding | undefined): DomainFinding[] =>
  finding === undefined || finding.status === "pass" ? [] : [{ ...finding, status: finding.status }];
