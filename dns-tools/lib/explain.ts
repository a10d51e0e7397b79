/**
 * Where a domain's SPF leads and what each term costs; where its DMARC policy comes from and what its tags mean. And the
 * same of the text of one record, SPF, DMARC or DKIM, that is not published yet.
 *
 * Nothing is judged: what is right or wrong is told by `checkDomain`.
 */
import { explainDkim } from "./dkim-explain.ts";
import { discoverPolicy } from "./dmarc-discovery.ts";
import { explainDiscovery, explainRecord, type TagMeaning } from "./dmarc-explain.ts";
import { parseDmarc } from "./dmarc.ts";
import type { Resolve } from "./resolver.ts";
import { walkSpf } from "./spf-cost.ts";
import { malformedText } from "./spf-faults.ts";
import { SPF_LIMITS, spfTotals, type SpfTree } from "./spf-tree.ts";
import { isSpf, parseSpf } from "./spf.ts";
import { txtRecord, zoneResolver } from "./zone.ts";

/** `lookups` of `limit`; `uncounted`: there may be more, as a macro or a failed look-up decides. */
export type SpfExplanation = { lookups: number; limit: number; uncounted: boolean; tree: SpfTree };

export type Explanation = {
  domain: string;
  spf: SpfExplanation;
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
  const tags = discovery.kind === "policy" ? explainRecord(discovery.found.record) : [];
  return {
    domain,
    spf: explanationOf(tree),
    dmarc: { steps: explainDiscovery(discovery), tags, unknown: discovery.kind === "unknown" },
  };
};

const explanationOf = (tree: SpfTree): SpfExplanation => {
  const { lookups, uncounted } = spfTotals(tree);
  return { lookups, limit: SPF_LIMITS.lookups, uncounted, tree };
};

export type RecordText = { kind: "spf" | "dmarc" | "dkim"; text: string };

/**
 * The text of a record, as people copy it: quoted as a zone file has it, or not. `undefined`: it is none of the three.
 * A DKIM record need not say its version (RFC 6376 §3.6.1).
 */
export const recordTextIn = (typed: string): RecordText | undefined => {
  const strings = [...typed.matchAll(/"([^"]*)"/g)].map(([, string = ""]) => string);
  const text = (strings.length > 0 ? strings.join("") : typed).trim();
  if (/^v\s*=\s*spf/i.test(text)) return { kind: "spf", text };
  if (/^v\s*=\s*dmarc/i.test(text)) return { kind: "dmarc", text };
  return /^v\s*=\s*dkim|^([a-z]\s*=[^;]*;\s*)*[kp]\s*=/i.test(text) ? { kind: "dkim", text } : undefined;
};

export type RecordExplanation =
  /** `tree.domain` is `RECORD_ITSELF`. */
  | { kind: "spf"; spf: SpfExplanation }
  | { kind: "dmarc" | "dkim"; tags: TagMeaning[] }
  /** Receivers cannot use it; `reason` is a clause. */
  | { kind: "discarded"; reason: string };

/** Stands for the domain that a record is not published at. No name of a host has a space. */
export const RECORD_ITSELF = "this record";

/** Looks up what an SPF record leads to, and nothing for the others. */
export const explainRecordText = async (
  { kind, text }: RecordText,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<RecordExplanation> => {
  switch (kind) {
    case "spf": {
      if (!isSpf(text)) return { kind: "discarded", reason: "it does not begin with `v=spf1` and a space" };
      const parsed = parseSpf(text);
      if (parsed.kind === "malformed") return { kind: "discarded", reason: `it is wrong at ${malformedText(parsed)}` };
      return { kind, spf: explanationOf(await walkSpf(RECORD_ITSELF, publishing(text, resolve), signal)) };
    }
    case "dmarc": {
      const parsed = parseDmarc(text);
      if (parsed.kind === "record") return { kind, tags: explainRecord(parsed.record) };
      const reason = parsed.kind === "malformed" ? parsed.reason : "it does not begin with v=DMARC1";
      return { kind: "discarded", reason };
    }
    case "dkim": {
      const explained = explainDkim(text);
      if (explained.kind === "tags") return { kind, tags: explained.tags };
      return { kind: "discarded", reason: explained.reason };
    }
  }
};

/** The DNS, with the record at a name of its own; what else the name has (`a`, `mx`) nobody can know. */
const publishing = (text: string, resolve: Resolve): Resolve => {
  const itself = zoneResolver([txtRecord(RECORD_ITSELF, text)], 0);
  return (name, type, signal) => (name === RECORD_ITSELF ? itself(name, type) : resolve(name, type, signal));
};
