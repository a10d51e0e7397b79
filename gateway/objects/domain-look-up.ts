/**
 * The look at a domain's DNS: the library's check over the gateway's resolvers, bounded in look-ups and time.
 *
 * With several resolvers an answer is one that two of them gave. Nothing here rejects over what the DNS says or does
 * not; nothing of an account is known here.
 */
import { checkDomain } from "#dns/check.ts";
import type { Finding } from "#dns/finding.ts";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import type { Resolve } from "#dns/resolver.ts";
import { walkSpf } from "#dns/spf-cost.ts";
import { isDirective, type SpfTerm } from "#dns/spf.ts";
import { agreeing } from "#resolvers/agreeing.ts";
import { boundedRun } from "#resolvers/bounded.ts";
import { dohResolver } from "#resolvers/doh.ts";
import type { CheckedDomain } from "../core/domain-check.ts";
import { receivingFinding } from "../core/receiving-record.ts";
import { type TrackingFinding, trackingFinding } from "../core/tracking-record.ts";

/** Of one question at one resolver. */
const TIMEOUT_MS = 4000;
const MOST_ADDRESSES = 20;

export type LookFinding = Finding | TrackingFinding;

/** `dohUrls`: `HIKYAKU_DOH_URL`, comma separated. */
export const lookUpDomain = async (sending: CheckedDomain, dohUrls: string): Promise<LookFinding[]> => {
  const { resolve } = boundedRun(resolverOf(dohUrls));
  const addresses = await relayAddresses(sending.includes, resolve);
  const { findings } = await checkDomain({ ...sending, addresses }, PUBLIC_SUFFIXES, resolve);
  const { domain, receivingHost, tracking } = sending;
  return [
    ...findings,
    // The run has the answer already.
    ...(receivingHost === undefined ? [] : [receivingFinding(domain, receivingHost, await resolve(domain, "MX"))]),
    ...(tracking ? [trackingFinding(tracking.host, tracking.target, await resolve(tracking.host, "CNAME"))] : []),
  ];
};

/** Two have to agree; the others stand by for one that gives no answer. */
const resolverOf = (dohUrls: string): Resolve => {
  const asking = (url: string): Resolve => dohResolver({ urls: [url], timeoutMs: TIMEOUT_MS });
  // One that is named twice would agree with itself.
  const [first = "", ...others] = new Set(dohUrls.split(",").flatMap((url) => url.trim() || []));
  const [second, ...standingBy] = others.map(asking);
  return second ? agreeing(asking(first), second, ...standingBy) : asking(first);
};

/** Of the relays, as the records that are to be included name them: then a record that lets them pass by other words is right. */
const relayAddresses = async (includes: readonly string[], resolve: Resolve): Promise<string[]> => {
  const trees = await Promise.all(includes.map((include) => walkSpf(include, resolve)));
  const terms = trees.flatMap((tree) => (tree.kind === "record" ? tree.terms.map(({ term }) => term) : []));
  // Where hosts or other domains are named too, some addresses alone would prove too little.
  return terms.every((term) => isNetwork(term) || (isDirective(term) && term.kind === "all"))
    ? terms.flatMap((term) => (isNetwork(term) ? [term.address] : [])).slice(0, MOST_ADDRESSES)
    : [];
};

const isNetwork = (term: SpfTerm): term is Extract<SpfTerm, { kind: "ip4" | "ip6" }> =>
  (term.kind === "ip4" || term.kind === "ip6") && term.qualifier === "+";
