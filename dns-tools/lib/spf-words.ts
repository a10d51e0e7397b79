/**
 * What a plan says of an SPF record that it leaves alone, or that stays broken beside what it does.
 *
 * The faults of the owner's own terms are told in the words of the check; only what comes of adding ours is told here.
 */
import { listed, malformedText, quoted, spfFaults } from "./spf-faults.ts";
import { isBroken } from "./spf-reach.ts";
import { SPF_LIMITS, spfTotals, type SpfNode, type SpfTree } from "./spf-tree.ts";
import { formatSpfTerm, type SpfDirective } from "./spf.ts";

/** The term of ours whose own record is missing or broken: nobody who names it can send. */
export const brokenSender = (tree: SpfTree, wanted: readonly SpfDirective[]): SpfNode | undefined => {
  const ours = new Set(wanted.map((term) => formatSpfTerm(term).toLowerCase()));
  const terms = tree.kind === "record" ? tree.terms : [];
  return terms.find((node) => ours.has(node.text.toLowerCase()) && isBroken(node));
};

/** What is wrong with a record that is kept or published: that makes some mail fail, if not ours. */
export const spfCaution = (tree: SpfTree, wanted: readonly SpfDirective[]): { caution?: string } => {
  if (tree.kind !== "record") return {};
  const broken = brokenSender(tree, wanted);
  if (broken) {
    const caution = `${quoted(broken.text)} is right, but the record that it names is missing or broken, so SPF fails at ${tree.domain}: who runs it has to publish it.`;
    return { caution };
  }
  const faults = spfFaults(tree).filter(({ status }) => status === "fail");
  return faults.length === 0 ? {} : { caution: faults.map(({ text }) => text).join(" ") };
};

/** Why nothing is changed: `tree` is the record with our terms in it, or the one that stands when that cannot be read. */
export const spfConflict = (name: string, tree: SpfTree, wanted: readonly SpfDirective[], instead: string): string => {
  if (tree.kind === "malformed")
    return `The SPF record of ${name} is wrong at ${malformedText(tree.problem)}. Receivers must answer permerror whatever else it says, so we add nothing to it. Correct that term. ${instead}`;
  const broken = brokenSender(tree, wanted);
  if (broken)
    return `${quoted(broken.text)} names a record that is missing or broken, so receivers would answer permerror for all mail from ${name} that gets there. Check that it is the right name; who runs it has to publish that record.`;
  if (tree.kind !== "record")
    return `The SPF record of ${name} has more terms than we read, so we do not know what ours would do to it. ${instead}`;
  const ours = wanted.map((term) => quoted(formatSpfTerm(term))).join(" ");
  const { lookups } = spfTotals(tree);
  if (lookups <= SPF_LIMITS.lookups)
    return `With ${ours} in it the SPF record of ${name} would not surely let us send: what it leads to is broken or more than we follow. ${instead}`;
  return `With ${ours} in it the SPF record of ${name} needs ${lookups} look-ups, the limit is ${SPF_LIMITS.lookups}: receivers answer permerror for senders behind the tenth, so mail by ${listed(behindLimit(tree.terms))} would fail. ${instead} Or remove what you no longer send through.`;
};

const behindLimit = (terms: readonly SpfNode[]): SpfNode[] => {
  let lookups = 0;
  return terms.filter(({ cost }) => {
    lookups += cost;
    return cost > 0 && lookups > SPF_LIMITS.lookups;
  });
};
