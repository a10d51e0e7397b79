/**
 * What findings say of look-ups: the finding for one that found nothing out, and answers as evidence.
 *
 * What a zone holds is a stranger's text: it is shown cut and without control characters. Nothing is concluded here.
 */
import type { Finding } from "./finding.ts";
import { txtText, type Answer, type RecordData, type RecordType } from "./resolver.ts";

/** How the reason of a `servfail` begins when two resolvers gave different answers. */
export const DISAGREEMENT = "two resolvers disagree";
/** How a failure's reason begins when one resolver answered and no other did, where two have to agree. */
export const UNCONFIRMED = "two resolvers have to agree";
/** How it begins when the resolver would not believe the zone's signatures (RFC 8914 §4.7 to §4.13). */
export const BOGUS = "DNSSEC validation failed";

/** Which kind of "could not be found out" it is. */
export const codeOfFailure = (reason: string): "dns.disagree" | "dns.dnssec-bogus" | "dns.indeterminate" => {
  if (reason.startsWith(DISAGREEMENT)) return "dns.disagree";
  return reason.startsWith(BOGUS) ? "dns.dnssec-bogus" : "dns.indeterminate";
};

/** The kinds of `Answer` that say nothing about the records. */
export type LookUpFailure = Extract<Answer<RecordType>, { reason: string }>;

/** A look-up that failed says nothing about the record, so neither does the finding. */
export const notFoundOut = (name: string, type: RecordType, failure: LookUpFailure): Finding => ({
  code: codeOfFailure(failure.reason),
  status: "indeterminate",
  name,
  text: `We could not check the ${type} records of ${name} (${shown(failure.reason)}); they may be right. ${whatToDo(failure.reason)}`,
  evidence: evidenceOf(name, type, failure),
  rfc: "RFC 2308 §7",
});

/** Signatures that are broken are for the owner to mend; everything else may pass. */
export const whatToDo = (reason: string): string => {
  if (reason.startsWith(BOGUS))
    return "Receivers that validate cannot see them either: have your DNS host sign the zone anew, or take its DS record out of the zone above.";
  return reason.startsWith(UNCONFIRMED)
    ? "Check again later; with one more resolver set, it would answer in the place of the one that is down."
    : "Check again later.";
};

const SHOWN_CHARACTERS = 1000;
const SHOWN_RECORDS = 20;

/** Text from the DNS, fit to be shown: one line, at most so many characters. */
export const shown = (text: string, mostCharacters = SHOWN_CHARACTERS): string => {
  const cut = text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text;
  return cut.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·");
};

/** An answer in lines like those of a zone; "not there" is a line too. */
export const evidenceOf = (name: string, type: RecordType, answer: Answer<RecordType>): string[] => {
  if ("reason" in answer) return [shown(`${name} ${type}: ${answer.kind}, ${answer.reason}`)];
  if (answer.kind !== "records")
    return [answer.kind === "nxdomain" ? `${name} does not exist` : `${name} has no ${type} record`];
  const aliases = answer.aliases.map((alias, at) => `${answer.aliases[at - 1] ?? name} CNAME ${alias}`);
  const owner = answer.aliases.at(-1) ?? name;
  const records = answer.records.map((data) => `${owner} ${type} ${format(data)}`);
  return [...aliases, ...records].slice(0, SHOWN_RECORDS).map((line) => shown(line));
};

const format = (data: RecordData[RecordType]): string => {
  if (typeof data === "string") return data;
  if (Array.isArray(data)) return `"${txtText(data)}"`;
  return "exchange" in data ? `${data.preference} ${data.exchange}` : JSON.stringify(data);
};
