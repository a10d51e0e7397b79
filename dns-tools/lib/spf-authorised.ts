/**
 * Whom an SPF record lets send, read off its tree: check_host() (RFC 7208 §4) for every message at once.
 *
 * Where a macro, the client's PTR or a failed look-up decides, both outcomes are followed; an answer is `yes` or `no`
 * only when all that can happen agree. What makes receivers give up by permerror is told by `spfFaults`: here it is as
 * if it were repaired, that is, a broken term matches nobody and the limits are not counted.
 */
import { parseIp, parseIpv4, parseIpv6, samePrefix, type IpAddress } from "./ip-address.ts";
import { SPF_LIMITS, type SpfNode, type SpfTree } from "./spf-tree.ts";
import { isDirective, type SpfDirective } from "./spf.ts";

export type SpfResult = "pass" | "fail" | "softfail" | "neutral";
export type Authorised = "yes" | "no" | "unknown";

const RESULT = { "+": "pass", "-": "fail", "~": "softfail", "?": "neutral" } as const;
const ANY: readonly SpfResult[] = Object.values(RESULT);

/** What receivers may answer for mail from an address: one result, unless it depends on what is not known. */
export const spfResults = (tree: SpfTree, ip: IpAddress): ReadonlySet<SpfResult> => {
  switch (tree.kind) {
    case "record":
      return resultsOf(tree.terms, ip);
    case "none":
    case "multiple":
    case "malformed":
    case "loop":
      return new Set(["neutral"]);
    case "unknown":
    case "cut":
      return new Set(ANY);
  }
};

const resultsOf = (terms: readonly SpfNode[], ip: IpAddress): Set<SpfResult> => {
  const results = new Set<SpfResult>();
  for (const node of terms) {
    if (!isDirective(node.term)) continue;
    const matches = matchesOf(node.term, node, ip);
    if (matches !== "no") results.add(RESULT[node.term.qualifier]);
    if (matches === "yes") return results;
  }
  const redirect = terms.find(({ term, asked }) => term.kind === "redirect" && asked.kind !== "unreached");
  // RFC 7208 §4.7: when nothing matches and nothing redirects, the result is neutral.
  if (!redirect) return results.add("neutral");
  return new Set([...results, ...(redirect.children ? spfResults(redirect.children, ip) : ANY)]);
};

type Matches = "yes" | "no" | "either";

const matchesOf = (term: SpfDirective, { asked, children }: SpfNode, ip: IpAddress): Matches => {
  if (term.kind === "all") return "yes";
  if (term.kind === "ip4" || term.kind === "ip6") return matchesNetwork(term.kind, term.address, term.prefix, ip);
  // RFC 7208 §5.2: only a pass below matches.
  if (children) return passes(children, ip);
  if (asked.kind === "exists") return asked.exists ? "yes" : "no";
  if (asked.kind !== "addresses" || (term.kind !== "a" && term.kind !== "mx")) return "either";
  // RFC 7208 §4.6.4: with more names, receivers look at ten of them or at none.
  if ((asked.hosts?.length ?? 0) > SPF_LIMITS.hosts) return "either";
  const [kind, prefix] = ip.version === 4 ? (["ip4", term.prefix4] as const) : (["ip6", term.prefix6] as const);
  return asked.addresses[kind].some((address) => matchesNetwork(kind, address, prefix, ip) === "yes") ? "yes" : "no";
};

const matchesNetwork = (kind: "ip4" | "ip6", address: string, prefix: number | undefined, ip: IpAddress): Matches => {
  const [version, bits, width] = kind === "ip4" ? [4, parseIpv4(address), 32] : [6, parseIpv6(address), 128];
  if (bits === undefined || version !== ip.version) return "no";
  return samePrefix(bits, ip.bits, ip, prefix ?? width) ? "yes" : "no";
};

const passes = (tree: SpfTree, ip: IpAddress): Matches => {
  const results = spfResults(tree, ip);
  if (!results.has("pass")) return "no";
  return results.size === 1 ? "yes" : "either";
};

/** Whether mail from an address (as text) passes. Throws over what is no address: that is for the caller to check. */
export const authorisesIp = (tree: SpfTree, address: string): Authorised => {
  const ip = parseIp(address);
  if (!ip) throw new Error("not an IP address");
  const answer = passes(tree, ip);
  return answer === "either" ? "unknown" : answer;
};

/**
 * Whether whoever a domain's record lets send may send here too, by an `include` of it at any depth. `unknown` when
 * the record hands the decision to a macro, as hosted records do.
 */
export const authorisesInclude = (tree: SpfTree, domain: string): Authorised => {
  if (tree.kind === "unknown" || tree.kind === "cut") return "unknown";
  if (tree.kind !== "record") return "no";
  const answers = tree.terms.map((node) => includesAt(node, domain));
  return answers.find((answer) => answer === "yes") ?? answers.find((answer) => answer === "unknown") ?? "no";
};

const includesAt = ({ term, asked, children }: SpfNode, domain: string): Authorised => {
  if (isDirective(term) && term.qualifier !== "+") return "no";
  if (term.kind === "include" && children?.domain === domain.replace(/\.$/, "").toLowerCase()) return "yes";
  if (children) return authorisesInclude(children, domain);
  const decidesByMacro = term.kind === "include" || term.kind === "redirect" || term.kind === "exists";
  return decidesByMacro && asked.kind === "message" ? "unknown" : "no";
};
