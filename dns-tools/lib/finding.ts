/**
 * What is said of a domain's records: one shape for every check, with a code that programs may rely on.
 *
 * One mistake gives one finding, which names its cause. "Could not be found out" is `indeterminate`, never a `fail`.
 * What the checks are is not known here.
 */

/** `fail`: mail fails by it. `warn`: it will bite. `indeterminate`: the DNS did not say. */
export type FindingStatus = "pass" | "warn" | "fail" | "not_applicable" | "indeterminate";

/** Stable API: a code keeps its meaning for ever. */
export type FindingCode =
  | `spf.${
      | "missing"
      | "multiple"
      | "syntax"
      | "lookups"
      | "void"
      | "include-none"
      | "loop"
      | "wrong-domain"
      | "not-authorised"
      | "plus-all"
      | "neutral-all"
      | "no-all"
      | "after-all"
      | "ptr"
      | "too-long"
      | "type99"}`
  | `dkim.${
      | "missing"
      | "name-doubled"
      | "truncated"
      | "multiple"
      | "split-records"
      | "mismatch"
      | "revoked"
      | "escaped"
      | "syntax"
      | "weak-key"
      | "testing"
      | "cname-broken"}`
  | `dmarc.${
      | "missing"
      | "multiple"
      | "wrong-name"
      | "quotes"
      | "syntax"
      | "historic-tag"
      | "rua-unauthorised"
      | "no-rua"
      | "none-forever"
      | "psl-only"}`
  | `align.${"none" | "strict" | "spf-only" | "freemail"}`
  | `mx.${"missing" | "cname" | "ip" | "null" | "dangling" | "bounce-host"}`
  | `receiving.${"missing" | "mx"}`
  | `dns.${"wildcard" | "cname-and-other" | "proxied" | "indeterminate" | "disagree" | "dnssec-bogus"}`
  | `mta-sts.${
      | "missing"
      | "multiple"
      | "syntax"
      | "host"
      | "fetch"
      | "media-type"
      | "policy-syntax"
      | "mx-not-covered"
      | "mx-unused"
      | "not-enforced"
      | "max-age"
      | "id"
      | "milder"}`
  | `tls-rpt.${"missing" | "multiple" | "syntax"}`
  | `dane.${"missing" | "unsigned" | "unusable"}`
  | `bimi.${"missing" | "multiple" | "syntax" | "not-enforced"}`
  | `ptr.${"missing" | "multiple" | "not-confirmed" | "helo" | "generic"}`
  | `dnsbl.${"listed" | "indeterminate"}`;

export type Finding = {
  code: FindingCode;
  status: FindingStatus;
  /** The DNS name that it is about. */
  name: string;
  /** What was seen, what it causes, the one change to make; with the values in it. */
  text: string;
  /** What to publish instead: the value of a record, ready to paste. */
  fix?: string;
  /** What it was concluded from: records and answers, as they were. */
  evidence: readonly string[];
  /** Where the rule stands: `RFC 7208 §4.6.4`. */
  rfc: string;
};

const WORST_FIRST: readonly FindingStatus[] = ["fail", "indeterminate", "warn", "not_applicable", "pass"];

/** As people want to read them; of equal ones the order stays. */
export const worstFirst = (findings: readonly Finding[]): Finding[] =>
  findings.toSorted((a, b) => WORST_FIRST.indexOf(a.status) - WORST_FIRST.indexOf(b.status));
