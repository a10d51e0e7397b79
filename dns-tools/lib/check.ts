/**
 * A sending domain checked as a whole: what receivers find of its SPF, DKIM, DMARC and MX, whether it speaks for the
 * From, and what it has beyond that: MTA-STS, TLS-RPT, DANE, BIMI.
 *
 * All look-ups run side by side. What follows from a mistake that is told already is left out, and what a part could
 * not find out does not make it wrong. Selectors cannot be looked for: of a domain without any told, DKIM is left open.
 * What nobody requires and is not there is not spoken of.
 */
import { alignFindings } from "./align-findings.ts";
import { align } from "./align.ts";
import { bimiFindings } from "./bimi.ts";
import { checkDmarc } from "./check-dmarc.ts";
import { daneFindings } from "./dane-findings.ts";
import { alongPlan } from "./along-plan.ts";
import { besideCname } from "./cname-findings.ts";
import { dkimFindings } from "./dkim-findings.ts";
import type { Finding, FindingStatus } from "./finding.ts";
import { mtaStsFindings, type FetchPolicy } from "./mta-sts-findings.ts";
import { mxFindings, type MxCheck } from "./mx-findings.ts";
import type { PublicSuffixes } from "./public-suffix.ts";
import { txtText, type Resolve } from "./resolver.ts";
import type { SendingDomain } from "./sending-domain.ts";
import { walkSpf } from "./spf-cost.ts";
import { spfFindings } from "./spf-findings.ts";
import { spfTermsOf, wantedSpf } from "./spf-wanted.ts";
import { tlsRptFindings } from "./tls-rpt.ts";
import { wildcardFinding } from "./wildcard.ts";

/** `status`: the worst of the findings; a sure fault counts for more than what could not be found out. */
export type DomainReport = { domain: string; status: CheckStatus; findings: Finding[] };
export type CheckStatus = Exclude<FindingStatus, "not_applicable">;

/**
 * Never rejects over what the DNS says or does not; `signal` ends open look-ups. Without `fetchPolicy` an MTA-STS policy
 * is not judged.
 */
export const checkDomain = async (
  sending: SendingDomain,
  suffixes: PublicSuffixes,
  resolve: Resolve,
  signal?: AbortSignal,
  fetchPolicy?: FetchPolicy,
): Promise<DomainReport> => {
  const { domain, returnPath, selectors } = sending;
  const authenticated = { from: domain, spf: returnPath, dkim: [domain] };
  const [spf, dkim, dmarc, mx, aliases, alignment, bonus] = await Promise.all([
    checkSpf(sending, resolve, signal),
    Promise.all(selectors.map((selector) => dkimFindings({ domain, ...selector }, resolve, signal))),
    checkDmarc({ ...authenticated, suffixes }, sending.dmarc, resolve, signal),
    checkMx(sending, resolve, signal),
    checkAliases([`_dmarc.${domain}`, returnPath], resolve, signal),
    align(authenticated, suffixes, resolve, signal),
    checkBonus(domain, resolve, signal, fetchPolicy),
  ]);
  const authentication = [...spf, ...(selectors.length > 0 ? dkim.flat() : [selectorUnknown(domain)])];
  const stands = authentication.every(({ status }) => status === "pass" || status === "warn");
  // That both will align is no news while one of them does not stand; that they will not is.
  const aligned = alignFindings(authenticated, alignment).filter(({ status }) => stands || isTrouble(status));
  const found = withoutRepeats([...authentication, ...dmarc, ...aligned, ...mx, ...aliases, ...bonus]);
  const findings = await alongPlan(sending, found, resolve, signal);
  return { domain, status: worstOf(findings), findings };
};

const checkSpf = async (
  { domain, returnPath, includes, addresses }: SendingDomain,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  const [tree, fromTree, old] = await Promise.all([
    walkSpf(returnPath, resolve, signal),
    returnPath === domain ? undefined : walkSpf(domain, resolve, signal),
    resolve(returnPath, "SPF", signal),
  ]);
  // No receiver asks for that type: that it could not be looked up is no news.
  const type99 = old.kind === "records" ? old.records.map(txtText) : [];
  const wanted = { includes, addresses };
  const findings = spfFindings(wanted, { tree, type99, ...(fromTree && { fromTree }) });
  const isWrong = findings.some(({ status, code }) => status === "fail" && !NOTHING_THERE.has(code));
  if (!isWrong || spfTermsOf(wanted).length === 0) return findings;
  const fix = wantedSpf(wanted);
  const wildcard = await wildcardFinding(returnPath, "TXT", `\`${fix}\``, resolve, signal);
  return wildcard ? [{ ...wildcard, fix }] : findings;
};

/** Of a record that is to be published, a wildcard is no hindrance. */
const NOTHING_THERE: ReadonlySet<string> = new Set(["spf.missing", "spf.wrong-domain", "spf.type99"]);

/** Of the domain, where replies go, and of the return-path, where bounces go. */
const checkMx = async (
  { domain, returnPath, bounceHost }: SendingDomain,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  const bounces: MxCheck = { name: returnPath, takesBounces: true };
  // The MX of the domain itself is its owner's, whoever reads the bounces.
  const own: MxCheck = bounceHost === undefined ? bounces : { ...bounces, bounceHost };
  const checks = returnPath === domain ? [bounces] : [{ name: domain }, own];
  return (await Promise.all(checks.map((check) => mxFindings(check, resolve, signal)))).flat();
};

/** CNAMEs beside TXT records, which not all receivers then find. Of DKIM and MX records their own checks tell it. */
const checkAliases = async (names: readonly string[], resolve: Resolve, signal?: AbortSignal): Promise<Finding[]> => {
  const found = await Promise.all(
    names.map(async (name) => besideCname(name, "TXT", await resolve(name, "TXT", signal), resolve, signal)),
  );
  return found.filter((finding) => finding !== undefined);
};

/** What no mailbox provider requires. */
const checkBonus = async (
  domain: string,
  resolve: Resolve,
  signal?: AbortSignal,
  fetchPolicy?: FetchPolicy,
): Promise<Finding[]> => {
  const parts = await Promise.all([
    mtaStsFindings(domain, resolve, fetchPolicy, signal),
    tlsRptFindings(domain, resolve, signal),
    daneFindings(domain, resolve, signal),
    bimiFindings(domain, resolve, signal),
  ]);
  return parts.flat();
};

const selectorUnknown = (domain: string): Finding => ({
  code: "dkim.missing",
  status: "not_applicable",
  name: `_domainkey.${domain}`,
  text: `DKIM was not checked: selectors cannot be looked for, so say with which one mail of ${domain} is signed.`,
  evidence: [],
  rfc: "RFC 6376 §3.6.2.1",
});

const isTrouble = (status: FindingStatus): boolean => status === "fail" || status === "warn";

/** The same look-up may have failed for several parts. */
const withoutRepeats = (findings: readonly Finding[]): Finding[] => [
  ...new Map(findings.map((finding) => [JSON.stringify([finding.code, finding.name, finding.text]), finding])).values(),
];

const WORST_FIRST = ["fail", "indeterminate", "warn"] as const;

export const worstOf = (findings: readonly Finding[]): CheckStatus =>
  WORST_FIRST.find((worst) => findings.some(({ status }) => status === worst)) ?? "pass";
