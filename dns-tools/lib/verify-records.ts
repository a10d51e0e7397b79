/**
 * Whether the DNS has the records that a sending domain needs, as a receiver would find them.
 *
 * One result for each record, in their order; look-ups run side by side. `pending`: nothing is published there yet.
 * `failed`: something else is. `temporary_failure`: it could not be found out, which says nothing about the record.
 */
import { compareDkim } from "./dkim-record.ts";
import { txtText, type Answer, type Resolve } from "./resolver.ts";
import { parseTagList } from "./tag-list.ts";

/** A record as it is kept and shown; what is compared is read back out of its value. */
export type NeededRecord = {
  record: "SPF" | "DKIM" | "Receiving";
  name: string;
  type: "MX" | "TXT" | "CNAME";
  value: string;
};

export type RecordCheck = { status: "verified" | "pending" | "failed" | "temporary_failure"; text: string };

export const verifyRecords = (
  domain: string,
  records: readonly NeededRecord[],
  resolve: Resolve,
  signal: AbortSignal,
): Promise<RecordCheck[]> => Promise.all(records.map((record) => verifyRecord(domain, record, resolve, signal)));

const verifyRecord = async (
  domain: string,
  record: NeededRecord,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<RecordCheck> => {
  const name = `${record.name}.${domain}`;
  if (record.type === "MX") return compareMx(name, record.value, await resolve(name, "MX", signal));
  const answer = await resolve(name, "TXT", signal);
  if (answer.kind !== "records") return absent(name, answer);
  const texts = answer.records.map(txtText);
  return record.record === "DKIM" ? compareKey(name, record.value, texts) : compareSpf(name, record.value, texts);
};

const verified = (text: string): RecordCheck => ({ status: "verified", text });
const failed = (text: string): RecordCheck => ({ status: "failed", text });

const absent = (name: string, answer: Exclude<Answer<"TXT" | "MX">, { kind: "records" }>): RecordCheck => {
  switch (answer.kind) {
    case "nxdomain":
    case "nodata":
      return { status: "pending", text: `${name} has no such record yet.` };
    case "servfail":
    case "timeout":
    case "refused":
      return { status: "temporary_failure", text: `${name} could not be looked up: ${answer.reason}.` };
  }
};

const withoutDot = (name: string): string => name.replace(/\.$/, "").toLowerCase();

const compareMx = (name: string, host: string, answer: Answer<"MX">): RecordCheck => {
  if (answer.kind !== "records") return absent(name, answer);
  const hosts = answer.records.map(({ exchange }) => withoutDot(exchange));
  return hosts.includes(withoutDot(host))
    ? verified(`${name} points to ${host}.`)
    : failed(`The MX of ${name} is ${hosts.join(", ")}; bounces must go to ${host}.`);
};

const compareSpf = (name: string, wanted: string, texts: readonly string[]): RecordCheck => {
  // RFC 7208 §4.5: the version is a word of its own.
  const found = texts.filter((text) => /^v=spf1( |$)/i.test(text));
  if (found.length === 0) return { status: "pending", text: `${name} has no SPF record yet.` };
  if (found.length > 1) return failed(`${name} has ${found.length} SPF records; there may be one (RFC 7208 §4.5).`);
  const terms = (found[0] ?? "").toLowerCase().split(/ +/);
  const include = wanted.split(" ").find((term) => term.startsWith("include:")) ?? wanted;
  return terms.some((term) => term === include.toLowerCase() || term === `+${include.toLowerCase()}`)
    ? verified(`${name} authorises our relays.`)
    : failed(`The SPF record of ${name} lacks ${include}: add it before the \`all\` at its end.`);
};

const compareKey = (name: string, wanted: string, texts: readonly string[]): RecordCheck => {
  const parsed = parseTagList(wanted);
  const tags = parsed.kind === "tags" ? parsed.tags : new Map<string, string>();
  const key = {
    algorithm: tags.get("k") === "ed25519" ? ("ed25519-sha256" as const) : ("rsa-sha256" as const),
    publicKeyBase64: tags.get("p") ?? "",
  };
  // RFC 6376 §3.6.2.2: what a receiver does with several is not defined.
  if (texts.length > 1) return failed(`${name} has ${texts.length} TXT records; there may be one.`);
  const compared = compareDkim(key, texts[0] ?? "");
  return compared.kind === "same" ? verified(`${name} has our key.`) : failed(compared.text);
};
