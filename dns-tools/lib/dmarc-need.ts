/**
 * The DMARC record of a domain: its own, brought up to what is wished, or the one further up that applies to it.
 *
 * A record of its own takes the domain out of the one above: it begins as what applies already, and is then changed as
 * the wish says, so it is neither milder than that nor, unless wished, stricter. The record of a public suffix is its
 * operator's: its policy holds, but no domain owner reads its reports.
 */
import { discoverPolicy, type Discovery } from "./dmarc-discovery.ts";
import { heldBackByPct, notMilder } from "./dmarc-floor.ts";
import { formatDmarcWish, inheritDmarc, isAsStrict, mergeDmarc, reportsTo, type DmarcWish } from "./dmarc-merge.ts";
import { appliedPolicies, parseDmarc } from "./dmarc.ts";
import type { Resolve } from "./resolver.ts";
import type { Need, Verdict } from "./verdict.ts";
import { textOf, txtRecord, type MailRecord } from "./zone.ts";

export const dmarcNeed = (domain: string, wish: DmarcWish): Need => {
  const name = `_dmarc.${domain}`;
  const judge = async (found: readonly MailRecord[], resolve: Resolve, signal: AbortSignal): Promise<Verdict> => {
    const verdict = await judgeOwn(found, resolve, signal);
    return { ...verdict, ...cautionOf(verdict) };
  };
  const judgeOwn = async (found: readonly MailRecord[], resolve: Resolve, signal: AbortSignal): Promise<Verdict> => {
    const from = found.filter((record) => parseDmarc(textOf(record)).kind !== "not-dmarc");
    const [first, ...others] = from;
    if (first === undefined)
      return judgeAbove(name, wish, await discoverPolicy(domain, without(name, resolve), signal));
    const text = mergeDmarc(from.map(textOf), wish);
    if (others.length === 0 && text === textOf(first)) return { kind: "standing", record: first };
    const change = (to: string): Verdict => ({ kind: "change", from, to: txtRecord(name, to) });
    if (others.length === 0 && parseDmarc(textOf(first)).kind === "record") return change(text);
    // RFC 9989 §4.10: receivers discard what stands here, and go by the record above.
    const above = await discoverPolicy(domain, without(name, resolve), signal);
    if (above.kind === "unknown") return { kind: "unknown", reason: `${above.name}: ${above.reason}` };
    return change(above.kind === "policy" ? notMilder(text, above.found) : text);
  };
  const instead = "Change the DMARC record where it is kept.";
  return { purpose: "DMARC", name, type: "TXT", judge, keepsGiven: true, instead };
};

/** Of a record that stays or comes: that the owner holds it back in a way that not all receivers go by. */
const cautionOf = (verdict: Verdict): { caution?: string } => {
  if (verdict.kind !== "standing" && verdict.kind !== "change") return {};
  const record = verdict.kind === "standing" ? verdict.record : verdict.to;
  const parsed = parseDmarc(textOf(record));
  const effect = parsed.kind === "record" ? heldBackByPct(parsed.record) : undefined;
  return effect === undefined ? {} : { caution: `The DMARC record at ${record.name} has a \`pct\`: ${effect}` };
};

/** What is at the name itself was judged before. */
const without =
  (name: string, resolve: Resolve): Resolve =>
  async (asked, type, signal) =>
    asked === name ? { kind: "nodata" } : resolve(asked, type, signal);

const judgeAbove = (name: string, wish: DmarcWish, discovery: Discovery): Verdict => {
  if (discovery.kind === "unknown") return { kind: "unknown", reason: `${discovery.name}: ${discovery.reason}` };
  const change = (text: string): Verdict => ({ kind: "change", from: [], to: txtRecord(name, text) });
  if (discovery.kind === "none") return change(formatDmarcWish(wish));
  const { policyDomain, found, from } = discovery;
  // RFC 9989 §4.10.1: a record without a usable policy asks for nothing.
  const policy = appliedPolicies({ kind: "record", ...found })?.subdomain;
  if (policy === undefined) return change(formatDmarcWish(wish));
  if (from !== "suffix" && isAsStrict(policy, wish.policy) && reportsTo(found.record, wish.rua))
    return { kind: "standing", record: txtRecord(`_dmarc.${policyDomain}`, found.text) };
  return change(inheritDmarc(found.text, policy, wish, from === "suffix" ? ["rua", "ruf"] : []));
};
