/**
 * Transaction signatures (RFC 8945) by HMAC: a DNS message signed, and the signature of its answer checked.
 *
 * An answer counts as signed only by the key that signed the question, for that question, within `FUDGE_SECONDS`. What
 * the message says is not looked at. Secrets are never in what is returned.
 */

/** RFC 8945 §6, the best first: of those in use, all but what WebCrypto has not (MD5, SHA-224) and cut signatures. */
export const TSIG_ALGORITHMS = ["hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha1"] as const;
export type TsigAlgorithm = (typeof TSIG_ALGORITHMS)[number];

const HASH_OF: Record<TsigAlgorithm, string> = {
  "hmac-sha256": "SHA-256",
  "hmac-sha512": "SHA-512",
  "hmac-sha384": "SHA-384",
  "hmac-sha1": "SHA-1",
};

/** As a server's configuration names it; `undefined`: it is none of ours. */
export const parseTsigAlgorithm = (text: string): TsigAlgorithm | undefined =>
  TSIG_ALGORITHMS.find((algorithm) => algorithm === text.toLowerCase().replace(/\.$/, ""));

export type TsigKey = { name: string; algorithm: TsigAlgorithm; secretBase64: string };

/** A key whose secret WebCrypto has. */
export type ReadyTsigKey = { name: string; algorithm: TsigAlgorithm; secret: CryptoKey };

export type Signed = { message: Uint8Array; mac: Uint8Array };

export type TsigVerdict =
  | { kind: "valid"; error: number }
  /** The server could not check our signature, so it could not sign either (RFC 8945 §5.3.2): `error` says why. */
  | { kind: "unsigned"; error: number }
  | { kind: "invalid"; reason: string };

/** TSIG errors (RFC 8945 §3). */
export const BADSIG = 16;
export const BADKEY = 17;
export const BADTIME = 18;

/** RFC 8945 §10: how far the two clocks may be apart. */
const FUDGE_SECONDS = 300;
const TYPE_TSIG = 250;
const CLASS_ANY = 255;
const HEADER_OCTETS = 12;
/** Where in the header the number of additional records stands. */
const ARCOUNT_AT = 10;

/** Labels of 1 to 63 octets, 255 in all with their lengths; the root is `.` (RFC 1035 §2.3.4). */
export const isWireName = (name: string): boolean => {
  if (name === ".") return true;
  const lengths = name.split(".").map((label) => new TextEncoder().encode(label).length);
  return lengths.every((octets) => octets >= 1 && octets <= 63) && lengths.reduce((sum, n) => sum + n + 1, 1) <= 255;
};

/** The octets of a name, for which `isWireName` holds. */
export const wireName = (name: string): number[] => {
  const labels = name === "." ? [] : name.split(".").map((label) => new TextEncoder().encode(label));
  return [...labels.flatMap((label) => [label.length, ...label]), 0];
};

export const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];

const u48 = (value: number): number[] =>
  [2 ** 32, 2 ** 16, 1].flatMap((unit) => u16(Math.floor(value / unit) % 2 ** 16));

/** `undefined`: the secret is no base64, or nothing. */
export const importTsigKey = async ({ name, algorithm, secretBase64 }: TsigKey): Promise<ReadyTsigKey | undefined> => {
  const octets = octetsOf(secretBase64);
  if (!octets?.length) return undefined;
  const hmac = { name: "HMAC", hash: HASH_OF[algorithm] };
  return { name, algorithm, secret: await crypto.subtle.importKey("raw", octets, hmac, false, ["sign", "verify"]) };
};

const octetsOf = (base64: string): Uint8Array<ArrayBuffer> | undefined => {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
};

type Stamp = { timeSeconds: number; fudgeSeconds: number; error: number; other: Uint8Array };

/** RFC 8945 §4.3.3: what is signed beside the message. Names are in lower case (RFC 4034 §6.2). */
const variables = ({ name, algorithm }: ReadyTsigKey, { timeSeconds, fudgeSeconds, error, other }: Stamp): number[] => [
  ...wireName(name.toLowerCase()),
  ...u16(CLASS_ANY),
  ...[0, 0, 0, 0],
  ...wireName(algorithm),
  ...u48(timeSeconds),
  ...u16(fudgeSeconds),
  ...u16(error),
  ...u16(other.length),
  ...other,
];

