/**
 * Where a domain's SPF leads and what each term costs; where its DMARC policy comes from and what its tags mean.
 *
 * Nothing is judged: what is right or wrong is told by `checkDomain`.
 */
import { discoverPolicy } from "./dmarc-discovery.ts";
import { explainDiscovery, explainRecord, type TagMeaning } from "./dmarc-explain.ts";
import type { Resolve } from "./resolver.ts";
import { walkSpf } from "./spf-cost.ts";
import { SPF_LIMITS, spfTotals, type SpfTree } from "./spf-tree.ts";

export type Explanation = {
  domain: string;
  /** `lookups` of `limit`; `uncounted`: there may be more, as a macro or a failed look-up decides. */
  spf: { lookups: number; limit: number; uncounted: boolean; tree: SpfTree };
  dmarc: {
    steps: string[];
    /** Of the record that applies. */
    tags: TagMeaning[];
    /** Which record applies could not be found out. */
    unknown: boolean;
  };
};

/** Never rejects over what the DNS says or does not. */
export const explainDomain = async (domain: string, resolve: Resolve, signal?: AbortSignal): Promise<Explanation> => {
  const [tree, discovery] = await Promise.all([
    walkSpf(domain, resolve, signal),
    discoverPolicy(domain, resolve, signal),
  ]);
  const { lookups, uncounted } = spfTotals(tree);
  const tags = discovery.kind === "policy" ? explainRecord(discovery.found.record) : [];
  return {
    domain,
    spf: { lookups, limit: SPF_LIMITS.lookups, uncounted, tree },
    dmarc: { steps: explainDiscovery(discovery), tags, unknown: discovery.kind === "unknown" },
  };
};
