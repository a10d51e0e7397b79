/**
 * Where a domain's DMARC policy comes from: the DNS tree walk, the Organizational Domain, the record that applies
 * (RFC 9989 §4.10).
 *
 * At most eight names are asked, all at once, and judged in the order of the walk; every step is kept, to be
 * explained. A look-up that failed is never "no record": what it could have changed is then not known. Whether a
 * message passes is not asked here.
 */
import { appliedPolicies, onTrial, parseDmarc, type DmarcFault, type DmarcPolicy, type DmarcRecord } from "./dmarc.ts";
import { txtText, type Resolve } from "./resolver.ts";

export type FoundRecord = { text: string; record: DmarcRecord; faults: readonly DmarcFault[] };

/** What a receiver finds at `_dmarc.<domain>`. */
export type WalkStep = { domain: string; name: string; found: StepFound };
export type StepFound =
  | ({ kind: "record" } & FoundRecord)
  /** No DMARC record; `texts`: what else is there. */
  | { kind: "none"; texts: readonly string[] }
  /** Several, or one that is not a list of tags: discarded, as if there were none. */
  | { kind: "several"; texts: readonly string[] }
  | { kind: "malformed"; text: string; reason: string }
  | ({ kind: "unknown" } & FailedLookUp);

/** Why a name could not be looked up; `failure` is the kind of the answer. */
export type FailedLookUp = { failure: "servfail" | "timeout" | "refused"; reason: string };

export type Walk = {
  /** Where it began. */
  domain: string;
  /** From the longest name to where the walk stopped. */
  steps: readonly WalkStep[];
  /** Undefined: a look-up failed that could have decided it. */
  organizationalDomain: string | undefined;
};

const LONGEST_NAME_OCTETS = 253;
const LONGEST_AFTER_JUMP_LABELS = 7;

/** The domains that a walk asks at: the domain itself, then from seven labels downwards (RFC 9989 §4.10). */
export const walkDomains = (domain: string): string[] => {
  const labels = domain.split(".");
  const shorter = labels.slice(1).slice(-LONGEST_AFTER_JUMP_LABELS);
  return [domain, ...shorter.map((_, at) => shorter.slice(at).join("."))];
};

/** `domain` as `parseDomain` gives it. */
export const walkTree = async (domain: string, resolve: Resolve, signal?: AbortSignal): Promise<Walk> => {
  const all = await Promise.all(walkDomains(domain).map((at) => lookUpDmarc(at, resolve, signal)));
  // RFC 9989 §4.10, steps 2 and 6: psd=y and psd=n end the walk.
  const last = all.findIndex(({ found }) => found.kind === "record" && found.record.psd !== "u");
  const steps = last < 0 ? all : all.slice(0, last + 1);
  return { domain, steps, organizationalDomain: organizationalOf(domain, steps) };
};

/** RFC 9989 §4.10.2. */
const organizationalOf = (domain: string, steps: readonly WalkStep[]): string | undefined => {
  if (steps.some(({ found }) => found.kind === "unknown")) return undefined;
  const last = steps.findLast(({ found }) => found.kind === "record");
  if (last?.found.kind !== "record") return domain;
  // Below a public suffix it is one label longer; a suffix where the walk began is its own.
  return last.found.record.psd === "y" ? childTowards(last.domain, domain) : last.domain;
};

/** The domain itself when it is the parent. */
const childTowards = (parent: string, domain: string): string =>
  domain
    .split(".")
    .slice(-parent.split(".").length - 1)
    .join(".");

/** One step: what is at `_dmarc.<domain>`. */
export const lookUpDmarc = async (domain: string, resolve: Resolve, signal?: AbortSignal): Promise<WalkStep> => {
  const name = `_dmarc.${domain}`;
  // RFC 1035 §2.3.4: a longer name cannot be there, so it is not asked for.
  if (name.length > LONGEST_NAME_OCTETS) return { domain, name, found: { kind: "none", texts: [] } };
  const answer = await resolve(name, "TXT", signal);
  switch (answer.kind) {
    case "records":
      return { domain, name, found: readRecords(answer.records.map(txtText)) };
    case "nxdomain":
    case "nodata":
      return { domain, name, found: { kind: "none", texts: [] } };
    case "servfail":
    case "timeout":
    case "refused":
      return { domain, name, found: { kind: "unknown", failure: answer.kind, reason: answer.reason } };
  }
};

