/**
 * Whether the DNS has the records that a sending domain needs, as a receiver would find them.
 *
 * One result for each record, in their order; look-ups run side by side. `pending`: nothing is published there yet.
 * `failed`: something else is. `temporary_failure`: it could not be found out, which says nothing about the record.
 * SPF is compared by its terms, not evaluated.
 */
import { compareDkim, parseDkimRecord } from "./dkim-record.ts";
import { txtText, type Answer, type Resolve } from "./resolver.ts";

/** A record as it is kept and shown; what is compared is read back out of its value. */
export type NeededRecord = {
  record: "SPF" | "DKIM" | "Receiving";
  /** Relative to the domain. */
  name: string;
  type: "MX" | "TXT" | "CNAME";
  value: string;
};

/** `text`: what was seen, and the one change to make. */
export type RecordCheck = { status: "verified" | "pending" | "failed" | "temporary_failure"; text: string };

/** Never rejects over what the DNS says or does not; `signal` ends the look-ups that are still open as failures. */
export const verifyRecords = (
  domain: string,
  records: readonly NeededRecord[],
  resolve: Resolve,
  signal: AbortSignal,
): Promise<RecordCheck[]> => Promise.all(records.map((record) => verifyRecord(domain, record, resolve, signal)));

const verifyRecord = async (
  domain: string,
  { record, name: label, type, value }: NeededRecord,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<RecordCheck> => {
  const name = `${label}.${domain}`;
  const answer = await resolve(name, type, signal);
  if (answer.kind !== "records") return withoutRecords(name, type, value, answer);
  const texts: string[] = [];
  for (const data of answer.records)
    texts.push(typeof data === "string" ? data : "exchange" in data ? data.exchange : txtText(data));
  if (type !== "TXT") return compareHosts(name, type, value, texts);
  return record === "DKIM" ? compareKey(name, value, texts) : compareSpf(name, value, texts);
};

const verified = (text: string): RecordCheck => ({ status: "verified", text });
const failed = (text: string): RecordCheck => ({ status: "failed", text });
const pending = (name: string, what: string, value: string): RecordCheck => ({
  status: "pending",
  text: `${name} has no ${what} record yet: publish \`${value}\`.`,
});

const withoutRecords = (
  name: string,
  type: string,
  value: string,
  answer: Exclude<Answer<"TXT">, { kind: "records" }>,
): RecordCheck => {
  switch (answer.kind) {
    case "nxdomain":
    case "nodata":
      return pending(name, type, value);
    case "servfail":
    case "timeout":
    case "refused":
      return {
        status: "temporary_failure",
        text: `${name} could not be looked up (${answer.reason}), so its record may be right: check again later.`,
      };
  }
};

const SHOWN_HOSTS = 4;
const hostKey = (name: string): string => name.replace(/\.$/, "").toLowerCase();

const compareHosts = (name: string, type: string, wanted: string, hosts: readonly string[]): RecordCheck => {
  if (hosts.some((host) => hostKey(host) === hostKey(wanted))) return verified(`${name} points to ${wanted}.`);
  const shown = hosts.slice(0, SHOWN_HOSTS).join(", ") + (hosts.length > SHOWN_HOSTS ? ", …" : "");
  return failed(`The ${type} of ${name} is ${shown}: replace it by ${wanted}.`);
};

/** What a record authorises before its `all`; what stands behind that is never looked at (RFC 7208 §5.1). */
const authorisedBy = (spf: string): string[] => {
  const terms = spf.toLowerCase().split(/ +/).slice(1);
  const all = terms.findIndex((term) => /^[-+?~]?all$/.test(term));
  // RFC 7208 §4.6.2: a mechanism without a qualifier has `+`.
  return (all < 0 ? terms : terms.slice(0, all)).map((term) => term.replace(/^\+/, "").replace(/\.$/, ""));
};

const compareSpf = (name: string, wanted: string, texts: readonly string[]): RecordCheck => {
  // RFC 7208 §4.5: the version is a word of its own; TXT records without it are somebody else's.
  const [found, ...others] = texts.filter((text) => /^v=spf1( |$)/i.test(text));
  if (found === undefined) return pending(name, "SPF", wanted);
  // RFC 7208 §4.5: more than one is a permanent error.
  if (others.length > 0)
    return failed(
      `${name} has ${others.length + 1} SPF records, so receivers use none: replace them by the one \`${wanted}\`.`,
    );
  const authorised = authorisedBy(found);
  const missing = authorisedBy(wanted).filter((term) => !authorised.includes(term));
  return missing.length === 0
    ? verified(`${name} authorises our relays.`)
    : failed(`The SPF record of ${name} lacks ${missing.join(" ")}: put it right behind \`v=spf1\`.`);
};

const compareKey = (name: string, wanted: string, texts: readonly string[]): RecordCheck => {
  const ours = parseDkimRecord(wanted);
  if (ours.kind !== "key") throw new Error(`the record kept for ${name} is no DKIM key record`);
  const compared = compareDkim(ours.key, texts);
  return compared.kind === "same" ? verified(`${name} has our key.`) : failed(`${name}: ${compared.text}`);
};
