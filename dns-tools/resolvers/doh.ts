/**
 * DNS over HTTPS in wire format (RFC 8484), over whatever `fetch` the runtime has.
 *
 * The resolvers are asked in order until one gives an answer that is about our question. Nothing here rejects: what
 * cannot be read is a `servfail` with a reason.
 */
import { decode, encode, type Answer as WireRecord, type DecodedPacket } from "dns-packet";
import type { Answer, RecordData, RecordType, Resolve } from "#dns/resolver.ts";

export type DohOptions = { urls: readonly string[]; timeoutMs: number; fetch?: typeof fetch };

const LARGEST_ANSWER = 65_535;
const LONGEST_CHAIN = 16;
/** Header bits (RFC 1035 §4.1.1, RFC 4035 §3.2.3). */
const TRUNCATED = 0x0200;
const AUTHENTIC = 0x0020;

type Failure = { kind: "servfail" | "timeout" | "refused"; reason: string };

export const dohResolver = ({ urls, timeoutMs, fetch: get = fetch }: DohOptions): Resolve => {
  const resolve: Resolve = async (name, type, signal) => {
    let failure: Failure = { kind: "servfail", reason: "no resolver is set" };
    for (const url of urls) {
      const deadline = AbortSignal.timeout(timeoutMs);
      const answer = await ask(get, url, name, type, signal ? AbortSignal.any([signal, deadline]) : deadline);
      if (!("reason" in answer)) return answer;
      failure = answer;
      if (signal?.aborted) break;
    }
    return failure;
  };
  return resolve;
};

const ask = async <T extends RecordType>(
  get: typeof fetch,
  url: string,
  name: string,
  type: T,
  signal: AbortSignal,
): Promise<Answer<T>> => {
  const host = URL.parse(url)?.host ?? url;
  try {
    // RFC 8484 §4.1: an id of 0 lets HTTP caches know that two questions are one.
    const query = encode({ type: "query", id: 0, flags: 0x0100, questions: [{ name, type }] });
    const headers = { "content-type": "application/dns-message", accept: "application/dns-message" };
    const response = await get(url, { method: "POST", headers, body: new Uint8Array(query), signal });
    if (!response.ok) {
      await response.body?.cancel();
      return { kind: "servfail", reason: `${host} answered with HTTP status ${response.status}` };
    }
    const bytes = await readBounded(response);
    if (!bytes) return { kind: "servfail", reason: `${host} sent more than a DNS message can hold` };
    return read(decode(Buffer.from(bytes)), name, type, host);
  } catch (error) {
    // fetch and the decoder both throw; only our own deadline has a name.
    if (signal.aborted) return { kind: "timeout", reason: `${host} did not answer in time` };
    const reason = error instanceof Error ? error.message : "unknown";
    return { kind: "servfail", reason: `${host} could not be asked or understood (${reason})` };
  }
};

const readBounded = async (response: Response): Promise<Uint8Array | undefined> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > LARGEST_ANSWER) return undefined;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
};

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const read = <T extends RecordType>(packet: DecodedPacket, name: string, type: T, host: string): Answer<T> => {
  const [question] = packet.questions ?? [];
  if (packet.type !== "response" || !question || !sameName(question.name, name) || question.type !== type)
    return { kind: "servfail", reason: `${host} answered another question` };
  if (((packet.flags ?? 0) & TRUNCATED) !== 0) return { kind: "servfail", reason: `${host} sent a truncated answer` };
  // The low bits of the flags (RFC 1035 §4.1.1).
  const rcode = (packet.flags ?? 0) & 0xf;
  const answers = packet.answers ?? [];
  const aliases = aliasesOf(name, answers);
  if (aliases === undefined) return { kind: "servfail", reason: "the name's CNAMEs go in a circle" };
  if (rcode === 3) return { kind: "nxdomain" };
  if (rcode === 5) return { kind: "refused", reason: `${host} refuses to answer` };
  if (rcode !== 0) return { kind: "servfail", reason: `${host} answered with the code ${rcode}` };
  const owner = aliases.at(-1) ?? name;
  const found = answers.filter((answer) => answer.type === type && sameName(answer.name, owner));
  const records = found.map((answer) => dataOf(answer, type)).filter((data) => data !== undefined);
  if (records.length < found.length) return { kind: "servfail", reason: `${host} sent a record that cannot be read` };
  if (records.length === 0) return { kind: "nodata" };
  return {
    kind: "records",
    records,
    ttlSeconds: Math.min(...found.map((answer) => ("ttl" in answer ? (answer.ttl ?? 0) : 0))),
    authenticated: ((packet.flags ?? 0) & AUTHENTIC) !== 0,
    aliases,
  };
};

/** Follows CNAMEs inside the answer; `undefined`: in circles. */
const aliasesOf = (name: string, answers: readonly WireRecord[]): string[] | undefined => {
  const aliases: string[] = [];
  for (let at = name; ;) {
    const next = answers.find((answer) => answer.type === "CNAME" && sameName(answer.name, at));
    if (next?.type !== "CNAME") return aliases;
    at = next.data;
    aliases.push(at);
    if (aliases.length > LONGEST_CHAIN) return undefined;
  }
};

const bytesOf = (part: unknown): Uint8Array | undefined =>
  typeof part === "string" ? new TextEncoder().encode(part) : part instanceof Uint8Array ? part : undefined;

const dataOf = <T extends RecordType>(answer: WireRecord, type: T): RecordData[T] | undefined => READERS[type](answer);

const text = (answer: WireRecord): string | undefined =>
  "data" in answer && typeof answer.data === "string" ? answer.data : undefined;
const json = (answer: WireRecord): string | undefined => ("data" in answer ? JSON.stringify(answer.data) : undefined);

const READERS: { [T in RecordType]: (answer: WireRecord) => RecordData[T] | undefined } = {
  A: text,
  AAAA: text,
  CNAME: text,
  NS: text,
  PTR: text,
  CAA: json,
  SOA: json,
  TLSA: json,
  MX: (answer) =>
    answer.type === "MX" ? { preference: answer.data.preference ?? 0, exchange: answer.data.exchange } : undefined,
  TXT: (answer) => {
    if (answer.type !== "TXT") return undefined;
    const parts: unknown[] = Array.isArray(answer.data) ? answer.data : [answer.data];
    const strings = parts.map(bytesOf).filter((part) => part !== undefined);
    return strings.length === parts.length ? strings : undefined;
  },
};
