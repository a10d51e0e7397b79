/**
 * The zone that holds a domain's records, and who hosts it, by the zone's own SOA and NS records.
 *
 * The zone begins at the domain or further up, never above what can be registered: above that are others. Where it could
 * not be found out, nothing is concluded. Who is the registrar is not asked.
 */
import { DNS_HOSTS, type DnsHost } from "./export/host-words.ts";
import { organizationalByList, type PublicSuffixes } from "./public-suffix.ts";
import type { Resolve } from "./resolver.ts";
import { parentOf } from "./zone.ts";

export type DomainZone =
  /** `host` is absent when it is not in the table, or there are two. */
  | { kind: "zone"; apex: string; nameServers: readonly string[]; host?: DnsHost }
  /** No zone begins there: the domain is not registered. */
  | { kind: "none" }
  | { kind: "unknown"; reason: string };

/** Names above the domain that are asked, itself among them. */
const MOST_NAMES = 8;

export const findZone = async (
  domain: string,
  suffixes: PublicSuffixes,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<DomainZone> => {
  for (const name of namesUpTo(domain, organizationalByList(domain, suffixes))) {
    const soa = await resolve(name, "SOA", signal);
    if ("reason" in soa) return { kind: "unknown", reason: soa.reason };
    // The SOA that a CNAME led to is another zone's (RFC 1034 §3.6.2).
    if (soa.kind !== "records" || soa.aliases.length > 0) continue;
    const ns = await resolve(name, "NS", signal);
    if ("reason" in ns) return { kind: "unknown", reason: ns.reason };
    const nameServers = ns.kind === "records" ? ns.records.map((server) => server.toLowerCase()).toSorted() : [];
    const host = hostOf(nameServers);
    return { kind: "zone", apex: name, nameServers, ...(host && { host }) };
  }
  return { kind: "none" };
};

const namesUpTo = (domain: string, highest: string): string[] => {
  const names = [domain];
  for (let name = domain; name !== highest && names.length < MOST_NAMES;) {
    name = parentOf(name) ?? highest;
    names.push(name);
  }
  return names;
};

/** Who runs all of these name servers; `undefined`: nobody in the table, or not one alone. */
export const hostOf = (nameServers: readonly string[]): DnsHost | undefined =>
  DNS_HOSTS.find(
    ({ servers, besides }) =>
      nameServers.some((server) => servers.test(server)) &&
      nameServers.every((server) => servers.test(server) || besides?.test(server)),
  );
