/**
 * A DMARC aggregate report (RFC 9990, and RFC 7489 Appendix C before it): what one receiver saw in one period of the
 * mail that came in the name of one domain.
 *
 * The two formats are one here: what is only in the older (`pct`, `sampled_out`) is left out or kept as written. All
 * texts are a stranger's; they were cut when they were read, and who shows them escapes them.
 */
import type { AlignmentMode, DmarcPolicy } from "./dmarc.ts";

/** RFC 8601 §2.7; `unknown`: the reporter wrote something else. */
export type AuthenticationResult =
  | "none"
  | "pass"
  | "fail"
  | "neutral"
  | "policy"
  | "softfail"
  | "temperror"
  | "permerror"
  | "unknown";

export type DkimOutcome = { domain: string; selector?: string; result: AuthenticationResult };
export type SpfOutcome = { domain: string; scope: "mfrom" | "helo"; result: AuthenticationResult };
/** Why a receiver did not do as the policy says (RFC 9990 §3.1.6): `local_policy`, `mailing_list`, `trusted_forwarder`… */
export type OverrideReason = { type: string; comment?: string };

export type ReportRecord = {
  /** IPv4 in dotted decimals, IPv6 as RFC 5952 writes it. */
  sourceIp: string;
  messages: number;
  /** What was done with them. `pass` is of RFC 9990: nothing had to be done. */
  disposition: "none" | "pass" | "quarantine" | "reject";
  reasons: readonly OverrideReason[];
  /** Whether DKIM or SPF passed *and* was aligned: DMARC's own result. */
  dkim: "pass" | "fail";
  spf: "pass" | "fail";
  headerFrom: string;
  /** Domain of the return-path; absent: empty, as in bounces, or not told. */
  envelopeFrom?: string;
  /** What the mechanisms said on their own. */
  dkimResults: readonly DkimOutcome[];
  spfResults: readonly SpfOutcome[];
};

/** The policy that the receiver found. */
export type PublishedPolicy = {
  domain: string;
  policy: DmarcPolicy;
  adkim: AlignmentMode;
  aspf: AlignmentMode;
  /** `t=y`: receivers act one step milder. */
  testing: boolean;
};

export type AggregateReport = {
  organization: string;
  /** Unique for an organization and domain (RFC 9990 §3.5.1); empty: the reporter gave none. */
  reportId: string;
  /** Seconds since 1970, in UTC, both inclusive. */
  beginSeconds: number;
  endSeconds: number;
  published: PublishedPolicy;
  records: readonly ReportRecord[];
  /** Records that could not be understood, and so are not in `records`. */
  leftOut: number;
};

/** DMARC passes when one of both is aligned (RFC 9989 §5.3.5). */
export const passes = ({ dkim, spf }: ReportRecord): boolean => dkim === "pass" || spf === "pass";
