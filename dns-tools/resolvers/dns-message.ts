/**
 * DNS messages (RFC 1035 §4): the bytes of a question, and the answer that is in the bytes of a response.
 *
 * `readAnswer` gives a value for whatever bytes come: what is cut, about another question or not understood is a
 * `servfail` with a reason. It takes the resolver's word about DNSSEC, and carries nothing anywhere.
 */
import {
  decode,
  encode,
  type Answer as WireRecord,
  type DecodedPacket,
  type OptAnswer,
  type Question,
} from "dns-packet";
import { BOGUS } from "#dns/look-up-findings.ts";
import type { Answer, RecordData, RecordType } from "#dns/resolver.ts";

/** Header bits (RFC 1035 §4.1.1, RFC 4035 §3.2.3). */
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const AUTHENTIC_DATA = 0x0020;
const RESPONSE_CODE = 0x000f;

/** RFC 8484 §4.1: always 0, so that HTTP caches know two questions for one. */
const MESSAGE_ID = 0;
const LONGEST_CHAIN = 16;

/** DNS flag day 2020: as much as no path cuts into fragments, which could be forged. */
const LARGEST_DATAGRAM_OCTETS = 1232;
/** RFC 6891 §6.1.2: with this in a question, answers may be larger and say why they failed. */
const OPT: OptAnswer = {
  type: "OPT",
  name: ".",
  udpPayloadSize: LARGEST_DATAGRAM_OCTETS,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};
/** Behind the question: as much as `OPT` takes. */
export const OPT_OCTETS = 11;

/** RFC 8914 §4: codes that say that signatures were not believed. */
const EXTENDED_ERROR = 15;
const BOGUS_BECAUSE: Record<number, string> = {
  6: "it is bogus",
  7: "a signature has expired",
  8: "a signature is not valid yet",
  9: "a DNSKEY is missing",
  10: "signatures are missing",
  11: "no key is a zone key",
  12: "an NSEC record is missing",
};

/** Labels of 1 to 63 printable characters, 253 in all (RFC 1035 §2.3.4). Mail is stricter: see `parseDomain`. */
const ASKABLE = /^(?=.{1,253}$)[!-\-/-~]{1,63}(\.[!-\-/-~]{1,63})*$/;

/** The bytes of a question; `undefined`: no message can hold that name. */
export const formatQuestion = (name: string, type: RecordType): Uint8Array<ArrayBuffer> | undefined => {
  if (!ASKABLE.test(name)) return undefined;
  // RFC 6840 §5.7: who wants to see AD in the answer sets it in the question.
  const flags = RECURSION_DESIRED | AUTHENTIC_DATA;
  // The encoder knows all of these types; its declarations know no SPF (99).
  const question = { name, type } as Question;
  return new Uint8Array(encode({ type: "query", id: MESSAGE_ID, flags, questions: [question], additionals: [OPT] }));
};

/** Reads the response to a question of `formatQuestion`; `host` is who sent it, for the reasons. */
export const readAnswer = <T extends RecordType>(bytes: Uint8Array, name: string, type: T, host: string): Answer<T> => {
  const packet = decodeWhole(bytes);
  if (!packet) return { kind: "servfail", reason: `${host} sent what is not a DNS message` };
  const flags = packet.flags ?? 0;
  if (!answers(packet, name, type)) return { kind: "servfail", reason: `${host} answered another question` };
  if ((flags & TRUNCATED) !== 0) return { kind: "servfail", reason: `${host} sent a truncated answer` };
  const code = flags & RESPONSE_CODE;
  if (code === 3) return { kind: "nxdomain" };
  if (code === 5) return { kind: "refused", reason: `${host} refuses to answer` };
  const bogus = code === 2 ? bogusBecause(packet.additionals ?? []) : undefined;
  if (bogus !== undefined) return { kind: "servfail", reason: `${BOGUS} at ${host}: ${bogus}` };
  if (code !== 0) return { kind: "servfail", reason: `${host} answered with the code ${code}` };
  return readRecords(packet.answers ?? [], name, type, host, (flags & AUTHENTIC_DATA) !== 0);
};

const bogusBecause = (records: readonly WireRecord[]): string | undefined => {
  for (const record of records) {
    if (record.type !== "OPT") continue;
    for (const option of record.options) {
      // The decoder gives options that it has no name for as their octets.
      const { code, data }: { code: number; data?: unknown } = option;
      if (code !== EXTENDED_ERROR || !(data instanceof Uint8Array)) continue;
      // RFC 8914 §2: INFO-CODE is the first two octets.
      return BOGUS_BECAUSE[((data[0] ?? 0) << 8) | (data[1] ?? 0)];
    }
  }
  return undefined;
};

