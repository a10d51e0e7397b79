/**
 * The tree of all that an SPF record makes a receiver look up: what is at each name, what each term costs, the sums.
 *
 * Everything in it was seen in the DNS, or says that it was not. `walkSpf` makes it; here nothing is looked up.
 */
import type { SpfMalformed, SpfTerm } from "./spf.ts";

/** RFC 7208 §4.6.4: terms that look up, names of one `mx`, look-ups that find nothing. */
export const SPF_LIMITS = { lookups: 10, hosts: 10, voids: 2 } as const;

/** What a receiver finds at a name. `records` are the texts of its TXT records, all of them. */
export type SpfTree = { domain: string } & (
  | { kind: "record"; record: string; terms: SpfNode[]; records: string[]; txtOctets: number }
  | { kind: "none"; records: string[] }
  | { kind: "multiple"; records: string[] }
  | { kind: "malformed"; record: string; problem: SpfMalformed; records: string[] }
  /** It could not be found out. */
  | { kind: "unknown"; reason: string }
  /** It is being read already, further up. */
  | { kind: "loop" }
  /** Not looked at, because the walk had to end. */
  | { kind: "cut" }
);

/** The addresses that let a term match. */
export type SpfAddresses = { ip4: string[]; ip6: string[] };

export type SpfNode = {
  text: string;
  term: SpfTerm;
  /** Look-ups towards the limit, of this term and of all below it. */
  cost: number;
  /** It may cost more: below it is a macro, or what could not be looked up. */
  uncounted: boolean;
  /** Its look-up finds nothing, for receivers of mail over IPv4 and over IPv6. */
  voids: { ip4: boolean; ip6: boolean };
  asked: SpfAsked;
  /** Of an `include` or `redirect`. */
  children?: SpfTree;
};

export type SpfAsked =
  /** It asks for nothing, or for what is in `children`. */
  | { kind: "nothing" }
  /** It stands behind `all`, or is a `redirect` beside it: no receiver gets there (RFC 7208 §5.1, §6.1). */
  | { kind: "unreached" }
  /** A macro or the client's address decides what is asked for. */
  | { kind: "message" }
  /** `hosts` of an `mx`; over their limit they are not looked up. */
  | { kind: "addresses"; addresses: SpfAddresses; hosts?: string[] }
  /** Of an `exists`. */
  | { kind: "exists"; exists: boolean }
  | { kind: "unknown"; reason: string }
  | { kind: "cut" };

/** A node with the record that it stands in. */
export type SpfPlace = { node: SpfNode; tree: SpfTree };

/** All terms of a tree, each before what is below it. */
export const spfPlaces = (tree: SpfTree): SpfPlace[] =>
  tree.kind === "record"
    ? tree.terms.flatMap((node) => [{ node, tree }, ...(node.children ? spfPlaces(node.children) : [])])
    : [];

/** The worst case of a whole tree; `voids` are the terms whose look-up finds nothing. */
export const spfTotals = (
  tree: SpfTree,
): { lookups: number; uncounted: boolean; voids: { ip4: SpfNode[]; ip6: SpfNode[] } } => {
  const terms = tree.kind === "record" ? tree.terms : [];
  const nodes = spfPlaces(tree).map(({ node }) => node);
  return {
    lookups: terms.reduce((sum, { cost }) => sum + cost, 0),
    uncounted: tree.kind === "unknown" || tree.kind === "cut" || terms.some(({ uncounted }) => uncounted),
    voids: { ip4: nodes.filter(({ voids }) => voids.ip4), ip6: nodes.filter(({ voids }) => voids.ip6) },
  };
};
