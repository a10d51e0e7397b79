/**
 * The key inside the `p=` of a DKIM record: what its octets are, read without any crypto.
 *
 * An RSA key may stand there as SubjectPublicKeyInfo, as everybody publishes it, or as the bare RSAPublicKey of
 * RFC 6376 §3.6.1. Octets that stop in the middle of a key are told from octets that are no key. Whose key it is, is not
 * asked here.
 */
import type { DkimKey } from "./dkim-record.ts";

export type PublicKey =
  | { kind: "rsa"; bits: number; octets: Uint8Array<ArrayBuffer> }
  | { kind: "ed25519"; octets: Uint8Array<ArrayBuffer> }
  | { kind: "truncated" }
  | { kind: "malformed"; reason: string };

const ED25519_OCTETS = 32;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const SEQUENCE = 0x30;
const LONGEST_HEAD_OCTETS = 4;
/** The object identifier 1.2.840.113549.1.1.1 with its tag and length. */
const RSA_ENCRYPTION = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

const malformed = (reason: string): PublicKey => ({ kind: "malformed", reason });

export const readPublicKey = ({ algorithm, publicKeyBase64 }: DkimKey): PublicKey => {
  const octets = decodeBase64(publicKeyBase64);
  if (!octets) return malformed("its p= is not base64");
  if (algorithm === "rsa-sha256") return readRsa(octets);
  // RFC 8463 §4.2: the bare 32 octets.
  if (octets.length === ED25519_OCTETS) return { kind: "ed25519", octets };
  if (octets.length < ED25519_OCTETS) return { kind: "truncated" };
  return malformed(`its p= has ${octets.length} octets, an Ed25519 key has ${ED25519_OCTETS}`);
};

/** Also of text that was cut anywhere: what is left over of a group of four is dropped. */
const decodeBase64 = (text: string): Uint8Array<ArrayBuffer> | undefined => {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const digits = text.replace(/=+$/, "");
  const whole = digits.length % 4 === 1 ? digits.slice(0, -1) : digits;
  return Uint8Array.from(atob(whole), (character) => character.charCodeAt(0));
};

const readRsa = (octets: Uint8Array<ArrayBuffer>): PublicKey => {
  const outer = readElement(octets, 0);
  if (outer === undefined && octets.length < LONGEST_HEAD_OCTETS) return { kind: "truncated" };
  if (outer?.tag !== SEQUENCE) return malformed("its p= is no RSA key");
  if (outer.end > octets.length) return { kind: "truncated" };
  if (outer.end < octets.length) return malformed("its p= goes on behind the key");
  const modulus = modulusIn(octets, outer.start);
  if (modulus === undefined || modulus.end > octets.length) return malformed("its p= is no RSA key");
  const digits = octets.subarray(modulus.start, modulus.end);
  const first = digits.findIndex((octet) => octet !== 0);
  // The bits of the octets behind the first that is not 0, and those of that one itself.
  const bits = first < 0 ? 0 : (digits.length - first) * 8 - (Math.clz32(digits[first] ?? 0) - 24);
  return { kind: "rsa", bits, octets };
};

type Element = { tag: number; start: number; end: number };

/** A tag and a length of at most two octets (X.690 §8.1.3); `undefined`: they are not there in whole. */
const readElement = (octets: Uint8Array, at: number): Element | undefined => {
  const [tag, length, high, low] = octets.subarray(at, at + LONGEST_HEAD_OCTETS);
  if (tag === undefined || length === undefined) return undefined;
  if (length < 0x80) return { tag, start: at + 2, end: at + 2 + length };
  if (length === 0x81 && high !== undefined) return { tag, start: at + 3, end: at + 3 + high };
  if (length === 0x82 && high !== undefined && low !== undefined)
    return { tag, start: at + 4, end: at + 4 + ((high << 8) | low) };
  return undefined;
};

/** The first number of RSAPublicKey (RFC 8017 §A.1.1), bare or inside SubjectPublicKeyInfo (RFC 5280 §4.1). */
const modulusIn = (octets: Uint8Array, at: number): Element | undefined => {
  const first = readElement(octets, at);
  if (first?.tag === INTEGER) return first;
  const isRsa = RSA_ENCRYPTION.every((octet, index) => octets[(first?.start ?? 0) + index] === octet);
  const bits = first?.tag === SEQUENCE && isRsa ? readElement(octets, first.end) : undefined;
  if (bits?.tag !== BIT_STRING) return undefined;
  // Before its octets a bit string says how many bits of the last do not count: none.
  const key = readElement(octets, bits.start + 1);
  const modulus = key?.tag === SEQUENCE ? readElement(octets, key.start) : undefined;
  return modulus?.tag === INTEGER ? modulus : undefined;
};
