/**
 * What is wrong with an SPF record that can be read, and with those that it leads to.
 *
 * One mistake gives one finding: a broken `include` is not counted as void as well, and all circles are one. A `fix` is the
 * whole record with everything put right that can be, so one paste answers all of them. Whether the record lets anybody
 * in particular send is not asked here.
 */
import type { Finding, FindingCode, FindingStatus } from "./finding.ts";
import { codeOfFailure, shown, whatToDo } from "./look-up-findings.ts";
import { withAll, withAllLast } from "./spf-change.ts";
import { JOINED_WITHOUT_SPACE, splitTerms } from "./spf-joined.ts";
import { SPF_LIMITS, spfPlaces, spfTotals, type SpfNode, type SpfPlace, type SpfTree } from "./spf-tree.ts";
import { formatSpf, isDirective, isSpf, type SpfDirective, type SpfMalformed, type SpfTerm } from "./spf.ts";

export type SpfRecordTree = Extract<SpfTree, { kind: "record" }>;

/** RFC 7208 §3.4: name and texts of all TXT records together, for an answer to fit into 512 octets. */
const MOST_OCTETS = 450;

type Repair = (terms: readonly SpfTerm[]) => SpfTerm[];
/** `repair`: of the record that is checked. */
type Fault = { finding: Finding; repair?: Repair };

/** All faults of a record, in the order in which they are to be repaired. */
export const spfFaults = (tree: SpfRecordTree): Finding[] => {
  const fix = formatSpf(repairedSpf(tree));
  return faultsOf(tree).map(({ finding, repair }) => (repair ? { ...finding, fix } : finding));
};

/** The record's terms with everything put right that can be; those that stay are the same objects. */
export const repairedSpf = (tree: SpfRecordTree): SpfTerm[] =>
  faultsOf(tree).reduce(
    (terms, { repair }) => repair?.(terms) ?? terms,
    tree.terms.map(({ term }) => term),
  );

const faultsOf = (tree: SpfRecordTree): Fault[] => [
  ...faultsBelow(tree),
  ...loopFaults(tree),
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
  repair?: Repair,
): Fault => ({
  finding: { code, status, name: domain, text, evidence: txtLines(domain, [record]), rfc: `RFC 7208 §${rfc}` },
  ...(repair && { repair }),
});

/** Takes terms out; `undefined`: none of them is the root's own. */
const without = (root: SpfRecordTree, nodes: readonly SpfNode[]): Repair | undefined => {
  const gone = root.terms.filter((node) => nodes.includes(node)).map(({ term }) => term);
  return gone.length > 0 ? (terms) => terms.filter((term) => !gone.includes(term)) : undefined;
};

/** A repair of the root's own record; that of another, whose owner may be the same, is given whole. */
const repairing = (root: SpfRecordTree, tree: SpfRecordTree, found: Fault, repair: Repair): Fault => {
  if (tree === root) return { ...found, repair };
  return { finding: { ...found.finding, fix: formatSpf(repair(tree.terms.map(({ term }) => term))) } };
};

/** What is wrong with the text of a record: `SpfMalformed` as a clause. */
export const malformedText = ({ term, position, reason }: SpfMalformed): string =>
  `${quoted(term)} at character ${position + 1}: ${reason}`;

const faultsBelow = (root: SpfRecordTree): Fault[] => {
  const faults = new Map<string, Fault>();
  for (const place of spfPlaces(root)) {
    const found = faultOf(place, root);
    // The same domain may be included at several places.
    if (found) faults.set(`${found.finding.code} ${place.node.text}`, found);
  }
  return [...faults.values(), ...notFoundOut(root)];
};

const faultOf = ({ node, tree }: SpfPlace, root: SpfRecordTree): Fault | undefined => {
  const { children } = node;
  if (tree.kind !== "record" || !children) return undefined;
  const term = quoted(node.text);
  const repair = "Remove it, or ask its owner to repair the record";
  switch (children.kind) {
    case "record":
    case "cut":
    case "unknown":
    case "loop":
      return undefined;
    case "none": {
      const parts = joinedIn(node);
      if (parts) return joined(tree, root, node, parts);
      const text = `${term} points to a name with no SPF record; that alone is permerror, so SPF fails for your mail. Remove it.`;
      const section = node.term.kind === "redirect" ? "6.1" : "5.2";
      const { finding, ...rest } = fault("spf.include-none", "fail", tree, text, section, without(root, [node]));
      return {
        finding: { ...finding, evidence: [...finding.evidence, `${children.domain} has no SPF record`] },
        ...rest,
      };
    }
    case "multiple": {
      const records = children.records.filter(isSpf);
      const text = `${term} leads to ${records.length} SPF records, which is permerror for your mail too. ${repair}.`;
      return elsewhere(fault("spf.multiple", "fail", tree, text, "4.5"), children.domain, records);
    }
    case "malformed": {
      const text = `${term} leads to a record that is wrong at ${malformedText(children.problem)}. That is permerror for your mail too. ${repair}.`;
      return elsewhere(fault("spf.syntax", "fail", tree, text, "4.6"), children.domain, [children.record]);
    }
  }
};

