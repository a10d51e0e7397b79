/**
 * Whom an SPF record lets send as receivers really evaluate it: term by term, up to where they give up.
 *
 * A permanent error (RFC 7208 §2.6.7) ends the evaluation for all mail that got so far: who is named behind it is not let
 * send, who is named before it is. The worst case counts, as in `walkSpf`. Only the terms of the record itself are told
 * apart: one below which anything can go wrong counts as not reached.
 */
import { authorisesInclude, authorisesIp, type Authorised } from "./spf-authorised.ts";
import { SPF_LIMITS, spfPlaces, spfTotals, type SpfNode, type SpfPlace, type SpfTree } from "./spf-tree.ts";
import { formatSpfTerm, hasMacro, isDirective, type SpfTerm } from "./spf.ts";

/** Whether all of `wanted` are let send. `unknown`: a macro decides, or a look-up failed. */
export const letsSend = (tree: SpfTree, wanted: readonly SpfTerm[]): Authorised => {
  const reached = tree.kind === "record" ? { ...tree, terms: reachedTerms(tree.terms) } : tree;
  const answers = wanted.map((term) => letsTermSend(reached, term));
  return answers.find((answer) => answer === "no") ?? answers.find((answer) => answer === "unknown") ?? "yes";
};

/** Those of `wanted` that are not surely let send. */
export const notLetSend = (tree: SpfTree, wanted: readonly SpfTerm[]): SpfTerm[] =>
  wanted.filter((term) => letsSend(tree, [term]) !== "yes");

const letsTermSend = (tree: SpfTree, wanted: SpfTerm): Authorised => {
  if (tree.kind === "unknown") return "unknown";
  if (wanted.kind === "include" && !hasMacro(wanted.domainSpec)) return letsIncludedSend(tree, wanted.domainSpec);
  if ((wanted.kind === "ip4" || wanted.kind === "ip6") && wanted.prefix === undefined)
    return authorisesIp(tree, wanted.address);
  // Whom other terms let send depends on the message: they have to be there themselves.
  const text = formatSpfTerm(wanted).toLowerCase();
  const terms = tree.kind === "record" ? tree.terms : [];
  return terms.some((node) => node.asked.kind !== "unreached" && node.text.toLowerCase() === text) ? "yes" : "no";
};

/** As `authorisesInclude`; "no", too, where a term in front of the include says no to somebody whom it lets send. */
export const letsIncludedSend = (tree: SpfTree, domain: string): Authorised => {
  const answer = authorisesInclude(tree, domain);
  return answer === "yes" && isOvertaken(tree, domain) ? "no" : answer;
};

/** Relays have few networks; comparing a record's with all of another's takes time that grows with both. */
const MOST_ADDRESSES = 100;

/** Whether a term in front of an include says no, or may, to an address that the included record lets send. */
const isOvertaken = (tree: SpfTree, domain: string): boolean => {
  const name = domain.replace(/\.$/, "").toLowerCase();
  const included = spfPlaces(tree).find(({ node }) => node.children?.domain === name)?.node.children;
  if (!included) return false;
  const addresses = spfPlaces(included).flatMap(({ node: { term } }) => ("address" in term ? [term.address] : []));
  return addresses
    .slice(0, MOST_ADDRESSES)
    .some((address) => authorisesIp(included, address) === "yes" && authorisesIp(tree, address) !== "yes");
};

const reachedTerms = (terms: readonly SpfNode[]): SpfNode[] => {
  // RFC 7208 §6.1: `redirect` comes last, wherever it stands.
  const inOrder = [
    ...terms.filter((node) => isDirective(node.term)),
    ...terms.filter((node) => !isDirective(node.term)),
  ];
  let lookups = 0;
  let voids = 0;
  const end = inOrder.findIndex((node) => {
    lookups += node.cost;
    // As the check counts them: over IPv6 most receivers are lenient.
    voids += spfTotals(treeBelow(node)).voids.ip4.length + spfPlaces(treeBelow(node)).filter(mayBeVoid).length;
    return lookups > SPF_LIMITS.lookups || voids > SPF_LIMITS.voids || isBroken(node);
  });
  return end < 0 ? inOrder : inOrder.slice(0, end);
};

/** A macro that most clients find nothing by. */
const mayBeVoid = ({ node: { asked, term } }: SpfPlace): boolean =>
  asked.kind === "message" && (term.kind === "exists" || term.kind === "a");

/** A term alone, as a record. */
const treeBelow = (node: SpfNode): SpfTree => ({
  kind: "record",
  domain: "",
  record: "",
  terms: [node],
  records: [],
  txtOctets: 0,
});

/** Evaluating it may end in a permanent error, whatever comes before (RFC 7208 §4.6.4, §5.2, §6.1). */
export const isBroken = (node: SpfNode): boolean =>
  spfPlaces(treeBelow(node)).some(({ node: { asked, children } }) => {
    if (asked.kind === "addresses" && (asked.hosts?.length ?? 0) > SPF_LIMITS.hosts) return true;
    return children !== undefined && children.kind !== "record" && children.kind !== "unknown";
  });
