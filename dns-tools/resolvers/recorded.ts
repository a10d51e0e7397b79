/**
 * The port over a zone that is written down as data, for tests and benches: it answers as a recursive resolver would
 * that finds the whole DNS in it.
 *
 * CNAMEs are followed and wildcards answer (RFC 4592); a name is NODATA when it, or one below it, has records, and
 * NXDOMAIN otherwise. A name may also fail, as names do. Nothing here is random, and no zone file is read.
 */
import type { Answer, RecordData, RecordType, Resolve } from "#dns/resolver.ts";

/** A TXT record: one text, cut into strings of 255 octets, or its strings as they shall stand. */
export type RecordedTxt = string | readonly (string | Uint8Array)[];

export type RecordedName =
  | ({ [T in Exclude<RecordType, "SPF" | "TXT">]?: readonly RecordData[T][] } & {
      SPF?: readonly RecordedTxt[];
      TXT?: readonly RecordedTxt[];
      /** 300 unless told. */
      ttlSeconds?: number;
      authenticated?: boolean;
    })
  | "nxdomain"
  | "servfail"
  | "timeout"
  | "refused";

/** By name, without a dot at its end; `*.d.test` is a wildcard. */
export type RecordedZone = Readonly<Record<string, RecordedName>>;

const STRING_OCTETS = 255;
const LONGEST_CHAIN = 16;
const TTL_SECONDS = 300;

/** `delayMs`: how long each look-up takes; the caller's signal ends it before. */
export const recordedResolver = (zone: RecordedZone, delayMs = 0): Resolve => {
  const names = new Map(Object.entries(zone).map(([name, entry]) => [name.toLowerCase(), entry]));
  // RFC 4592 §2.2.2: above a name that exists every name does.
  for (const name of [...names.keys()])
    for (const parent of parentsOf(name)) if (!names.has(parent)) names.set(parent, {});
  const resolve: Resolve = async (name, type, signal) => {
    if (delayMs > 0) await pause(delayMs, signal);
    if (signal?.aborted) return { kind: "timeout", reason: "the recorded zone did not answer in time" };
    return answerFrom(names, name, type);
  };
  return resolve;
};

const parentsOf = (name: string): string[] => {
  const labels = name.split(".");
  return labels.slice(1).map((_, at) => labels.slice(at + 1).join("."));
};

const pause = (delayMs: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });

const find = (names: ReadonlyMap<string, RecordedName>, name: string): RecordedName => {
  const exact = names.get(name);
  if (exact !== undefined) return exact;
  // RFC 4592 §3.3.1: only the closest name above that exists may have a wildcard for it.
  const encloser = parentsOf(name).find((parent) => names.has(parent));
  return names.get(encloser === undefined ? "*" : `*.${encloser}`) ?? "nxdomain";
};

const answerFrom = <T extends RecordType>(
  names: ReadonlyMap<string, RecordedName>,
  asked: string,
  type: T,
): Answer<T> => {
  const aliases: string[] = [];
  let shortestSeconds = Infinity;
  for (let name = asked; aliases.length <= LONGEST_CHAIN;) {
    const entry = find(names, name.toLowerCase());
    if (entry === "nxdomain") return { kind: "nxdomain" };
    if (typeof entry === "string") return { kind: entry, reason: `the recorded zone has ${entry} at ${name}` };
    shortestSeconds = Math.min(shortestSeconds, entry.ttlSeconds ?? TTL_SECONDS);
    const [alias] = type === "CNAME" ? [] : (entry.CNAME ?? []);
    if (alias === undefined) {
      const records = READERS[type](entry);
      const { authenticated = false } = entry;
      if (records.length === 0) return { kind: "nodata" };
      return { kind: "records", records, ttlSeconds: shortestSeconds, authenticated, aliases };
    }
    aliases.push(alias);
    name = alias;
  }
  return { kind: "servfail", reason: "the name's CNAMEs go in a circle" };
};

type Entry = Exclude<RecordedName, string>;

const READERS: { [T in RecordType]: (entry: Entry) => RecordData[T][] } = {
  A: ({ A = [] }) => [...A],
  AAAA: ({ AAAA = [] }) => [...AAAA],
  CAA: ({ CAA = [] }) => [...CAA],
  CNAME: ({ CNAME = [] }) => [...CNAME],
  MX: ({ MX = [] }) => [...MX],
  NS: ({ NS = [] }) => [...NS],
  PTR: ({ PTR = [] }) => [...PTR],
  SOA: ({ SOA = [] }) => [...SOA],
  TLSA: ({ TLSA = [] }) => [...TLSA],
  SPF: ({ SPF = [] }) => SPF.map(stringsOf),
  TXT: ({ TXT = [] }) => TXT.map(stringsOf),
};

const stringsOf = (text: RecordedTxt): Uint8Array[] => (typeof text === "string" ? cut(text) : text.map(encode));

const encode = (text: string | Uint8Array): Uint8Array =>
  typeof text === "string" ? new TextEncoder().encode(text) : text;

const cut = (text: string): Uint8Array[] => {
  const bytes = encode(text);
  const strings: Uint8Array[] = [];
  for (let at = 0; at < Math.max(1, bytes.length); at += STRING_OCTETS)
    strings.push(bytes.subarray(at, at + STRING_OCTETS));
  return strings;
};
