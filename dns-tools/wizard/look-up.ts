/**
 * The three questions that the pages ask of the DNS, each as one bounded run: what stands, what to change in which zone,
 * where it leads.
 *
 * What a run could not find out is in its result as such; `cut` says when a run had to end before its end. The results
 * are what the JSON twins give.
 */
import { checkDomain, type DomainReport, type SendingDomain } from "#dns/check.ts";
import { type DomainZone, findZone } from "#dns/dns-host.ts";
import { explainDomain, type Explanation } from "#dns/explain.ts";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import { COMMON_SUFFIXES } from "#dns/public-suffix.ts";
import type { Resolve } from "#dns/resolver.ts";
import type { Change } from "#dns/zone.ts";
import { boundedRun } from "#resolvers/bounded.ts";

/** In words. */
export type Cut = { cut?: string };

export const lookUpReport = (sending: SendingDomain, resolve: Resolve): Promise<DomainReport & Cut> =>
  inOneRun(resolve, (bounded) => checkDomain(sending, COMMON_SUFFIXES, bounded));

export type PlanAndZone = { changes: Change[]; zone: DomainZone };

export const lookUpPlan = (requirement: Requirement, resolve: Resolve): Promise<PlanAndZone & Cut> =>
  inOneRun(resolve, async (bounded) => {
    const [changes, zone] = await Promise.all([
      plan(requirement, bounded, new AbortController().signal),
      findZone(requirement.domain, COMMON_SUFFIXES, bounded),
    ]);
    return { changes, zone };
  });

export const lookUpExplanation = (domain: string, resolve: Resolve): Promise<Explanation & Cut> =>
  inOneRun(resolve, (bounded) => explainDomain(domain, bounded));

const inOneRun = async <T>(resolve: Resolve, ask: (bounded: Resolve) => Promise<T>): Promise<T & Cut> => {
  const run = boundedRun(resolve);
  const result = await ask(run.resolve);
  const cut = run.cut();
  return { ...result, ...(cut !== undefined && { cut }) };
};
