/**
 * The three questions that the pages ask of the DNS, each as one bounded run: what stands, what to change in which zone,
 * where it leads.
 *
 * What a run could not find out is in its result as such; `cut` says when a run had to end before its end. The results
 * are what the JSON twins give.
 */
import { checkDomain, type DomainReport } from "#dns/check.ts";
import type { SendingDomain } from "#dns/sending-domain.ts";
import { type DomainZone, findZone } from "#dns/dns-host.ts";
import {
  explainDomain,
  explainRecordText,
  type Explanation,
  type RecordExplanation,
  type RecordText,
} from "#dns/explain.ts";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import type { FetchPolicy } from "#dns/mta-sts-findings.ts";
import type { Resolve } from "#dns/resolver.ts";
import type { Change } from "#dns/zone.ts";
import { boundedRun, RUN_BOUNDS } from "#resolvers/bounded.ts";
import { policyFetcher } from "#resolvers/fetch-policy.ts";

/** In words. */
export type Cut = { cut?: string };

/** `isPublicHost`: asked before a host that a zone names is visited, where `fetch` reaches more than the public Internet. */
export type Fetching = { fetch: typeof fetch; isPublicHost?: (host: string, resolve: Resolve) => Promise<boolean> };

export const lookUpReport = (
  sending: SendingDomain,
  resolve: Resolve,
  fetching: Fetching,
): Promise<DomainReport & Cut> =>
  inOneRun(resolve, (bounded) =>
    checkDomain(sending, PUBLIC_SUFFIXES, bounded, undefined, policyFetching(fetching, bounded)),
  );

/** Of one fetch. */
const FETCH_MS = 5_000;

/** Ends with the run that it is part of, which begins now. */
const policyFetching = ({ fetch: get, isPublicHost }: Fetching, resolve: Resolve): FetchPolicy => {
  const endOfRun = AbortSignal.timeout(RUN_BOUNDS.timeoutMs);
  const isPublic = isPublicHost && ((host: string): Promise<boolean> => isPublicHost(host, resolve));
  const fetchPolicy = policyFetcher({ timeoutMs: FETCH_MS, fetch: get, ...(isPublic && { isPublic }) });
  return (host) => fetchPolicy(host, endOfRun);
};

export type PlanAndZone = { changes: Change[]; zone: DomainZone };

export const lookUpPlan = (requirement: Requirement, resolve: Resolve): Promise<PlanAndZone & Cut> =>
  inOneRun(resolve, async (bounded) => {
    const [changes, zone] = await Promise.all([
      plan(requirement, bounded, new AbortController().signal),
      findZone(requirement.domain, PUBLIC_SUFFIXES, bounded),
    ]);
    return { changes, zone };
  });

/** `returnPathSpf`: the one that counts, where the return-path has another domain than the From. */
export type Explanations = Explanation & { returnPathSpf?: Explanation["spf"] };

export const lookUpExplanation = (
  { domain, returnPath }: SendingDomain,
  resolve: Resolve,
): Promise<Explanations & Cut> =>
  inOneRun(resolve, async (bounded) => {
    const [explanation, ofReturnPath] = await Promise.all([
      explainDomain(domain, bounded),
      returnPath === domain ? undefined : explainDomain(returnPath, bounded),
    ]);
    return { ...explanation, ...(ofReturnPath && { returnPathSpf: ofReturnPath.spf }) };
  });

export const lookUpRecord = (record: RecordText, resolve: Resolve): Promise<RecordExplanation & Cut> =>
  inOneRun(resolve, (bounded) => explainRecordText(record, bounded));

const inOneRun = async <T>(resolve: Resolve, ask: (bounded: Resolve) => Promise<T>): Promise<T & Cut> => {
  const run = boundedRun(resolve);
  const result = await ask(run.resolve);
  const cut = run.cut();
  return { ...result, ...(cut !== undefined && { cut }) };
};