const elsewhere = ({ finding }: Fault, name: string, records: readonly string[]): Fault => ({
  finding: { ...finding, name, evidence: txtLines(name, records) },
});

/** The terms of a word that is wrong as one. */
const joinedIn = ({ text, children }: SpfNode): readonly SpfTerm[] | undefined =>
  children?.kind === "none" ? splitTerms(text) : undefined;

const joined = (tree: SpfRecordTree, root: SpfRecordTree, node: SpfNode, parts: readonly SpfTerm[]): Fault => {
  const text = `${quoted(node.text)} of ${tree.domain} is ${JOINED_WITHOUT_SPACE}: receivers look for a name that is not there, which is permerror. Put a space between them.`;
  const put: Repair = (terms) => terms.flatMap((term) => (term === node.term ? parts : [term]));
  return repairing(root, tree, fault("spf.syntax", "fail", tree, text, "3.3"), put);
};

const reasonOf = ({ asked, children }: SpfNode): string | undefined =>
  asked.kind === "unknown" ? asked.reason : children?.kind === "unknown" ? children.reason : undefined;

/** One for each kind of failure, however many look-ups it befell. What cannot change the verdict is not told. */
const notFoundOut = (root: SpfRecordTree): Fault[] => {
  if (spfTotals(root).lookups > SPF_LIMITS.lookups) return [];
  const failed = spfPlaces(root).flatMap(({ node, tree }) => {
    const reason = reasonOf(node);
    return reason === undefined || tree.kind !== "record" ? [] : [{ node, tree, reason, code: codeOfFailure(reason) }];
  });
  const firsts = failed.filter(({ code }, at) => failed.findIndex((other) => other.code === code) === at);
  return firsts.map(({ code, tree, reason }) => {
    const nodes = failed.filter((other) => other.code === code).map(({ node }) => node);
    const text = `${listed(nodes)} could not be looked up (${shown(reason)}); it may be right. ${whatToDo(reason)}`;
    return fault(code, "indeterminate", tree, text, "4.4");
  });
};

const loopsIn = (root: SpfRecordTree): SpfPlace[] =>
  spfPlaces(root).filter(({ node }) => node.children?.kind === "loop");

/** Too many look-ups even without the circles: then receivers get to none of them. */
const isTooLong = (root: SpfRecordTree): boolean => spfTotals(root).lookups - loopsIn(root).length > SPF_LIMITS.lookups;

const loopFaults = (root: SpfRecordTree): Fault[] => {
  const loops = loopsIn(root);
  const nodes = loops.map(({ node }) => node);
  const [first] = loops;
  if (first?.tree.kind !== "record" || isTooLong(root)) return [];
  const where = loops.length > 1 ? "records that lead to it" : `the record of ${first.node.children?.domain}`;
  const repair = without(root, nodes);
  const text = `${listed(nodes)} leads back to ${where}, so receivers go round until the look-ups are used up: permerror. Remove it.`;
  return [fault("spf.loop", "fail", repair ? root : first.tree, text, "4.6.4", repair)];
};

const lookupFaults = (tree: SpfRecordTree): Fault[] => {
  const faults: Fault[] = [];
  const { lookups, uncounted } = spfTotals(tree);
  const places = spfPlaces(tree);
  if (isTooLong(tree)) {
    const costly = tree.terms.filter(({ cost }) => cost > 0).sort((a, b) => b.cost - a.cost);
    const costs = shortened(costly.map(({ text, cost }) => `${quoted(text)} ${cost}`));
    const loops = loopsIn(tree).map(({ node }) => node);
    const circles = loops.length > 0 ? ` ${listed(loops)} leads in a circle.` : "";
    const text = `Your SPF needs ${uncounted ? "at least " : ""}${lookups} look-ups, the limit is ${SPF_LIMITS.lookups}: ${costs}.${circles} Receivers answer permerror for senders behind the tenth. Remove what you no longer send through.`;
    faults.push(fault("spf.lookups", "fail", tree, text, "4.6.4"));
  } else if (places.some(({ node }) => node.asked.kind === "cut" || node.children?.kind === "cut")) {
    const text = `Your SPF leads to more than we follow; we saw ${lookups} look-ups of ${SPF_LIMITS.lookups}. Make it smaller.`;
    faults.push(fault("spf.lookups", "indeterminate", tree, text, "4.6.4"));
  }
  for (const { node } of places) {
    if (node.asked.kind !== "addresses" || (node.asked.hosts?.length ?? 0) <= SPF_LIMITS.hosts) continue;
    const text = `${quoted(node.text)} has ${node.asked.hosts?.length} mail hosts; more than ${SPF_LIMITS.hosts} is permerror. Name the addresses that send by \`ip4:\` and \`ip6:\` instead.`;
    faults.push(fault("spf.lookups", "fail", tree, text, "4.6.4"));
  }
  return faults;
};

