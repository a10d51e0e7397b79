/**
 * The three questions that the pages ask of the DNS, each as one bounded run: what stands, what to change, where it leads.
 *
 * What a run could not find out is in its result as such; `cut` says when a run had to end before its end. The results
 * are what the JSON twins give.
 */
import { checkDomain, type DomainReport, type SendingDomain } from "#dns/check.ts";
import { discoverPolicy } from "#dns/dmarc-discovery.ts";
import { explainDiscovery, explainRecord, type TagMeaning } from "#dns/dmarc-explain.ts";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import { COMMON_SUFFIXES } from "#dns/public-suffix.ts";
import type { Resolve } from "#dns/resolver.ts";
import { walkSpf } from "#dns/spf-cost.ts";
import { SPF_LIMITS, spfTotals, type SpfTree } from "#dns/spf-tree.ts";
import type { Change } from "#dns/zone.ts";
import { boundedRun } from "#resolvers/bounded.ts";

/** In words. */
export type Cut = { cut?: string };

export const lookUpReport = (sending: SendingDomain, resolve: Resolve): Promise<DomainReport & Cut> =>
  inOneRun(resolve, (bounded) => checkDomain(sending, COMMON_SUFFIXES, bounded));

export const lookUpPlan = (requirement: Requirement, resolve: Resolve): Promise<{ changes: Change[] } & Cut> =>
  inOneRun(resolve, async (bounded) => ({ changes: await plan(requirement, bounded, new AbortController().signal) }));

export type Explanation = {
  domain: string;
  spf: { lookups: number; limit: number; uncounted: boolean; tree: SpfTree };
  dmarc: { steps: string[]; tags: TagMeaning[] };
};

export const lookUpExplanation = (domain: string, resolve: Resolve): Promise<Explanation & Cut> =>
  inOneRun(resolve, async (bounded) => {
    const [tree, discovery] = await Promise.all([walkSpf(domain, bounded), discoverPolicy(domain, bounded)]);
    const { lookups, uncounted } = spfTotals(tree);
    const tags = discovery.kind === "policy" ? explainRecord(discovery.found.record) : [];
    const spf = { lookups, limit: SPF_LIMITS.lookups, uncounted, tree };
    return { domain, spf, dmarc: { steps: explainDiscovery(discovery), tags } };
  });

const inOneRun = async <T>(resolve: Resolve, ask: (bounded: Resolve) => Promise<T>): Promise<T & Cut> => {
  const run = boundedRun(resolve);
  const result = await ask(run.resolve);
  const cut = run.cut();
  return { ...result, ...(cut !== undefined && { cut }) };
};
