/**
 * The port through which everything here sees the DNS: one function, answers as values.
 *
 * "Not there" (`nxdomain`, `nodata`) and "could not find out" (`servfail`, `timeout`, `refused`) are different answers:
 * nobody may take the second for the first. Who implements it, and over what, is not known here.
 */
export type RecordType = "A" | "AAAA" | "CAA" | "CNAME" | "MX" | "NS" | "PTR" | "SOA" | "SPF" | "TLSA" | "TXT";

/** Data by type. Names have no dot at their end; the root is `.`. */
export type RecordData = {
  A: string;
  AAAA: string;
  /** RFC 8659 §4.1. */
  CAA: { flags: number; tag: string; value: string };
  CNAME: string;
  MX: { preference: number; exchange: string };
  NS: string;
  PTR: string;
  /** RFC 1035 §3.3.13; the times are seconds. */
  SOA: {
    mname: string;
    rname: string;
    serial: number;
    refresh: number;
    retry: number;
    expire: number;
    minimum: number;
  };
  /** Like TXT. RFC 7208 §3.1: no receiver asks for it; some zones have it still. */
  SPF: Uint8Array[];
  /** RFC 6698 §2.1. */
  TLSA: { usage: number; selector: number; matchingType: number; certificate: Uint8Array };
  /** The strings of one record, as they stand; `txtText` joins them. */
  TXT: Uint8Array[];
};

export type Answer<T extends RecordType> =
  | {
      kind: "records";
      /** At least one. */
      records: RecordData[T][];
      /** The shortest of the answer, CNAMEs included. */
      ttlSeconds: number;
      /** The resolver validated it by DNSSEC (RFC 4035 §3.2.3). */
      authenticated: boolean;
      /** Names that CNAMEs led through, the last being where the records are. */
      aliases: string[];
    }
  | { kind: "nxdomain" | "nodata" }
  | { kind: "servfail" | "timeout" | "refused"; reason: string };

/** Never rejects. `name` without a dot at its end. CNAMEs are followed, unless they are what is asked for. */
export type Resolve = <T extends RecordType>(name: string, type: T, signal?: AbortSignal) => Promise<Answer<T>>;

/** A TXT record as text: its strings joined without anything between (RFC 7208 §3.3, RFC 6376 §3.6.2.2). */
export const txtText = (strings: readonly Uint8Array[]): string => {
  // One decoder for all: a character may lie across two strings. A byte order mark stays: receivers see it too.
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  return strings.map((bytes) => utf8.decode(bytes, { stream: true })).join("") + utf8.decode();
};
