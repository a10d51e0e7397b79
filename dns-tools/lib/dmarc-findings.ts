/**
 * What is wrong with the DMARC of a sending domain, as receivers find it.
 *
 * The record that applies is judged where there is one; where there is none, the cause is told, and nothing that
 * follows from it. A look-up that failed gives `dns.indeterminate`, never a missing record. A record that all is well
 * with gives `dmarc.missing` with the status `pass`.
 */
import { align, type Authenticated } from "./align.ts";
import { proxiedFinding } from "./cname-findings.ts";
import { findMisplaced, findSlip } from "./dmarc-absence.ts";
import { discoverPolicy, lookUpDmarc, type Discovery } from "./dmarc-discovery.ts";
import { notMilder, policyBelow } from "./dmarc-floor.ts";
import { inheritDmarc, type DmarcWish } from "./dmarc-merge.ts";
import { judgeDmarcRecord } from "./dmarc-record-findings.ts";
import { reportDestinationFindings } from "./dmarc-report-destination.ts";
import type { Finding, FindingStatus } from "./finding.ts";
import { notFoundOut, shown } from "./look-up-findings.ts";
import { organizationalByList, type PublicSuffixes } from "./public-suffix.ts";
import type { Resolve } from "./resolver.ts";
import { wildcardFinding } from "./wildcard.ts";

/** `from`: the domain that is judged; `spf` and `dkim`: what authenticates its mail once all is published. */
export type DmarcCheck = Authenticated & {
  /** How receivers that go by RFC 7489 tell organizations apart. */
  suffixes: PublicSuffixes;
  /** An address where the owner can take reports. */
  reportAddress?: string;
  /** How long the policy is known to have been none; absent: nobody knows. */
  noneForDays?: number;
};

/** At least one. Never rejects over what the DNS says or does not. */
export const dmarcFindings = async (check: DmarcCheck, resolve: Resolve, signal?: AbortSignal): Promise<Finding[]> => {
  const findings = await judge(check, resolve, signal);
  return Promise.all(findings.map(async (found) => (await overWildcard(found, resolve, signal)) ?? found));
};

const judge = async (check: DmarcCheck, resolve: Resolve, signal?: AbortSignal): Promise<Finding[]> => {
  const discovery = await discoverPolicy(check.from, resolve, signal);
  const slip = slipBelowPolicy(discovery);
  switch (discovery.kind) {
    case "none":
      return [slip ?? (await absence(check, resolve, signal))];
    case "unknown": {
      const { name, failure, reason } = discovery;
      return [...(slip ? [slip] : []), notFoundOut(name, "TXT", { kind: failure, reason })];
    }
    case "policy": {
      const raised = slip && raisedTo(slip, discovery);
      if (discovery.from === "suffix") return [raised ?? onlyOfSuffix(check, discovery)];
      const judged = await judgePolicy(check, discovery, resolve, signal);
      // The next policy waits until the record of its own is mended.
      if (raised) return [raised, ...judged.filter(({ code }) => code !== "dmarc.none-forever")];
      return judged.length > 0 ? judged : [wellDone(check, discovery)];
    }
  }
};

/** Whose change is to replace a record at the name: of one that a wildcard gives, none is there. */
const REPLACING: ReadonlySet<string> = new Set([
  "dmarc.multiple",
  "dmarc.quotes",
  "dmarc.syntax",
  "dmarc.historic-tag",
]);

const overWildcard = async (found: Finding, resolve: Resolve, signal?: AbortSignal): Promise<Finding | undefined> => {
  const { code, status, name, fix } = found;
  if (fix === undefined || !REPLACING.has(code)) return undefined;
  const wildcard = await wildcardFinding(name, "TXT", `\`${fix}\``, resolve, signal);
  return wildcard && { ...wildcard, status, fix };
};

type Applied = Extract<Discovery, { kind: "policy" }>;

/** It costs no more than the record of the domain above would say otherwise; without one, all of DMARC. */
const slipBelowPolicy = (discovery: Discovery): Finding | undefined => {
  const status: FindingStatus = discovery.kind === "none" ? "fail" : "warn";
  for (const step of discovery.walk.steps) {
    if (discovery.kind === "policy" && step.domain === discovery.policyDomain) return undefined;
    const mistake = findSlip(step);
    if (mistake) return { ...mistake, status };
  }
  return undefined;
};

/** The fix of a slip, raised to what holds meanwhile. */
const raisedTo = (slip: Finding, { policyDomain, found }: Applied): Finding => {
  const fix = slip.fix === undefined ? undefined : notMilder(slip.fix, found);
  if (fix === undefined || fix === slip.fix) return slip;
  const text = `${slip.text} Meanwhile p=${policyBelow(found)} of _dmarc.${policyDomain} holds, which the record below keeps.`;
  return { ...slip, text, fix };
};

