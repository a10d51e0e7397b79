/**
 * Whether what authenticated a message speaks for its From: DMARC's alignment, under RFC 9989 and under RFC 7489 side
 * by side, for receivers are of both kinds.
 *
 * The two differ in where a policy is looked for and in what one organization is: the tree walk, or a list of public
 * suffixes. What could not be looked up is `unknown`, never "not aligned". That SPF and DKIM passed is the caller's
 * word; mailbox providers' rules on top of this are in provider-rules.ts.
 */
import { discoverPolicy, lookUpDmarc, requestedPolicy, walkTree } from "./dmarc-discovery.ts";
import { appliedPolicies, type AlignmentMode, type DmarcPolicy, type DmarcRecord } from "./dmarc.ts";
import { organizationalByList, type PublicSuffixes } from "./public-suffix.ts";
import type { Resolve } from "./resolver.ts";

/** Domains as `parseDomain` gives them. */
export type Authenticated = {
  /** Of the From address. */
  from: string;
  /** Of the return-path, if SPF passed for it. */
  spf?: string;
  /** The `d=` of each signature that verified. */
  dkim: readonly string[];
};

export type IdentifierVerdict = {
  mechanism: "spf" | "dkim";
  domain: string;
  mode: AlignmentMode;
  aligned: Known;
  /** What it would be in relaxed mode. */
  relaxed: Known;
};
export type Known = "yes" | "no" | "unknown";

export type DmarcVerdict = {
  /** `none`: no policy applies, so DMARC says nothing. */
  result: "pass" | "fail" | "none" | "unknown";
  /** Of the From; absent: not known. */
  organizationalDomain?: string;
  /** Where the record stands that applies. */
  policyDomain?: string;
  /** What the record asks for, should the message fail. */
  policy?: DmarcPolicy;
  identifiers: readonly IdentifierVerdict[];
};

export type Alignment = { rfc9989: DmarcVerdict; rfc7489: DmarcVerdict };

/** Never rejects over what the DNS says or does not. */
export const align = async (
  message: Authenticated,
  suffixes: PublicSuffixes,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Alignment> => {
  const [rfc9989, rfc7489] = await Promise.all([
    alignByWalk(message, resolve, signal),
    alignByList(message, suffixes, resolve, signal),
  ]);
  return { rfc9989, rfc7489 };
};

const alignByWalk = async (message: Authenticated, resolve: Resolve, signal?: AbortSignal): Promise<DmarcVerdict> => {
  const { from } = message;
  const discovery = await discoverPolicy(from, resolve, signal);
  const organizational = discovery.walk.organizationalDomain;
  const sameOrganization = async (domain: string): Promise<Known> => {
    // An Organizational Domain is the name itself or above it, so there is nothing to find out about others.
    if (!isAtOrBelow(domain, organizational ?? lastLabel(from))) return "no";
    if (organizational === undefined) return "unknown";
    const theirs = (await walkTree(domain, resolve, signal)).organizationalDomain;
    return theirs === undefined ? "unknown" : theirs === organizational ? "yes" : "no";
  };
  const record = discovery.kind === "policy" ? discovery.found.record : undefined;
  const identifiers = await judgeIdentifiers(message, record, sameOrganization);
  const known = { ...(organizational !== undefined && { organizationalDomain: organizational }), identifiers };
  if (discovery.kind !== "policy") return { result: discovery.kind, ...known };
  const { policyDomain } = discovery;
  const requested = await requestedPolicy(from, discovery, resolve, signal);
  if (requested.kind === "not-asked") return { result: "none", ...known };
  return {
    result: resultOf(identifiers),
    policyDomain,
    ...(requested.kind === "policy" && { policy: requested.policy }),
    ...known,
  };
};

const alignByList = async (
  message: Authenticated,
  suffixes: PublicSuffixes,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<DmarcVerdict> => {
  const { from } = message;
  const organizationalDomain = organizationalByList(from, suffixes);
  const own = await lookUpDmarc(from, resolve, signal);
  // RFC 7489 §6.6.3: only when nothing is there is the Organizational Domain asked; several records end the search.
  const step = own.found.kind === "none" ? await lookUpDmarc(organizationalDomain, resolve, signal) : own;
  const record = step.found.kind === "record" ? step.found.record : undefined;
  const identifiers = await judgeIdentifiers(message, record, async (domain) =>
    organizationalByList(domain, suffixes) === organizationalDomain ? "yes" : "no",
  );
  if (step.found.kind === "unknown") return { result: "unknown", organizationalDomain, identifiers };
  const policies = step.found.kind === "record" ? appliedPolicies({ ...step.found, kind: "record" }) : undefined;
  if (!policies) return { result: "none", organizationalDomain, identifiers };
  const policy = step.domain === from ? policies.domain : policies.subdomain;
  return { result: resultOf(identifiers), policyDomain: step.domain, policy, organizationalDomain, identifiers };
};

const judgeIdentifiers = (
  { from, spf, dkim }: Authenticated,
  record: DmarcRecord | undefined,
  sameOrganization: (domain: string) => Promise<Known>,
): Promise<IdentifierVerdict[]> => {
  const judge = async (mechanism: "spf" | "dkim", domain: string): Promise<IdentifierVerdict> => {
    const mode = (mechanism === "spf" ? record?.aspf : record?.adkim) ?? "r";
    const same = domain === from;
    const relaxed = same ? "yes" : await sameOrganization(domain);
    // RFC 9989 §4.4: the same name, or the same organization.
    return { mechanism, domain, mode, relaxed, aligned: same || mode === "r" ? relaxed : "no" };
  };
  return Promise.all([
    ...(spf === undefined ? [] : [judge("spf", spf)]),
    ...[...new Set(dkim)].map((domain) => judge("dkim", domain)),
  ]);
};

/** RFC 9989 §5.3.5: one that is aligned is enough. */
const resultOf = (identifiers: readonly IdentifierVerdict[]): "pass" | "fail" | "unknown" => {
  if (identifiers.some(({ aligned }) => aligned === "yes")) return "pass";
  return identifiers.some(({ aligned }) => aligned === "unknown") ? "unknown" : "fail";
};

const isAtOrBelow = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);
const lastLabel = (domain: string): string => domain.slice(domain.lastIndexOf(".") + 1);
