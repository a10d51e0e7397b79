/**
 * The port through which everything here sees the DNS: one function, answers as values.
 *
 * "Not there" (`nxdomain`, `nodata`) and "could not find out" (`servfail`, `timeout`, `refused`) are different answers:
 * nobody may take the second for the first.
 */
export type RecordType = "A" | "AAAA" | "CAA" | "CNAME" | "MX" | "NS" | "PTR" | "SOA" | "TLSA" | "TXT";

/** Data by type: TXT as its byte strings, MX with its preference, others as text in presentation form. */
export type RecordData = {
  TXT: Uint8Array[];
  MX: { preference: number; exchange: string };
  A: string;
  AAAA: string;
  CAA: string;
  CNAME: string;
  NS: string;
  PTR: string;
  SOA: string;
  TLSA: string;
};

export type Answer<T extends RecordType> =
  | {
      kind: "records";
      records: RecordData[T][];
      /** The shortest of the answer. */
      ttlSeconds: number;
      /** The resolver validated it by DNSSEC (RFC 4035 §3.2.3). */
      authenticated: boolean;
      /** Names that CNAMEs led through, the last being where the records are. */
      aliases: string[];
    }
  | { kind: "nxdomain" | "nodata" }
  | { kind: "servfail" | "timeout" | "refused"; reason: string };

/** Never rejects. `name` without a dot at its end. */
export type Resolve = <T extends RecordType>(name: string, type: T, signal?: AbortSignal) => Promise<Answer<T>>;

const utf8 = new TextDecoder();

/** A TXT record as text: its strings joined without anything between (RFC 7208 §3.3, RFC 6376 §3.6.2.2). */
export const txtText = (strings: readonly Uint8Array[]): string => strings.map((bytes) => utf8.decode(bytes)).join("");
