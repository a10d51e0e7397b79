/**
 * How much a DMARC record asks for, where that is not what its `p` says: while it is held back, and below another one.
 *
 * A record of its own takes a domain out of the one above: what is to be published where none of its own counts must not
 * be milder than what holds meanwhile. What is wished of a policy is not known here.
 */
import type { FoundRecord } from "./dmarc-discovery.ts";
import { isAsStrict } from "./dmarc-merge.ts";
import { appliedPolicies, formatDmarc, onTrial, parseDmarc, type DmarcPolicy, type DmarcRecord } from "./dmarc.ts";

/** RFC 7489 §6.6.4: by a `pct` below 100 the next milder policy is applied to the rest of the failing mail. */
export const holdsBack = ([tag, value]: readonly [tag: string, value: string]): boolean =>
  tag === "pct" && Number(value) < 100;

/** What receivers make of a record that is held back by `pct` alone; `undefined`: it is not. */
export const heldBackByPct = ({ p = "none", t, others }: DmarcRecord): string | undefined =>
  t === "y" || p === "none" || !others.some(holdsBack)
    ? undefined
    : `some receivers now apply p=${p} to all mail, others still go by \`pct\`. To hold it back at all of them, put \`t=y\` beside it.`;

/** `text` as strict as what `above` asks of domains below it; as it is when it is so, or is no record. */
export const notMilder = (text: string, above: FoundRecord): string => {
  const { t } = above.record;
  const policy = policyBelow(above);
  const parsed = parseDmarc(text);
  if (parsed.kind !== "record") return text;
  const { p = "none", sp, np, others } = parsed.record;
  const isHeldBack = parsed.record.t === "y" || others.some(holdsBack);
  const least = t === "y" ? onTrial(policy) : policy;
  if ([p, sp ?? p, np ?? p].every((own) => isAsStrict(isHeldBack ? onTrial(own) : own, least))) return text;
  const raise = (own: DmarcPolicy): DmarcPolicy => (isAsStrict(own, policy) ? own : policy);
  const policies = { p: raise(p), ...(sp && { sp: raise(sp) }), ...(np && { np: raise(np) }) };
  return formatDmarc({ ...parsed.record, ...policies, t, others: others.filter((tag) => !holdsBack(tag)) });
};

/** RFC 9989 §4.10.1: what a record asks of the domains below its own; without a usable policy, nothing. */
export const policyBelow = (found: FoundRecord): DmarcPolicy =>
  appliedPolicies({ kind: "record", ...found })?.subdomain ?? "none";
