/**
 * The SPF record of a name, which is to let our relays send: by whatever words, since receivers go by the result.
 *
 * A record that does, within what receivers evaluate, stays as it is. Else the smallest of a few changes is taken that
 * does, and with which the record stays within the ten look-ups, so that no sender of the owner's falls out. Where there
 * is none, the owner's record is left alone. Every candidate is walked before it is proposed.
 */
import type { Resolve } from "./resolver.ts";
import { walkSpf } from "./spf-cost.ts";
import { leadSpf, mergeSpf } from "./spf-merge.ts";
import { letsSend, notLetSend } from "./spf-reach.ts";
import { SPF_LIMITS, spfPlaces, spfTotals, type SpfTree } from "./spf-tree.ts";
import { brokenSender, spfCaution, spfConflict } from "./spf-words.ts";
import { formatSpf, formatSpfTerm, isDirective, isSpf, parseSpf, type SpfDirective } from "./spf.ts";
import type { Need, Verdict } from "./verdict.ts";
import { textOf, txtRecord, zoneResolver, type MailRecord } from "./zone.ts";

/**
 * `required`: a record that lets our relays send; throws when it is none, for it is ours. `bounce`: the MX that the name
 * is to have, which the terms of the record may ask for.
 */
export const spfNeed = (name: string, required: string, instead: string, bounce?: MailRecord): Need => {
  const parsed = parseSpf(required);
  if (parsed.kind !== "record") throw new Error(`the SPF record required for ${name} cannot be read`);
  const wanted = parsed.terms.filter(isDirective).filter(({ kind }) => kind !== "all");
  const judge = async (found: readonly MailRecord[], resolve: Resolve, signal: AbortSignal): Promise<Verdict> => {
    const from = found.filter((record) => isSpf(textOf(record)));
    const beside = found.filter((record) => !from.includes(record));
    const walk = (records: readonly MailRecord[]): Promise<SpfTree> =>
      walkSpf(name, asItWillBe(name, records, bounce ? [bounce] : [], resolve), signal);
    const draft = async (text: string): Promise<Candidate> => {
      const to = txtRecord(name, text);
      return { to, tree: await walk([...beside, to]) };
    };
    const propose = ({ to, tree }: Candidate): Verdict => ({ kind: "change", from, to, ...spfCaution(tree, wanted) });

    const [standing, ...others] = from;
    if (standing === undefined) return propose(await draft(required));
    const tree = await walk(found);
    const answer = others.length > 0 ? "no" : letsSend(tree, wanted);
    if (answer === "yes") return { kind: "standing", record: standing, ...spfCaution(tree, wanted) };
    const failure = failureIn(tree);
    if (answer === "unknown" && failure !== undefined) return { kind: "unknown", reason: failure };

    const texts = from.map(textOf);
    const candidates = await Promise.all(candidatesOf(texts, wanted, tree).map(draft));
    const sound = candidates.find((candidate) => isSound(candidate.tree, wanted));
    if (sound) return propose(sound);
    const last = candidates.at(-1)?.tree ?? tree;
    // What is required stands as it should: that our own record is missing is not the owner's to mend.
    if (others.length === 0 && mergeSpf(texts, required) === texts[0] && brokenSender(last, wanted))
      return { kind: "standing", record: standing, ...spfCaution(tree, wanted) };
    const unknown = isWithinLimit(last) ? failureIn(last) : undefined;
    if (unknown !== undefined) return { kind: "unknown", reason: unknown };
    // Of a record that cannot be read, it is told where: in the owner's, not in ours.
    const told = tree.kind === "malformed" ? tree : last;
    return { kind: "conflict", standing: from, text: spfConflict(name, told, wanted, instead) };
  };
  return { purpose: "SPF", name, type: "TXT", judge, instead };
};

type Candidate = { to: MailRecord; tree: SpfTree };

/** The DNS with these TXT records at the name, and with the MX where there is none. */
const asItWillBe = (
  name: string,
  records: readonly MailRecord[],
  bounce: readonly MailRecord[],
  resolve: Resolve,
): Resolve => {
  const [texts, hosts] = [zoneResolver(records, 0), zoneResolver(bounce, 0)];
  return async (asked, type, signal) => {
    if (asked === name && type === "TXT") return texts(asked, type, signal);
    const live = await resolve(asked, type, signal);
    const isMissing = live.kind === "nxdomain" || live.kind === "nodata";
    return asked === name && type === "MX" && isMissing ? hosts(asked, type, signal) : live;
  };
};

/** From the smallest change on: what is missing added; all of ours in front; the owner's dead includes out. */
const candidatesOf = (texts: readonly string[], wanted: readonly SpfDirective[], tree: SpfTree): string[] => {
  const all = formatSpf(wanted);
  const dead = spfPlaces(tree)
    .filter(({ node, tree: { domain } }) => domain === tree.domain && node.children?.kind === "none")
    .map(({ node }) => node.text)
    .filter((text) => !wanted.some((term) => formatSpfTerm(term).toLowerCase() === text.toLowerCase()));
  const missing = texts.length > 1 ? wanted : notLetSend(tree, wanted);
  return [...new Set([mergeSpf(texts, formatSpf(missing)), leadSpf(texts, all), leadSpf(texts, all, dead)])];
};

const isWithinLimit = (tree: SpfTree): boolean => spfTotals(tree).lookups <= SPF_LIMITS.lookups;

const isSound = (tree: SpfTree, wanted: readonly SpfDirective[]): boolean =>
  letsSend(tree, wanted) === "yes" && isWithinLimit(tree) && failureIn(tree) === undefined && !isCut(tree);

const isCut = (tree: SpfTree): boolean =>
  spfPlaces(tree).some(({ node }) => node.asked.kind === "cut" || node.children?.kind === "cut");

/** Why the record is not known whole. */
const failureIn = (tree: SpfTree): string | undefined => {
  for (const { node } of spfPlaces(tree)) {
    if (node.asked.kind === "unknown") return `${node.text}: ${node.asked.reason}`;
    if (node.children?.kind === "unknown") return `${node.children.domain}: ${node.children.reason}`;
  }
  return undefined;
};
