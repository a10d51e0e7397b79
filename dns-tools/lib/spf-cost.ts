/**
 * What an SPF record costs a receiver at worst (RFC 7208 §4.6.4): the tree of everything that it may have to look up.
 *
 * A receiver stops at the first match; here every term is followed that some message could reach, side by side. What a
 * macro or the client decides is counted as the one look-up it surely is, and marked `uncounted`: nothing is guessed.
 * The walk ends whatever the DNS says: at a loop, at a depth and at a number of questions that no usable record needs.
 */
import { txtText, type Answer, type RecordType, type Resolve } from "./resolver.ts";
import { SPF_LIMITS, spfTotals, type SpfAddresses, type SpfAsked, type SpfNode, type SpfTree } from "./spf-tree.ts";
import { formatSpfTerm, hasMacro, isSpf, parseSpf, type SpfTerm } from "./spf.ts";

const MOST_QUESTIONS = 200;
const MOST_TERMS = 2000;
/** A record this deep is over the limit by its way down alone. */
const GREATEST_DEPTH = 12;

/** Walks the record at a domain. Never rejects over what the DNS says; `signal` ends open look-ups as failures. */
export const walkSpf = (domain: string, resolve: Resolve, signal?: AbortSignal): Promise<SpfTree> => {
  let questions = 0;
  let terms = 0;
  return treeAt(canonical(domain), [], {
    ask: async (name, type) => {
      if (!isAskable(name)) return { kind: "nxdomain" };
      return questions++ < MOST_QUESTIONS ? resolve(name, type, signal) : { kind: "cut" };
    },
    takeTerms: (count) => (terms += count) <= MOST_TERMS,
  });
};

type Ask = <T extends RecordType>(name: string, type: T) => Promise<Answer<T> | { kind: "cut" }>;
/** One walk, with what is left of its limits; `takeTerms` says whether so many more may be followed. */
type Walk = { ask: Ask; takeTerms: (count: number) => boolean };

const canonical = (name: string): string => name.replace(/\.$/, "").toLowerCase();

/** RFC 1035 §2.3.4. No record can be at any other name, whatever a resolver says of it. */
const isAskable = (name: string): boolean => name.length <= 253 && !/(^|\.)(\.|$)|[^.]{64}/.test(name);

const treeAt = async (domain: string, above: readonly string[], walk: Walk): Promise<SpfTree> => {
  if (above.includes(domain)) return { kind: "loop", domain };
  if (above.length >= GREATEST_DEPTH) return { kind: "cut", domain };
  const answer = await walk.ask(domain, "TXT");
  switch (answer.kind) {
    case "cut":
      return { kind: "cut", domain };
    case "nxdomain":
    case "nodata":
      return { kind: "none", domain, records: [] };
    case "servfail":
    case "timeout":
    case "refused":
      return { kind: "unknown", domain, reason: answer.reason };
    case "records":
      return treeOf(domain, answer.records, [...above, domain], walk);
  }
};

const treeOf = async (domain: string, txt: Uint8Array[][], path: readonly string[], walk: Walk): Promise<SpfTree> => {
  const records = txt.map(txtText);
  const [record, ...others] = records.filter(isSpf);
  if (record === undefined) return { kind: "none", domain, records };
  // RFC 7208 §4.5: more than one is a permanent error.
  if (others.length > 0) return { kind: "multiple", domain, records };
  const parsed = parseSpf(record);
  if (parsed.kind === "malformed") return { kind: "malformed", domain, record, problem: parsed, records };
  if (!walk.takeTerms(parsed.terms.length)) return { kind: "cut", domain };
  const all = parsed.terms.findIndex(({ kind }) => kind === "all");
  const terms = await Promise.all(
    parsed.terms.map((term, index) => {
      // RFC 7208 §6.1: `redirect` counts wherever it stands, unless there is an `all`.
      const reached = all < 0 || (index <= all && term.kind !== "redirect");
      return nodeOf(term, reached || term.kind === "exp" || term.kind === "unknown", path, walk);
    }),
  );
  const txtOctets = txt.flat().reduce((octets, { byteLength }) => octets + byteLength, 0);
  return { kind: "record", domain, record, terms, records, txtOctets };
};

const NOT_VOID = { ip4: false, ip6: false };