const judgePolicy = async (
  check: DmarcCheck,
  { found, policyDomain }: Applied,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  const { from, reportAddress, noneForDays } = check;
  const [destinations, pslOnly] = await Promise.all([
    reportDestinationFindings(policyDomain, found, resolve, signal),
    alignedByListOnly(check, resolve, signal),
  ]);
  const judged = judgeDmarcRecord({
    name: `_dmarc.${policyDomain}`,
    found,
    ownName: `_dmarc.${from}`,
    ...(reportAddress !== undefined && { reportAddress }),
    ...(noneForDays !== undefined && { noneForDays }),
  });
  return [...judged, ...destinations, ...pslOnly];
};

/** A first record: it changes nothing for any mail, and brings reports. */
const firstRecord = ({ reportAddress }: DmarcCheck): string =>
  reportAddress === undefined ? "v=DMARC1; p=none" : `v=DMARC1; p=none; rua=mailto:${reportAddress}`;

const absence = async (check: DmarcCheck, resolve: Resolve, signal?: AbortSignal): Promise<Finding> => {
  const { from, suffixes } = check;
  const organization = organizationalByList(from, suffixes);
  const misplaced = await findMisplaced(from, organization, resolve, signal);
  if (misplaced) return { ...misplaced, status: "fail" };
  const name = `_dmarc.${organization}`;
  const proxied = await proxiedFinding({ name, publish: `\`${firstRecord(check)}\`` }, resolve, signal);
  if (proxied) return { ...proxied, fix: firstRecord(check) };
  const text = `${from} has no DMARC record: Google, Yahoo and Microsoft refuse bulk mail without one. Publish \`${firstRecord(check)}\` at ${name}; it changes nothing for your mail yet.`;
  const evidence = [`_dmarc.${from} has no DMARC record, nor have the domains above`];
  return {
    code: "dmarc.missing",
    status: "fail",
    name,
    text,
    fix: firstRecord(check),
    evidence,
    rfc: "RFC 9989 §4.10",
  };
};

const onlyOfSuffix = (check: DmarcCheck, { policyDomain, found, walk }: Applied): Finding => {
  const name = `_dmarc.${walk.organizationalDomain ?? check.from}`;
  const policy = policyBelow(found);
  const { reportAddress } = check;
  const wish: DmarcWish = { policy, ...(reportAddress !== undefined && { rua: `mailto:${reportAddress}` }) };
  const fix = inheritDmarc(found.text, policy, wish, ["rua", "ruf"]);
  const text = `${check.from} has no DMARC record of its own: that of ${policyDomain}, a public suffix, decides over your mail and its operator gets the reports. Publish \`${fix}\` at ${name}, or a stricter one.`;
  const evidence = [shown(`_dmarc.${policyDomain} TXT "${found.text}"`)];
  return {
    code: "dmarc.missing",
    status: "warn",
    name,
    text,
    fix,
    evidence,
    rfc: "RFC 9989 §4.10.1",
  };
};

const wellDone = ({ from }: DmarcCheck, { policyDomain, found }: Applied): Finding => {
  const name = `_dmarc.${policyDomain}`;
  const text = `${name} has a DMARC record that applies to ${from}: \`${shown(found.text)}\`.`;
  const evidence = [shown(`${name} TXT "${found.text}"`)];
  return { code: "dmarc.missing", status: "pass", name, text, evidence, rfc: "RFC 9989 §4.10.1" };
};

/** Mail that only older receivers find aligned, for want of a record that makes one organization of both names. */
const alignedByListOnly = async (check: DmarcCheck, resolve: Resolve, signal?: AbortSignal): Promise<Finding[]> => {
  const { from, suffixes } = check;
  const { rfc9989, rfc7489 } = await align(check, suffixes, resolve, signal);
  const lost = rfc9989.identifiers.filter(
    ({ aligned }, at) => aligned === "no" && rfc7489.identifiers[at]?.aligned === "yes",
  );
  if (lost.length === 0) return [];
  const organization = organizationalByList(from, suffixes);
  const { name, found } = await lookUpDmarc(organization, resolve, signal);
  // With a record there, another one with psd=n parts the two, and somebody meant it to.
  if (found.kind === "record") return [];
  const domains = [...new Set(lost.map(({ domain }) => domain))].join(", ");
  const text = `From ${from} and ${domains} are aligned for older receivers, not under RFC 9989, because ${organization} has no DMARC record that counts. Publish \`${firstRecord(check)}\` at ${name}.`;
  const status: FindingStatus = rfc9989.result === "fail" ? "fail" : "warn";
  const evidence = [`${name} has no DMARC record that counts`];
  return [{ code: "dmarc.psl-only", status, name, text, fix: firstRecord(check), evidence, rfc: "RFC 9989 §4.10.2" }];
};
