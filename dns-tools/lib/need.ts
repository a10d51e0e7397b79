/**
 * What a plan has to bring about, one need for each record: which of the records at a name count for it, whether they
 * are enough, and what is to stand there instead.
 *
 * A need judges what was found and never looks anything up, but for DMARC, whose record may stand further up.
 */
import { compareDkim, parseDkimRecord } from "./dkim-record.ts";
import { discoverPolicy } from "./dmarc-discovery.ts";
import { formatDmarcWish, isAsStrict, mergeDmarc, reportsTo, type DmarcWish } from "./dmarc-merge.ts";
import { parseDmarc } from "./dmarc.ts";
import type { RequiredRecord } from "./requirement.ts";
import type { Resolve } from "./resolver.ts";
import { mergeSpf } from "./spf-merge.ts";
import { isSpf } from "./spf.ts";
import { textOf, txtRecord, type MailRecord, type Purpose } from "./zone.ts";

export type Requirement = {
  domain: string;
  /** `sendingRecords`: their names are relative to the domain. */
  records: readonly RequiredRecord[];
  /** The SPF record of the domain itself, which is the owner's, is to have the terms of this one. */
  apexSpf?: string;
  dmarc?: DmarcWish;
};

export type Verdict =
  | { kind: "standing"; record: MailRecord }
  /** `from` may be empty. */
  | { kind: "change"; from: readonly MailRecord[]; to: MailRecord };

export type Need = {
  purpose: Purpose;
  name: string;
  type: "MX" | "TXT";
  /** Of all records of the type that receivers find at the name. */
  judge: (found: readonly MailRecord[]) => Verdict;
  /** Asked when nothing at the name counts: whether something elsewhere does. */
  judgeElsewhere?: (resolve: Resolve, signal: AbortSignal) => Promise<Verdict | { kind: "unknown"; reason: string }>;
};

/** In the order in which they are to be published: the owner's policy last. */
export const needsOf = ({ domain, records, apexSpf, dmarc }: Requirement): Need[] => [
  ...records.map((record) => needOf(`${record.name}.${domain}`.toLowerCase(), record)),
  ...(apexSpf === undefined ? [] : [spfNeed(domain, apexSpf)]),
  ...(dmarc === undefined ? [] : [dmarcNeed(domain, dmarc)]),
];

const needOf = (name: string, { purpose, type, value, priority = 0 }: RequiredRecord): Need => {
  if (type === "MX") return mxNeed(name, value, priority);
  return purpose === "SPF" ? spfNeed(name, value) : dkimNeed(name, value);
};

const mxNeed = (name: string, wanted: string, preference: number): Need => {
  const exchange = wanted.toLowerCase().replace(/\.$/, "");
  return {
    purpose: "SPF",
    name,
    type: "MX",
    judge: (found) => {
      const ours = found.find((record) => textOf(record).toLowerCase() === exchange);
      if (ours) return { kind: "standing", record: ours };
      return { kind: "change", from: found, to: { name, type: "MX", data: { preference, exchange } } };
    },
  };
};

/** For records of which a name may have one: what becomes of those that count. */
const mergeNeed = (
  purpose: Purpose,
  name: string,
  counts: (text: string) => boolean,
  merge: (texts: readonly string[]) => string,
): Need => ({
  purpose,
  name,
  type: "TXT",
  judge: (found) => {
    const from = found.filter((record) => counts(textOf(record)));
    const [first, ...others] = from;
    const text = merge(from.map(textOf));
    if (first !== undefined && others.length === 0 && text === textOf(first))
      return { kind: "standing", record: first };
    return { kind: "change", from, to: txtRecord(name, text) };
  },
});

const spfNeed = (name: string, wanted: string): Need =>
  mergeNeed("SPF", name, isSpf, (texts) => mergeSpf(texts, wanted));

const dkimNeed = (name: string, value: string): Need => {
  const parsed = parseDkimRecord(value);
  if (parsed.kind !== "key") throw new Error(`the record required for ${name} is no DKIM key record`);
  return {
    purpose: "DKIM",
    name,
    type: "TXT",
    judge: (found) => {
      const [first] = found;
      if (first !== undefined && compareDkim(parsed.key, found.map(textOf)).kind === "same")
        return { kind: "standing", record: first };
      return { kind: "change", from: found, to: txtRecord(name, value) };
    },
  };
};

const dmarcNeed = (domain: string, wish: DmarcWish): Need => {
  const name = `_dmarc.${domain}`;
  const isDmarc = (text: string): boolean => parseDmarc(text).kind !== "not-dmarc";
  return {
    ...mergeNeed("DMARC", name, isDmarc, (texts) => mergeDmarc(texts, wish)),
    judgeElsewhere: async (resolve, signal) => {
      const discovery = await discoverPolicy(domain, resolve, signal);
      if (discovery.kind === "unknown") return { kind: "unknown", reason: `${discovery.name}: ${discovery.reason}` };
      if (discovery.kind === "none") return { kind: "change", from: [], to: txtRecord(name, formatDmarcWish(wish)) };
      const { policyDomain, found } = discovery;
      // RFC 9989 §4.7: for names below the record's own, `sp` holds where it is given.
      const inherited = found.record.sp ?? found.record.p ?? "none";
      if (isAsStrict(inherited, wish.policy) && reportsTo(found.record, wish.rua))
        return { kind: "standing", record: txtRecord(`_dmarc.${policyDomain}`, found.text) };
      // A record of its own takes the domain out of the one above: it must not be milder than that.
      const policy = isAsStrict(inherited, wish.policy) ? inherited : wish.policy;
      return { kind: "change", from: [], to: txtRecord(name, formatDmarcWish({ ...wish, policy })) };
    },
  };
};
