/**
 * A zone as data: its records, what a change makes of them, and what a resolver would say about them.
 *
 * Names are lower case, without the dot at their end. A change says what it takes away and what it puts there, nothing
 * else of the zone moves. A zone here knows no delegations: a name below it that it does not hold is not there.
 */
import { txtText, type Answer, type RecordData, type RecordType, type Resolve } from "./resolver.ts";

export type ZoneRecord<T extends RecordType = RecordType> = {
  [K in T]: { name: string; type: K; data: RecordData[K] };
}[T];
export type Zone = readonly ZoneRecord[];

/** The types that a change deals in. */
export type MailRecord = ZoneRecord<"CNAME" | "MX" | "TXT">;

/** What a record is for: the MX of the return-path counts as SPF. */
export type Purpose = "SPF" | "DKIM" | "DMARC";

/**
 * One step of a plan. `beside`: other records of the same name and type, which stay: some hosts take only whole sets.
 * `caution`: our mail passes, but what the owner has there is broken or will break: what, and the change to make.
 */
export type Change =
  | { kind: "keep"; purpose: Purpose; record: MailRecord; caution?: string }
  | { kind: "add"; purpose: Purpose; to: MailRecord; beside: readonly MailRecord[]; caution?: string }
  /** `from` has at least one; all of them are to go. */
  | {
      kind: "replace";
      purpose: Purpose;
      from: readonly MailRecord[];
      to: MailRecord;
      beside: readonly MailRecord[];
      caution?: string;
    }
  /**
   * What is needed would break what the owner has, or cannot work beside it: nothing is to be changed there. `text`: what
   * stands, what would break, what to do instead.
   */
  | {
      kind: "conflict";
      purpose: Purpose;
      name: string;
      type: "MX" | "TXT";
      standing: readonly MailRecord[];
      text: string;
    }
  /** It could not be looked up, so nothing may be published there on this plan's word. */
  | { kind: "unknown"; purpose: Purpose; name: string; type: "MX" | "TXT"; reason: string };

/** The changes that a DNS host is to make. */
export type Edit = Extract<Change, { kind: "add" | "replace" }>;
export const isEdit = (change: Change): change is Edit => change.kind === "add" || change.kind === "replace";

/** RFC 1035 §3.3: as many octets as a string of a TXT record holds. */
const STRING_OCTETS = 255;

/** The TXT record with a text, cut into the strings that it needs. */
export const txtRecord = (name: string, text: string): ZoneRecord<"TXT"> => {
  const octets = new TextEncoder().encode(text);
  const strings = [octets.subarray(0, STRING_OCTETS)];
  for (let at = STRING_OCTETS; at < octets.length; at += STRING_OCTETS)
    strings.push(octets.subarray(at, at + STRING_OCTETS));
  return { name, type: "TXT", data: strings };
};

/** Whether two records are one and the same: hosts in any case; a text in whatever strings. */
export const sameRecord = (a: MailRecord, b: MailRecord): boolean => {
  if (a.name !== b.name) return false;
  if (a.type === "TXT") return b.type === "TXT" && sameOctets(a.data, b.data);
  if (a.type === "CNAME") return b.type === "CNAME" && a.data.toLowerCase() === b.data.toLowerCase();
  if (b.type !== "MX" || a.data.preference !== b.data.preference) return false;
  return a.data.exchange.toLowerCase() === b.data.exchange.toLowerCase();
};

const sameOctets = (a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean =>
  a.flatMap((string) => [...string]).join() === b.flatMap((string) => [...string]).join();

const isMailRecord = (record: ZoneRecord): record is MailRecord =>
  record.type === "CNAME" || record.type === "MX" || record.type === "TXT";

/** The zone after a change. What is no edit leaves it as it is. */
export const applyChange = (zone: Zone, change: Change): Zone => {
  if (!isEdit(change)) return zone;
  const from = change.kind === "replace" ? change.from : [];
  const staying = zone.filter((record) => !isMailRecord(record) || !from.some((gone) => sameRecord(gone, record)));
  return [...staying, change.to];
};

const DATA_OF: { [T in RecordType]: (records: Zone) => RecordData[T][] } = {
  A: (records) => records.flatMap((record) => (record.type === "A" ? [record.data] : [])),
  AAAA: (records) => records.flatMap((record) => (record.type === "AAAA" ? [record.data] : [])),
  CAA: (records) => records.flatMap((record) => (record.type === "CAA" ? [record.data] : [])),
  CNAME: (records) => records.flatMap((record) => (record.type === "CNAME" ? [record.data] : [])),
  MX: (records) => records.flatMap((record) => (record.type === "MX" ? [record.data] : [])),
  NS: (records) => records.flatMap((record) => (record.type === "NS" ? [record.data] : [])),
  PTR: (records) => records.flatMap((record) => (record.type === "PTR" ? [record.data] : [])),
  SOA: (records) => records.flatMap((record) => (record.type === "SOA" ? [record.data] : [])),
  SPF: (records) => records.flatMap((record) => (record.type === "SPF" ? [record.data] : [])),
  TLSA: (records) => records.flatMap((record) => (record.type === "TLSA" ? [record.data] : [])),
  TXT: (records) => records.flatMap((record) => (record.type === "TXT" ? [record.data] : [])),
};

/** A resolver follows a chain of CNAMEs so far, then gives up. */
const LONGEST_CHAIN = 8;

/** What a resolver would answer, were this all of the DNS. Wildcards answer as in RFC 4592. */
export const zoneResolver = (zone: Zone, ttlSeconds: number): Resolve => {
  const resolve: Resolve = async <T extends RecordType>(name: string, type: T): Promise<Answer<T>> => {
    const aliases: string[] = [];
    for (let at = name.toLowerCase(); aliases.length <= LONGEST_CHAIN;) {
      const held = recordsFor(zone, at);
      if (held === undefined) return { kind: "nxdomain" };
      const records = DATA_OF[type](held);
      if (records.length > 0) return { kind: "records", records, ttlSeconds, authenticated: false, aliases };
      const [target] = DATA_OF.CNAME(held);
      if (target === undefined) return { kind: "nodata" };
      at = target.toLowerCase();
      aliases.push(at);
    }
    return { kind: "servfail", reason: "the name's CNAMEs go in a circle" };
  };
  return resolve;
};

/** The records that answer for a name; `undefined`: there is no such name. */
const recordsFor = (zone: Zone, name: string): Zone | undefined => {
  const held = zone.filter((record) => record.name === name);
  if (held.length > 0) return held;
  // RFC 4592 §2.2.2: a name with nothing but names below it exists, and no wildcard answers for it.
  if (zone.some((record) => record.name.endsWith(`.${name}`))) return [];
  // RFC 4592 §3.3.1: only the wildcard at the closest name that exists may answer.
  for (let parent = parentOf(name); parent !== undefined; parent = parentOf(parent)) {
    const ancestor = parent;
    const wild = zone.filter((record) => record.name === `*.${ancestor}`);
    if (wild.length > 0) return wild;
    if (zone.some((record) => record.name === ancestor || record.name.endsWith(`.${ancestor}`))) return undefined;
  }
  return undefined;
};

/** `undefined`: of a name of one label. */
export const parentOf = (name: string): string | undefined => {
  const dot = name.indexOf(".");
  return dot < 0 ? undefined : name.slice(dot + 1);
};

/** The text of a TXT record; of others the host that they point to. */
export const textOf = (record: MailRecord): string => {
  switch (record.type) {
    case "TXT":
      return txtText(record.data);
    case "MX":
      return record.data.exchange;
    case "CNAME":
      return record.data;
  }
};
