/**
 * Checks of ourselves, for who runs relays: the names of their addresses, the SPF record that customers include, where
 * bounces and DMARC reports go, and block lists.
 *
 * What customers have to publish is not looked at: see `check.ts`. All look-ups run side by side.
 */
import type { CheckStatus } from "./check.ts";
import { blocklistFindings, blocklistsNotAsked } from "./dnsbl-findings.ts";
import { parseDmarc } from "./dmarc.ts";
import { parseDomain } from "./domain.ts";
import { worstFirst, type Finding } from "./finding.ts";
import { parseIp } from "./ip-address.ts";
import { evidenceOf, notFoundOut } from "./look-up-findings.ts";
import { mxFindings, mxHostFindings } from "./mx-findings.ts";
import { txtText, type Resolve } from "./resolver.ts";
import { isInside, reverseName } from "./reverse-dns.ts";
import { reverseDnsFindings, type RelaySource } from "./reverse-dns-findings.ts";
import { walkSpf } from "./spf-cost.ts";
import { txtLines } from "./spf-faults.ts";
import { spfFindings } from "./spf-findings.ts";
import { SPF_LIMITS, spfTotals, type SpfTree } from "./spf-tree.ts";

/** Names as `parseDomain` gives them. */
export type Relays = {
  sources: readonly RelaySource[];
  /** The domain that customers include in their SPF. */
  include?: string;
  /** Where return-path addresses are, and where the MX of customers' return-paths leads. */
  bounceDomain?: string;
};

export type RelayResolvers = {
  resolve: Resolve;
  /** One that the relays have to themselves, for block lists; or a sentence why there is none. */
  own: Resolve | string;
};

/** `status`: the worst of the findings; a sure fault counts for more than what could not be found out. */
export type RelayReport = { status: CheckStatus; findings: Finding[] };

/** Reads `192.0.2.10=mx1.relay.example`; `undefined`: it is no such pair. */
export const parseRelaySource = (text: string): RelaySource | undefined => {
  const [address = "", name = "", ...rest] = text.trim().split("=");
  const ip = parseIp(address);
  const parsed = parseDomain(name);
  if (!ip || parsed.kind === "invalid" || rest.length > 0) return undefined;
  return { address, ip, heloName: parsed.domain };
};

/** Never rejects over what the DNS says or does not; `signal` ends open look-ups. */
export const checkRelays = async (
  { sources, include, bounceDomain }: Relays,
  { resolve, own }: RelayResolvers,
  signal?: AbortSignal,
): Promise<RelayReport> => {
  const seen = sources.filter(({ ip }) => !isInside(ip));
  const [names, spf, bounces, reports, lists] = await Promise.all([
    Promise.all(seen.map((source) => reverseDnsFindings(source, resolve, signal))),
    include === undefined ? [] : includeFindings(include, seen, resolve, signal),
    bounceDomain === undefined ? [] : bounceFindings(bounceDomain, resolve, signal),
    bounceDomain === undefined ? [] : reportsFindings(bounceDomain, resolve, signal),
    typeof own === "string" ? blocklistsNotAsked(own) : blocklistFindings(seen, own, signal),
  ]);
  const inside = sources.filter(({ ip }) => isInside(ip)).map(notSeen);
  const findings = [...inside, ...names.flat(), ...spf, ...bounces, ...reports, ...lists];
  const statuses = worstFirst(findings).map(({ status }) => status);
  return { status: statuses.find((status) => status !== "not_applicable") ?? "pass", findings };
};

const notSeen = ({ address, ip, heloName }: RelaySource): Finding => ({
  code: "ptr.missing",
  status: "not_applicable",
  name: reverseName(ip),
  text: `${address} is a private address: receivers see another one. Check that one: --ip <address>=${heloName}.`,
  evidence: [],
  rfc: "RFC 1918 §3",
});

/** It takes this and one more of the ten look-ups that each customer has. */
const MOST_INCLUDE_LOOKUPS = 2;
/** Of an included record only whom it lets pass counts (RFC 7208 §5.2). */
const ONLY_OF_A_DOMAIN = new Set(["spf.no-all", "spf.neutral-all"]);

const includeFindings = async (
  include: string,
  sources: readonly RelaySource[],
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<Finding[]> => {
  const tree = await walkSpf(include, resolve, signal);
  const wanted = { includes: [], addresses: sources.map(({ address }) => address) };
  const found = spfFindings(wanted, { tree }).filter(({ code }) => !ONLY_OF_A_DOMAIN.has(code));
  const costly = found.every(({ status }) => status === "pass") ? costFinding(tree) : undefined;
  return costly ? [...found.filter(({ code }) => code !== costly.code), costly] : found;
};

const costFinding = (tree: SpfTree): Finding | undefined => {
  const { lookups } = spfTotals(tree);
  if (lookups <= MOST_INCLUDE_LOOKUPS) return undefined;
  return {
    code: "spf.lookups",
    status: "warn",
    name: tree.domain,
    text: `\`include:${tree.domain}\` takes ${lookups + 1} of the ${SPF_LIMITS.lookups} look-ups that each customer has. Name the relays by \`ip4:\` and \`ip6:\` in it.`,
    evidence: tree.kind === "record" ? txtLines(tree.domain, [tree.record]) : [],
    rfc: "RFC 7208 §4.6.4",
  };
};

/** Customers' MX records name it too, so that it has to be a host of its own as well. */
const bounceFindings = async (name: string, resolve: Resolve, signal: AbortSignal | undefined): Promise<Finding[]> => {
  const [found, asHost] = await Promise.all([
    mxFindings({ name, takesBounces: true }, resolve, signal),
    mxHostFindings(name, resolve, signal),
  ]);
  // What keeps its own mail from a host is often the same fault.
  return found.every(({ status }) => status === "pass") && asHost.length > 0 ? asHost : found;
};

/** Any domain's DMARC reports may come to the bounce domain, so any name stands for them all: a wildcard has to answer. */
const ANY_DOMAIN = "any.example";

const reportsFindings = async (
  bounceDomain: string,
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<Finding[]> => {
  const asked = `${ANY_DOMAIN}._report._dmarc.${bounceDomain}`;
  const answer = await resolve(asked, "TXT", signal);
  if ("reason" in answer) return [notFoundOut(asked, "TXT", answer)];
  const texts = answer.kind === "records" ? answer.records.map(txtText) : [];
  const isGranted = texts.some((text) => parseDmarc(text).kind === "record");
  const name = `*._report._dmarc.${bounceDomain}`;
  return [
    {
      code: "dmarc.rua-unauthorised",
      status: isGranted ? "pass" : "warn",
      name,
      text: isGranted
        ? `DMARC reports for customers' domains may come to ${bounceDomain}.`
        : `DMARC reports for customers' domains to ${bounceDomain} are dropped by who would send them: ${name} must be \`v=DMARC1\`.`,
      ...(!isGranted && { fix: "v=DMARC1" }),
      evidence: evidenceOf(asked, "TXT", answer),
      rfc: "RFC 9990 §4",
    },
  ];
};
