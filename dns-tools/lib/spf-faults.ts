/**
 * What is wrong with an SPF record that can be read, and with those that it leads to.
 *
 * One mistake gives one finding: a broken `include` is not counted as void as well. Whether the record lets anybody in
 * particular send is not asked here.
 */
import type { Finding, FindingCode, FindingStatus } from "./finding.ts";
import { codeOfFailure, shown, whatToDo } from "./look-up-findings.ts";
import { withAll, withAllLast } from "./spf-change.ts";
import { SPF_LIMITS, spfPlaces, spfTotals, type SpfNode, type SpfPlace, type SpfTree } from "./spf-tree.ts";
import { formatSpf, isDirective, isSpf, type SpfDirective, type SpfMalformed, type SpfTerm } from "./spf.ts";

export type SpfRecordTree = Extract<SpfTree, { kind: "record" }>;

/** RFC 7208 §3.4: name and texts of all TXT records together, for an answer to fit into 512 octets. */
const MOST_OCTETS = 450;

/** All faults of a record, in the order in which they are to be repaired. */
export const spfFaults = (tree: SpfRecordTree): Finding[] => [
  ...faultsBelow(tree),
  ...lookupFaults(tree),
  ...voidFaults(tree),
  ...allFaults(tree),
  ...unreachedFaults(tree),
  ...misspelt(tree),
  ...ptrFaults(tree),
  ...sizeFaults(tree),
];

const SHOWN_RECORDS = 20;

/** TXT records in lines like those of a zone. */
export const txtLines = (name: string, texts: readonly string[]): string[] =>
  texts.slice(0, SHOWN_RECORDS).map((text) => shown(`${name} TXT "${text}"`));

export const quoted = (text: string): string => `\`${shown(text, 300)}\``;

const SHOWN_TERMS = 12;
const shortened = (texts: readonly string[]): string =>
  texts.slice(0, SHOWN_TERMS).join(", ") + (texts.length > SHOWN_TERMS ? ", …" : "");

/** Terms in a sentence, each once; of many the first. */
export const listed = (terms: readonly { text: string }[]): string =>
  shortened([...new Set(terms.map(({ text }) => quoted(text)))]);

const fault = (
  code: FindingCode,
  status: FindingStatus,
  { domain, record }: SpfRecordTree,
  text: string,
  rfc: string,
  fix?: readonly SpfTerm[],
): Finding => ({
  code,
  status,
  name: domain,
  text,
  evidence: txtLines(domain, [record]),
  rfc: `RFC 7208 §${rfc}`,
  ...(fix && { fix: formatSpf(fix) }),
});

const termsOf = (tree: SpfRecordTree): SpfTerm[] => tree.terms.map(({ term }) => term);

/** The root's record without some of its terms; `undefined`: none of them is the root's own. */
const without = (tree: SpfRecordTree, nodes: readonly SpfNode[]): SpfTerm[] | undefined => {
  const kept = tree.terms.filter((node) => !nodes.includes(node));
  return kept.length < tree.terms.length ? kept.map(({ term }) => term) : undefined;
};

/** What is wrong with the text of a record: `SpfMalformed` as a clause. */
export const malformedText = ({ term, position, reason }: SpfMalformed): string =>
  `${quoted(term)} at character ${position + 1}: ${reason}`;

const faultsBelow = (root: SpfRecordTree): Finding[] => {
  const findings = new Map<string, Finding>();
  for (const place of spfPlaces(root)) {
    const finding = faultOf(place, root);
    // The same domain may be included at several places.
    if (finding) findings.set(`${finding.code} ${place.node.text}`, finding);
  }
  return [...findings.values()];
};

