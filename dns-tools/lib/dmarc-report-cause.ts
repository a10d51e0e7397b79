/**
 * Why the messages of one record of a report pass DMARC or fail it, and who sent them.
 *
 * Concluded from what the receiver wrote: no DNS is asked. A sender is named by a domain that it authenticated for, which
 * nobody can forge; where there is none, by its address. Names of companies are nowhere guessed.
 */
import { type AuthenticationResult, passes, type ReportRecord } from "./dmarc-report.ts";
import { organizationalByList, type PublicSuffixes } from "./public-suffix.ts";

export type Cause =
  /** Passes, DKIM among it. */
  | "aligned"
  /** Passes by SPF alone. */
  | "spf-only"
  /** Fails, and the receiver names a forwarder or a list as its reason to let it in. */
  | "forwarded"
  /** A signature of the domain is broken, and another host vouches for the message: changed on its way. */
  | "changed"
  /** Authenticated for another name of the same organization, and not taken for aligned: strict alignment, mostly. */
  | "other-name"
  | "dkim-elsewhere"
  | "spf-elsewhere"
  /** A signature of the domain did not verify, and nothing else did. */
  | "dkim-broken"
  /** Nothing passed at all. */
  | "unauthenticated";

export type Sender = { kind: "domain" | "address"; name: string };

/** What authenticated a record's messages, by whether it is of the From's own organization. */
type Authenticated = { dkimOwn: string[]; dkimElsewhere: string[]; spfOwn: string[]; spfElsewhere: string[] };

export type Trace = {
  cause: Cause;
  sender: Sender;
  /** What passed, but for another name than was needed. */
  otherNames: readonly string[];
};

export const traceRecord = (record: ReportRecord, suffixes: PublicSuffixes): Trace => {
  const organization = (domain: string): string => organizationalByList(domain, suffixes);
  const own = organization(record.headerFrom);
  const isOwn = (domain: string): boolean => organization(domain) === own;
  const dkim = record.dkimResults.filter(passed).map(({ domain }) => domain);
  const spf = record.spfResults.filter(passed).map(({ domain }) => domain);
  const by: Authenticated = {
    dkimOwn: dkim.filter(isOwn),
    dkimElsewhere: dkim.filter((domain) => !isOwn(domain)),
    spfOwn: spf.filter(isOwn),
    spfElsewhere: spf.filter((domain) => !isOwn(domain)),
  };
  const broken = record.dkimResults.some(
    ({ domain, result }) => isOwn(domain) && result !== "pass" && result !== "none",
  );
  const elsewhere = [...by.dkimElsewhere, ...by.spfElsewhere];
  const cause = causeOf(record, by, broken);
  const otherNames = cause === "other-name" ? otherOwnNames(record, by) : elsewhere;
  return { cause, sender: senderOf(record, elsewhere[0] && organization(elsewhere[0]), by.dkimOwn[0]), otherNames };
};

/** SPF for the domain itself names nobody: one record allows many hosts, and a forgotten one is to be found. */
const senderOf = ({ sourceIp }: ReportRecord, other: string | undefined, signer: string | undefined): Sender => {
  const name = other ?? signer;
  return name === undefined ? { kind: "address", name: sourceIp } : { kind: "domain", name };
};

const passed = ({ result }: { result: AuthenticationResult }): boolean => result === "pass";

const otherOwnNames = ({ headerFrom }: ReportRecord, { dkimOwn, spfOwn }: Authenticated): string[] =>
  [...dkimOwn, ...spfOwn].filter((name) => name !== headerFrom);

const FORWARDING = new Set(["forwarded", "trusted_forwarder", "mailing_list"]);

const causeOf = (record: ReportRecord, by: Authenticated, broken: boolean): Cause => {
  if (passes(record)) return record.dkim === "pass" ? "aligned" : "spf-only";
  const forwarded = record.reasons.some(
    ({ type, comment = "" }) => FORWARDING.has(type) || /\barc=pass\b/i.test(comment),
  );
  if (forwarded) return "forwarded";
  if (otherOwnNames(record, by).length > 0) return "other-name";
  const elsewhere = by.dkimElsewhere.length + by.spfElsewhere.length > 0;
  if (broken) return elsewhere ? "changed" : "dkim-broken";
  if (by.dkimElsewhere.length > 0) return "dkim-elsewhere";
  return by.spfElsewhere.length > 0 ? "spf-elsewhere" : "unauthenticated";
};