/** The decoder throws at most that is wrong, but reads on behind the end without a word: both are `undefined` here. */
const decodeWhole = (bytes: Uint8Array): DecodedPacket | undefined => {
  try {
    const packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return decode.bytes <= bytes.byteLength ? packet : undefined;
  } catch {
    return undefined;
  }
};

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const answers = ({ type: direction, id, questions = [] }: DecodedPacket, name: string, type: RecordType): boolean => {
  const [question, ...others] = questions;
  if (direction !== "response" || id !== MESSAGE_ID || question === undefined || others.length > 0) return false;
  return question.type === type && sameName(question.name, name);
};

const readRecords = <T extends RecordType>(
  records: readonly WireRecord[],
  name: string,
  type: T,
  host: string,
  authenticated: boolean,
): Answer<T> => {
  const chain = type === "CNAME" ? [] : chainFrom(name, records);
  if (!chain) return { kind: "servfail", reason: "the name's CNAMEs go in a circle" };
  const aliases = chain.map(({ data }) => data);
  const owner = aliases.at(-1) ?? name;
  const found = records.filter((record) => record.type === type && sameName(record.name, owner));
  if (found.length === 0) return { kind: "nodata" };
  const data = found.map((record) => READERS[type](record)).filter((read) => read !== undefined);
  if (data.length < found.length) return { kind: "servfail", reason: `${host} sent a record that cannot be read` };
  const ttlSeconds = Math.min(...[...chain, ...found].map((record) => ("ttl" in record ? (record.ttl ?? 0) : 0)));
  return { kind: "records", records: data, ttlSeconds, authenticated, aliases };
};

/** The CNAMEs of an answer that lead away from a name, in their order; `undefined`: in circles. */
const chainFrom = (name: string, records: readonly WireRecord[]): { data: string; ttl?: number }[] | undefined => {
  const chain: { data: string; ttl?: number }[] = [];
  for (let at = name; chain.length <= LONGEST_CHAIN;) {
    const next = records.find((record) => record.type === "CNAME" && sameName(record.name, at));
    if (next?.type !== "CNAME") return chain;
    chain.push({ data: next.data, ttl: next.ttl ?? 0 });
    at = next.data;
  }
  return undefined;
};

const text = (record: WireRecord): string | undefined =>
  "data" in record && typeof record.data === "string" ? record.data : undefined;

/** `undefined`: not a record of that type. */
const READERS: { [T in RecordType]: (record: WireRecord) => RecordData[T] | undefined } = {
  A: text,
  AAAA: text,
  CNAME: text,
  NS: text,
  PTR: text,
  CAA: (record) =>
    record.type === "CAA"
      ? { flags: record.data.flags ?? 0, tag: record.data.tag, value: record.data.value }
      : undefined,
  MX: (record) =>
    record.type === "MX" ? { preference: record.data.preference ?? 0, exchange: record.data.exchange } : undefined,
  SOA: (record) => {
    if (record.type !== "SOA") return undefined;
    const { mname, rname, serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0 } = record.data;
    return { mname, rname, serial, refresh, retry, expire, minimum };
  },
  SPF: (record) => {
    // The decoder leaves this type as its octets: strings behind their lengths (RFC 1035 §3.3.14).
    const { type, data }: { type: string; data?: unknown } = record;
    return type === "SPF" && data instanceof Uint8Array ? stringsIn(data) : undefined;
  },
  TLSA: (record) => {
    if (record.type !== "TLSA") return undefined;
    const { usage, selector, matchingType, certificate } = record.data;
    return { usage, selector, matchingType, certificate: new Uint8Array(certificate) };
  },
  TXT: (record) => {
    if (record.type !== "TXT") return undefined;
    const strings = Array.isArray(record.data) ? record.data : [record.data];
    return strings.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : new Uint8Array(part)));
  },
};

/** `undefined`: a string goes on behind the end. */
const stringsIn = (octets: Uint8Array): Uint8Array[] | undefined => {
  const strings: Uint8Array[] = [];
  for (let at = 0; at < octets.length;) {
    const end = at + 1 + (octets[at] ?? 0);
    if (end > octets.length) return undefined;
    strings.push(new Uint8Array(octets.subarray(at + 1, end)));
    at = end;
  }
  return strings;
};