const faultOf = ({ node, tree }: SpfPlace, root: SpfRecordTree): Finding | undefined => {
  if (tree.kind !== "record") return undefined;
  if (node.asked.kind === "unknown") return notFoundOut(node, tree, node.asked.reason);
  if (!node.children) return undefined;
  const { children } = node;
  const term = quoted(node.text);
  const repair = "Remove it, or ask its owner to repair the record";
  const fix = without(root, [node]);
  switch (children.kind) {
    case "record":
    case "cut":
      return undefined;
    case "unknown":
      return notFoundOut(node, tree, children.reason);
    case "none": {
      const text = `${term} points to a name with no SPF record; that alone is permerror, so SPF fails for your mail. Remove it.`;
      const found = fault("spf.include-none", "fail", tree, text, node.term.kind === "redirect" ? "6.1" : "5.2", fix);
      return { ...found, evidence: [...found.evidence, `${children.domain} has no SPF record`] };
    }
    case "loop": {
      const text = `${term} leads back to the record of ${children.domain}, so receivers go round until the look-ups are used up: permerror. Remove it.`;
      return fault("spf.loop", "fail", tree, text, "4.6.4", fix);
    }
    case "multiple": {
      const records = children.records.filter(isSpf);
      const text = `${term} leads to ${records.length} SPF records, which is permerror for your mail too. ${repair}.`;
      return {
        ...fault("spf.multiple", "fail", tree, text, "4.5"),
        name: children.domain,
        evidence: txtLines(children.domain, records),
      };
    }
    case "malformed": {
      const text = `${term} leads to a record that is wrong at ${malformedText(children.problem)}. That is permerror for your mail too. ${repair}.`;
      return {
        ...fault("spf.syntax", "fail", tree, text, "4.6"),
        name: children.domain,
        evidence: txtLines(children.domain, [children.record]),
      };
    }
  }
};

const notFoundOut = ({ text }: SpfNode, tree: SpfRecordTree, reason: string): Finding =>
  fault(
    codeOfFailure(reason),
    "indeterminate",
    tree,
    `${quoted(text)} could not be looked up (${shown(reason)}); it may be right. ${whatToDo(reason)}`,
    "4.4",
  );

const lookupFaults = (tree: SpfRecordTree): Finding[] => {
  const findings: Finding[] = [];
  const { lookups, uncounted } = spfTotals(tree);
  const places = spfPlaces(tree);
  if (lookups > SPF_LIMITS.lookups) {
    const costly = tree.terms.filter(({ cost }) => cost > 0).sort((a, b) => b.cost - a.cost);
    const costs = shortened(costly.map(({ text, cost }) => `${quoted(text)} ${cost}`));
    const text = `Your SPF needs ${uncounted ? "at least " : ""}${lookups} look-ups, the limit is ${SPF_LIMITS.lookups}: ${costs}. Receivers answer permerror for senders behind the tenth. Remove what you no longer send through.`;
    findings.push(fault("spf.lookups", "fail", tree, text, "4.6.4"));
  } else if (places.some(({ node }) => node.asked.kind === "cut" || node.children?.kind === "cut")) {
    const text = `Your SPF leads to more than we follow; we saw ${lookups} look-ups of ${SPF_LIMITS.lookups}. Make it smaller.`;
    findings.push(fault("spf.lookups", "indeterminate", tree, text, "4.6.4"));
  }
  for (const { node } of places) {
    if (node.asked.kind !== "addresses" || (node.asked.hosts?.length ?? 0) <= SPF_LIMITS.hosts) continue;
    const text = `${quoted(node.text)} has ${node.asked.hosts?.length} mail hosts; more than ${SPF_LIMITS.hosts} is permerror. Name the addresses that send by \`ip4:\` and \`ip6:\` instead.`;
    findings.push(fault("spf.lookups", "fail", tree, text, "4.6.4"));
  }
  return findings;
};

const voidFaults = (tree: SpfRecordTree): Finding[] => {
  const { ip4, ip6 } = spfTotals(tree).voids;
  if (ip4.length > SPF_LIMITS.voids) {
    const gone = ip4.filter((node) => node.voids.ip6);
    const text = `${ip4.length} terms of your SPF find nothing in the DNS: ${listed(ip4)}. More than ${SPF_LIMITS.voids} gives permerror. Delete those that you do not need.`;
    return [fault("spf.void", "fail", tree, text, "4.6.4", without(tree, gone))];
  }
  if (ip6.length > SPF_LIMITS.voids) {
    const text = `${ip6.length} terms of your SPF find nothing for mail that comes over IPv6: ${listed(ip6)}. More than ${SPF_LIMITS.voids} gives permerror there at strict receivers. Write \`ip4:\` for hosts that have no IPv6 address.`;
    return [fault("spf.void", "warn", tree, text, "4.6.4")];
  }
  return [];
};