/** Signs a message that has no additional records yet. */
export const signMessage = async (message: Uint8Array, key: ReadyTsigKey, nowSeconds: number): Promise<Signed> => {
  const stamp: Stamp = { timeSeconds: nowSeconds, fudgeSeconds: FUDGE_SECONDS, error: 0, other: new Uint8Array() };
  const signed = Uint8Array.from([...message, ...variables(key, stamp)]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key.secret, signed));
  const data = [
    ...wireName(key.algorithm),
    ...u48(nowSeconds),
    ...u16(FUDGE_SECONDS),
    ...u16(mac.length),
    ...mac,
    ...message.subarray(0, 2),
    ...[0, 0, 0, 0],
  ];
  const record = [
    ...wireName(key.name.toLowerCase()),
    ...u16(TYPE_TSIG),
    ...u16(CLASS_ANY),
    ...[0, 0, 0, 0],
    ...u16(data.length),
    ...data,
  ];
  const whole = Uint8Array.from([...message, ...record]);
  whole.set(u16(1), ARCOUNT_AT);
  return { message: whole, mac };
};

/** Whether an answer is signed, as the answer to what was signed with `requestMac`. */
export const verifyAnswer = async (
  answer: Uint8Array,
  key: ReadyTsigKey,
  requestMac: Uint8Array,
  nowSeconds: number,
): Promise<TsigVerdict> => {
  const tsig = readTsig(answer);
  if (tsig.kind !== "tsig") return tsig;
  const { startOctets, mac, error, timeSeconds } = tsig;
  if (mac.length === 0) return { kind: "unsigned", error };
  const bare = answer.slice(0, startOctets);
  const additional = ((bare[ARCOUNT_AT] ?? 0) << 8) | (bare[ARCOUNT_AT + 1] ?? 0);
  bare.set(u16(additional - 1), ARCOUNT_AT);
  // RFC 8945 §5.3.1: the question's signature is part of what is signed, so this answers that question only. The
  // names are ours, not the record's: under others the signature does not hold.
  const signed = Uint8Array.from([...u16(requestMac.length), ...requestMac, ...bare, ...variables(key, tsig)]);
  // RFC 8945 §5.2.2.1: a shorter signature might do; none is asked for, and it is not valid here.
  if (!(await crypto.subtle.verify("HMAC", key.secret, mac, signed)))
    return { kind: "invalid", reason: "its signature is wrong" };
  // RFC 8945 §5.2.3.
  if (Math.abs(timeSeconds - nowSeconds) > FUDGE_SECONDS) return { kind: "invalid", reason: "its signature is old" };
  return { kind: "valid", error };
};

type Tsig = Stamp & { kind: "tsig"; startOctets: number; mac: Uint8Array<ArrayBuffer> };

/** The signature, which is the last of the additional records (RFC 8945 §5.1). */
const readTsig = (message: Uint8Array): Tsig | { kind: "unsigned"; error: 0 } | { kind: "invalid"; reason: string } => {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  try {
    const additional = view.getUint16(ARCOUNT_AT);
    if (additional === 0) return { kind: "unsigned", error: 0 };
    let at = HEADER_OCTETS;
    for (let left = view.getUint16(4); left > 0; left--) at = skipName(view, at) + 4;
    const skipRecord = (): number => skipName(view, at) + 10 + view.getUint16(skipName(view, at) + 8);
    for (let left = view.getUint16(6) + view.getUint16(8) + additional - 1; left > 0; left--) at = skipRecord();
    if (view.getUint16(skipName(view, at)) !== TYPE_TSIG) return { kind: "unsigned", error: 0 };
    if (skipRecord() !== message.length) return { kind: "invalid", reason: "its end is not where it should be" };
    const timeAt = skipName(view, skipName(view, at) + 10);
    const macEnd = timeAt + 10 + view.getUint16(timeAt + 8);
    return {
      kind: "tsig",
      startOctets: at,
      timeSeconds: view.getUint16(timeAt) * 2 ** 32 + view.getUint32(timeAt + 2),
      fudgeSeconds: view.getUint16(timeAt + 6),
      mac: message.slice(timeAt + 10, macEnd),
      error: view.getUint16(macEnd + 2),
      other: message.slice(macEnd + 6, macEnd + 6 + view.getUint16(macEnd + 4)),
    };
  } catch {
    // DataView throws beyond the end.
    return { kind: "invalid", reason: "it is not a whole DNS message" };
  }
};

/** Where a name ends: behind the root, or a pointer to elsewhere (RFC 1035 §4.1.4). */
const skipName = (view: DataView, startOctets: number): number => {
  for (let at = startOctets; ;) {
    const octets = view.getUint8(at);
    if (octets >= 0xc0) return at + 2;
    at += 1 + octets;
    if (octets === 0) return at;
  }
};