const nodeOf = async (term: SpfTerm, reached: boolean, path: readonly string[], walk: Walk): Promise<SpfNode> => {
  const free: SpfNode = {
    text: formatSpfTerm(term),
    term,
    cost: 0,
    uncounted: false,
    voids: NOT_VOID,
    asked: { kind: "nothing" },
  };
  if (!reached) return { ...free, asked: { kind: "unreached" } };
  const own = path.at(-1) ?? "";
  switch (term.kind) {
    case "all":
    case "ip4":
    case "ip6":
    case "unknown":
    // RFC 7208 §4.6.4: the explanation is fetched after the verdict and not counted.
    case "exp":
      return free;
    case "ptr":
      return { ...free, cost: 1, asked: { kind: "message" } };
    case "include":
    case "redirect":
      return following(free, term.domainSpec, path, walk);
    case "a":
      return asking(free, term.domainSpec ?? own, walk.ask, askAddresses);
    case "mx":
      return asking(free, term.domainSpec ?? own, walk.ask, askHosts);
    case "exists":
      return asking(free, term.domainSpec, walk.ask, askExistence);
  }
};

const following = async (node: SpfNode, domainSpec: string, path: readonly string[], walk: Walk): Promise<SpfNode> => {
  if (hasMacro(domainSpec)) return { ...node, cost: 1, uncounted: true, asked: { kind: "message" } };
  const children = await treeAt(canonical(domainSpec), path, walk);
  const below = spfTotals(children);
  return { ...node, cost: 1 + below.lookups, uncounted: below.uncounted, children };
};

type Asking = (name: string, ask: Ask) => Promise<SpfAsked>;

const asking = async (node: SpfNode, domainSpec: string, ask: Ask, how: Asking): Promise<SpfNode> => {
  if (hasMacro(domainSpec)) return { ...node, cost: 1, asked: { kind: "message" } };
  const asked = await how(canonical(domainSpec), ask);
  return { ...node, cost: 1, asked, voids: voidsOf(asked) };
};

/** A `SpfAsked`, or what the failed look-up says instead of one. */
const failureOf = (answer: { kind: "cut" } | { kind: string; reason: string }): SpfAsked =>
  "reason" in answer ? { kind: "unknown", reason: answer.reason } : { kind: "cut" };

const askAddresses: Asking = async (name, ask) => {
  const [ip4, ip6] = await Promise.all([ask(name, "A"), ask(name, "AAAA")]);
  for (const answer of [ip4, ip6]) if ("reason" in answer || answer.kind === "cut") return failureOf(answer);
  return {
    kind: "addresses",
    addresses: { ip4: ip4.kind === "records" ? ip4.records : [], ip6: ip6.kind === "records" ? ip6.records : [] },
  };
};

const askHosts: Asking = async (name, ask) => {
  const answer = await ask(name, "MX");
  if ("reason" in answer || answer.kind === "cut") return failureOf(answer);
  // RFC 7505 §3: a null MX names no host. One that answers is not void, though (RFC 7208 §4.6.4).
  const mx = answer.kind === "records" ? answer.records : undefined;
  if (!mx) return { kind: "addresses", addresses: { ip4: [], ip6: [] } };
  const hosts = mx.map(({ exchange }) => canonical(exchange)).filter((host) => host !== "");
  const addresses: SpfAddresses = { ip4: [], ip6: [] };
  if (hosts.length > SPF_LIMITS.hosts) return { kind: "addresses", addresses, hosts };
  for (const found of await Promise.all(hosts.map((host) => askAddresses(host, ask)))) {
    if (found.kind !== "addresses") return found;
    addresses.ip4.push(...found.addresses.ip4);
    addresses.ip6.push(...found.addresses.ip6);
  }
  return { kind: "addresses", addresses, hosts };
};

/** RFC 7208 §5.7: of `exists` it asks for A, whatever the client's address is. */
const askExistence: Asking = async (name, ask) => {
  const answer = await ask(name, "A");
  if ("reason" in answer || answer.kind === "cut") return failureOf(answer);
  return { kind: "exists", exists: answer.kind === "records" };
};

/** RFC 7208 §4.6.4 counts terms, so what the hosts of an `mx` lack is not void. */
const voidsOf = (asked: SpfAsked): SpfNode["voids"] => {
  if (asked.kind === "exists") return { ip4: !asked.exists, ip6: !asked.exists };
  if (asked.kind !== "addresses" || asked.hosts) return NOT_VOID;
  return { ip4: asked.addresses.ip4.length === 0, ip6: asked.addresses.ip6.length === 0 };
};