const voidFaults = (tree: SpfRecordTree): Fault[] => {
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
  if (tree.terms.some((node) => joinedIn(node)?.some(({ kind }) => kind === "all"))) return undefined;
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

const allFaults = (tree: SpfRecordTree): Fault[] => {
  const open = tree.terms.filter(letsAllPass);
  if (open.length > 0) {
    const close: Repair = (terms) => {
      const closed = without(tree, open)?.(terms) ?? [];
      return closed.some(({ kind }) => kind === "all") ? closed : withAll(closed, "~");
    };
    const text = `${listed(open)} lets every server on the internet send as ${tree.domain}. Replace it with \`~all\`.`;
    return [fault("spf.plus-all", "warn", tree, text, "5.1", close)];
  }
  const deciding = decidingAll(tree);
  if (!deciding) return [];
  const { tree: place, all } = deciding;
  const softly: Repair = (terms) => withAll(terms, "~");
  if (!all) {
    const text =
      "Your SPF ends without `all`, so mail from anywhere else is neutral: it says nothing about forgeries. Put `~all` at its end.";
    return [repairing(tree, place, fault("spf.no-all", "warn", place, text, "4.7"), softly)];
  }
  if (all.qualifier !== "?") return [];
  const text = "`?all` says nothing about mail from anywhere else, as if there were no SPF. Replace it with `~all`.";
  return [repairing(tree, place, fault("spf.neutral-all", "warn", place, text, "5.1"), softly)];
};

const unreachedFaults = (tree: SpfRecordTree): Fault[] => {
  const unreached = tree.terms.filter(({ asked }) => asked.kind === "unreached");
  if (unreached.length === 0) return [];
  const movable = unreached.some(({ term }) => term.kind !== "redirect");
  const change = movable ? "Move it in front of `all`, or delete it" : "Delete it";
  const text = `${listed(unreached)} never counts, because the record has an \`all\` that decides before. ${change}.`;
  return [fault("spf.after-all", "warn", tree, text, "5.1", withAllLast)];
};

const MECHANISMS = ["include", "a", "mx", "ptr", "ip4", "ip6", "exists", "all"];

/** `include=x` is an unknown modifier, which receivers pass over (RFC 7208 §6). */
const misspelt = (tree: SpfRecordTree): Fault[] => {
  const names = tree.terms.filter(
    ({ term }) => term.kind === "unknown" && MECHANISMS.includes(term.name.toLowerCase()),
  );
  if (names.length === 0) return [];
  const text = `${listed(names)} is written with \`=\`, so receivers pass over it. Write a colon.`;
  return [fault("spf.syntax", "warn", tree, text, "6")];
};

const usesPtr = ({ term, asked }: SpfNode): boolean =>
  asked.kind !== "unreached" && (term.kind === "ptr" || ("domainSpec" in term && /%\{p/i.test(term.domainSpec ?? "")));

const ptrFaults = (tree: SpfRecordTree): Fault[] => {
  const nodes = spfPlaces(tree)
    .map(({ node }) => node)
    .filter(usesPtr);
  if (nodes.length === 0) return [];
  const text = `${listed(nodes)} asks for the names of the sender's address, which is slow and which some receivers do not do. Name the addresses by \`ip4:\` and \`ip6:\` instead.`;
  return [fault("spf.ptr", "warn", tree, text, "5.5")];
};

const sizeFaults = (tree: SpfRecordTree): Fault[] => {
  const octets = tree.domain.length + tree.txtOctets;
  if (octets <= MOST_OCTETS) return [];
  const text = `Name and TXT records of ${tree.domain} have ${octets} octets; above ${MOST_OCTETS} an answer may not fit into one packet, and some receivers then see none. Shorten the SPF record, or delete TXT records that nobody uses.`;
  return [fault("spf.too-long", "warn", tree, text, "3.4")];
};
