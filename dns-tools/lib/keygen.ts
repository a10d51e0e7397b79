/**
 * A DKIM key pair as text: the private key as PEM for who signs, the public one as the record to publish.
 *
 * Keys come from WebCrypto's `generateKey`, which whoever has chance at hand calls with `keyParameters`; nothing is
 * random here. Private keys are not stored and not encrypted here.
 */
import { formatDkimRecord, type DkimAlgorithm, type DkimKey } from "./dkim-record.ts";

/** What `crypto.subtle.generateKey` is given, with `extractable` true and the usages `sign` and `verify`. */
export const keyParameters = (algorithm: DkimAlgorithm, rsaBits = 2048): RsaHashedKeyGenParams | { name: "Ed25519" } =>
  algorithm === "rsa-sha256"
    ? {
        name: "RSASSA-PKCS1-v1_5",
        hash: "SHA-256",
        modulusLength: rsaBits,
        publicExponent: new Uint8Array([1, 0, 1]),
      }
    : { name: "Ed25519" };

export type DkimKeyPair = DkimKey & {
  /** PKCS#8. */
  privateKeyPem: string;
  /** The record's text, and the strings of at most 255 octets that it is published as, in ONE record. */
  record: string;
  strings: readonly string[];
};

/** Throws on a pair that `keyParameters` did not make. */
export const formatKeyPair = async (pair: CryptoKeyPair): Promise<DkimKeyPair> => {
  const algorithm: DkimAlgorithm = pair.publicKey.algorithm.name === "Ed25519" ? "ed25519-sha256" : "rsa-sha256";
  // RFC 8463 §4.2: an Ed25519 record has the bare 32 octets; an RSA one has SubjectPublicKeyInfo, as everybody reads it.
  const published = await crypto.subtle.exportKey(algorithm === "ed25519-sha256" ? "raw" : "spki", pair.publicKey);
  const key: DkimKey = { algorithm, publicKeyBase64: base64(published) };
  const lines = base64(await crypto.subtle.exportKey("pkcs8", pair.privateKey)).match(/.{1,64}/g) ?? [];
  const record = formatDkimRecord(key);
  return {
    ...key,
    privateKeyPem: ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n"),
    record,
    strings: txtStrings(record),
  };
};

/** A text of ASCII as the strings of one TXT record (RFC 1035 §3.3.14). */
export const txtStrings = (ascii: string): string[] => ascii.match(/.{1,255}/g) ?? [""];

const base64 = (octets: ArrayBuffer): string => btoa(String.fromCharCode(...new Uint8Array(octets)));