/** The `all` that decides, through `redirect`; `undefined`: it cannot be known, or a fault tells of it already. */
const decidingAll = (tree: SpfRecordTree): { tree: SpfRecordTree; all?: SpfDirective } | undefined => {
  for (const { term } of tree.terms) if (isDirective(term) && term.kind === "all") return { tree, all: term };
  const redirect = tree.terms.find(({ term }) => term.kind === "redirect");
  if (!redirect) return { tree };
  return redirect.children?.kind === "record" ? decidingAll(redirect.children) : undefined;
};

/** Whoever connects passes it: RFC 7208 §5.1 of `all`, and a network of all addresses is no different. */
const letsAllPass = ({ term, asked, children }: SpfNode): boolean => {
  if (asked.kind === "unreached" || (isDirective(term) && term.qualifier !== "+")) return false;
  if (term.kind === "ip4" || term.kind === "ip6") return term.prefix === 0;
  return term.kind === "all" || (children?.kind === "record" && children.terms.some(letsAllPass));
};

const allFaults = (tree: SpfRecordTree): Finding[] => {
  const open = tree.terms.filter(letsAllPass);
  if (open.length > 0) {
    const closed = without(tree, open) ?? [];
    const fix = closed.some(({ kind }) => kind === "all") ? closed : withAll(closed, "~");
    const text = `${listed(open)} lets every server on the internet send as ${tree.domain}. Replace it with \`~all\`.`;
    return [fault("spf.plus-all", "warn", tree, text, "5.1", fix)];
  }
  const deciding = decidingAll(tree);
  if (!deciding) return [];
  const { tree: place, all } = deciding;
  if (!all) {
    const text =
      "Your SPF ends without `all`, so mail from anywhere else is neutral: it says nothing about forgeries. Put `~all` at its end.";
    return [fault("spf.no-all", "warn", place, text, "4.7", withAll(termsOf(place), "~"))];
  }
  if (all.qualifier !== "?") return [];
  const text = "`?all` says nothing about mail from anywhere else, as if there were no SPF. Replace it with `~all`.";
  return [fault("spf.neutral-all", "warn", place, text, "5.1", withAll(termsOf(place), "~"))];
};

const unreachedFaults = (tree: SpfRecordTree): Finding[] => {
  const unreached = tree.terms.filter(({ asked }) => asked.kind === "unreached");
  if (unreached.length === 0) return [];
  const movable = unreached.some(({ term }) => term.kind !== "redirect");
  const change = movable ? "Move it in front of `all`, or delete it" : "Delete it";
  const text = `${listed(unreached)} never counts, because the record has an \`all\` that decides before. ${change}.`;
  return [fault("spf.after-all", "warn", tree, text, "5.1", withAllLast(termsOf(tree)))];
};

const MECHANISMS = ["include", "a", "mx", "ptr", "ip4", "ip6", "exists", "all"];

/** `include=x` is an unknown modifier, which receivers pass over (RFC 7208 §6). */
const misspelt = (tree: SpfRecordTree): Finding[] => {
  const names = tree.terms.filter(
    ({ term }) => term.kind === "unknown" && MECHANISMS.includes(term.name.toLowerCase()),
  );
  if (names.length === 0) return [];
  const text = `${listed(names)} is written with \`=\`, so receivers pass over it. Write a colon.`;
  return [fault("spf.syntax", "warn", tree, text, "6")];
};

const usesPtr = ({ term, asked }: SpfNode): boolean =>
  asked.kind !== "unreached" && (term.kind === "ptr" || ("domainSpec" in term && /%\{p/i.test(term.domainSpec ?? "")));

const ptrFaults = (tree: SpfRecordTree): Finding[] => {
  const nodes = spfPlaces(tree)
    .map(({ node }) => node)
    .filter(usesPtr);
  if (nodes.length === 0) return [];
  const text = `${listed(nodes)} asks for the names of the sender's address, which is slow and which some receivers do not do. Name the addresses by \`ip4:\` and \`ip6:\` instead.`;
  return [fault("spf.ptr", "warn", tree, text, "5.5")];
};

const sizeFaults = (tree: SpfRecordTree): Finding[] => {
  const octets = tree.domain.length + tree.txtOctets;
  if (octets <= MOST_OCTETS) return [];
  const text = `Name and TXT records of ${tree.domain} have ${octets} octets; above ${MOST_OCTETS} an answer may not fit into one packet, and some receivers then see none. Shorten the SPF record, or delete TXT records that nobody uses.`;
  return [fault("spf.too-long", "warn", tree, text, "3.4")];
};