const readRecords = (texts: readonly string[]): StepFound => {
  const candidates = texts.filter((text) => parseDmarc(text).kind !== "not-dmarc");
  const [text] = candidates;
  if (text === undefined) return { kind: "none", texts };
  // RFC 9989 §4.10, steps 2 and 6: several are all discarded.
  if (candidates.length > 1) return { kind: "several", texts: candidates };
  const parsed = parseDmarc(text);
  if (parsed.kind === "not-dmarc") return { kind: "none", texts };
  return parsed.kind === "malformed" ? { ...parsed, text } : { ...parsed, text };
};

export type Discovery = { walk: Walk } & (
  | {
      kind: "policy";
      /** Where the record stands: at the domain, at its Organizational Domain, or at the public suffix above. */
      from: "domain" | "organizational" | "suffix";
      policyDomain: string;
      found: FoundRecord;
    }
  | { kind: "none" }
  | ({ kind: "unknown"; name: string } & FailedLookUp)
);

/** The record that applies to mail from a domain (RFC 9989 §4.10.1). */
export const discoverPolicy = async (domain: string, resolve: Resolve, signal?: AbortSignal): Promise<Discovery> => {
  const walk = await walkTree(domain, resolve, signal);
  const policyAt = (step: WalkStep, from: "domain" | "organizational" | "suffix"): Discovery | undefined =>
    step.found.kind === "record"
      ? { walk, kind: "policy", from, policyDomain: step.domain, found: step.found }
      : undefined;
  const [own] = walk.steps;
  // The domain's own record applies, whatever stands above it.
  const ownPolicy = own && policyAt(own, "domain");
  if (ownPolicy) return ownPolicy;
  for (const { name, found } of walk.steps) if (found.kind === "unknown") return { walk, name, ...found };
  const organizational = walk.steps.find((step) => step.domain === walk.organizationalDomain);
  const top = walk.steps.at(-1);
  return (
    (organizational && policyAt(organizational, "organizational")) ??
    (top && policyAt(top, "suffix")) ?? { walk, kind: "none" }
  );
};

/** What is asked of receivers for failing mail, `t` counted in; `not-asked`: the record has no usable policy. */
export type RequestedPolicy =
  | { kind: "policy"; tag: "p" | "sp" | "np"; policy: DmarcPolicy }
  | { kind: "not-asked" }
  | { kind: "unknown"; reason: string };

/** Looks up whether the domain exists where `np` makes that matter. */
export const requestedPolicy = async (
  domain: string,
  { found, policyDomain }: Extract<Discovery, { kind: "policy" }>,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<RequestedPolicy> => {
  const policies = appliedPolicies({ kind: "record", ...found });
  if (!policies) return { kind: "not-asked" };
  const asked = (tag: "p" | "sp" | "np", policy: DmarcPolicy): RequestedPolicy => ({
    kind: "policy",
    tag,
    policy: found.record.t === "y" ? onTrial(policy) : policy,
  });
  if (policyDomain === domain) return asked("p", policies.domain);
  const subdomain = asked(found.record.sp ? "sp" : "p", policies.subdomain);
  if (policies.nonexistent === policies.subdomain) return subdomain;
  const existence = await lookUpExistence(domain, resolve, signal);
  if (existence.kind === "unknown") return existence;
  return existence.kind === "exists" ? subdomain : asked("np", policies.nonexistent);
};

type Existence = { kind: "exists" | "missing" } | { kind: "unknown"; reason: string };

/** RFC 9989 §3.2, "Non-existent Domains": a name exists unless the answer is NXDOMAIN, whatever is asked for. */
const lookUpExistence = async (domain: string, resolve: Resolve, signal?: AbortSignal): Promise<Existence> => {
  // An alias whose target is missing exists, though its address is NXDOMAIN (RFC 6604 §3): hence the second question.
  for (const type of ["A", "CNAME"] as const) {
    const answer = await resolve(domain, type, signal);
    if (answer.kind === "records" || answer.kind === "nodata") return { kind: "exists" };
    if ("reason" in answer) return { kind: "unknown", reason: answer.reason };
  }
  return { kind: "missing" };
};
