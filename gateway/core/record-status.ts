/**
 * What the findings of a check say of each record that a domain was told to publish.
 *
 * A record is judged by what it does, not by its text: an SPF record that lets us send by other words is verified. What
 * is wrong with the host that an MX names is ours to mend, and nothing wrong with the record.
 */
import type { DomainFinding, DomainRecord, RecordStatus } from "#contract/domain.ts";
import { type Finding, worstFirst } from "#dns/finding.ts";

export type SeenStatus = Exclude<RecordStatus, "not_started">;

/** In the order of the records. */
export const recordStatuses = (
  domain: string,
  records: readonly Pick<DomainRecord, "record" | "name" | "type">[],
  findings: readonly Finding[],
): SeenStatus[] =>
  records.map((record) => {
    const about = findings.filter((finding) => isAbout(finding, record, `${record.name}.${domain}`));
    // Of an MX that is right there may be nothing but words about its host.
    if (about.length === 0) return record.record === "SPF" && record.type === "MX" ? "verified" : "temporary_failure";
    const [worst] = worstFirst(about);
    if (worst?.status === "fail") return about.some(({ code }) => ABSENT.has(code)) ? "pending" : "failed";
    return worst?.status === "indeterminate" ? "temporary_failure" : "verified";
  });

/**
 * There is nothing yet, which is no fault of its owner's: not an SPF record that stands at the domain itself, and not
 * what a wildcard answers, which it does only where nothing is (RFC 4592 §3.3.1).
 */
const ABSENT: ReadonlySet<string> = new Set([
  "spf.missing",
  "spf.wrong-domain",
  "mx.missing",
  "dkim.missing",
  "receiving.missing",
  "dns.wildcard",
]);
/** Of the host that an MX names. */
const OF_THE_HOST: ReadonlySet<string> = new Set(["mx.dangling", "mx.cname"]);

const isAbout = (
  { code, name, rfc }: Finding,
  { record, type }: Pick<DomainRecord, "record" | "type">,
  at: string,
): boolean => {
  if (record === "Receiving") return code.startsWith("receiving.");
  // Of whatever type it is that a wildcard gives: then the name has none of its own.
  if (code === "dns.wildcard") return name === at;
  const isDns = code.startsWith("dns.");
  if (record === "DKIM") return name === at && (isDns || code.startsWith("dkim."));
  // Both stand at the return-path; a look-up that failed for SPF, there or below an include, says so by its rule.
  const isSpf = code.startsWith("spf.") || (isDns && rfc.startsWith("RFC 7208"));
  if (type !== "MX") return isSpf;
  return !isSpf && name === at && (isDns || code.startsWith("mx.")) && !OF_THE_HOST.has(code);
};

const MOST_FINDINGS = 20;
const MOST_CHARACTERS = 1000;

/** What is kept of a check for the domain's owner: the trouble, the worst first; bounded, for a zone is anybody's text. */
export const troubleIn = (findings: readonly Finding[]): DomainFinding[] =>
  worstFirst(findings)
    .flatMap(({ code, status, name, text, fix, rfc }): DomainFinding[] => {
      if (status === "pass" || status === "not_applicable") return [];
      const isPastable = fix !== undefined && fix.length <= MOST_CHARACTERS;
      return [{ code, status, name, text: text.slice(0, MOST_CHARACTERS), ...(isPastable && { fix }), rfc }];
    })
    .slice(0, MOST_FINDINGS);
