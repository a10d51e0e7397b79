/**
 * Reads a DKIM private key that an operator brings, in the PEM forms that openssl writes, and makes it PKCS#8.
 *
 * RSA below 1024 bits and other key types are refused here, not when the first mail is to be signed
 * (RFC 8301 §3.2 wants at least 1024, should be 2048; RFC 8463 adds Ed25519).
 */
import type { DkimAlgorithm } from "#dns/dkim-record.ts";
import { type DkimKeyPair, formatKeyPair, keyParameters } from "#dns/keygen.ts";

export type DkimKeyResult =
  | { kind: "key"; algorithm: "rsa-sha256" | "ed25519-sha256"; pem: string }
  | { kind: "unusable"; reason: string };

const PEM = /-----BEGIN (RSA PRIVATE KEY|PRIVATE KEY)-----([A-Za-z0-9+/=\s]+)-----END \1-----/;
/** AlgorithmIdentifier of rsaEncryption, version 0 before it: what turns PKCS#1 into PKCS#8 (RFC 5208 §5). */
const RSA_PREFIX = [
  0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

const unusable = (reason: string): DkimKeyResult => ({ kind: "unusable", reason });

export const readDkimKey = async (text: string): Promise<DkimKeyResult> => {
  const match = PEM.exec(text);
  if (!match) return unusable("it is not an unencrypted PEM private key (PKCS#8 or PKCS#1)");
  const der = decodeBase64((match[2] ?? "").replaceAll(/\s/g, ""));
  if (der === undefined) return unusable("its base64 is broken");
  const pkcs8 = match[1] === "RSA PRIVATE KEY" ? wrapPkcs1(der) : der;
  const rsa = await importKey(pkcs8, { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" });
  if (rsa) {
    const bits = "modulusLength" in rsa.algorithm ? rsa.algorithm.modulusLength : 0;
    if (bits < 1024) return unusable(`it has ${bits} bits; DKIM needs at least 1024, better 2048`);
    return { kind: "key", algorithm: "rsa-sha256", pem: toPem(pkcs8) };
  }
  if (await importKey(pkcs8, { name: "Ed25519" }))
    return { kind: "key", algorithm: "ed25519-sha256", pem: toPem(pkcs8) };
  return unusable("it is neither an RSA nor an Ed25519 key");
};

/** WebCrypto says what a key is only by taking it or throwing. */
const importKey = async (
  pkcs8: Uint8Array<ArrayBuffer>,
  algorithm: { name: string; hash?: string },
): Promise<CryptoKey | undefined> => {
  try {
    return await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  } catch {
    return undefined;
  }
};

const decodeBase64 = (text: string): Uint8Array<ArrayBuffer> | undefined => {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
};

const derLength = (length: number): number[] => {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
};

const wrapPkcs1 = (der: Uint8Array): Uint8Array<ArrayBuffer> => {
  const inner = [...RSA_PREFIX, 0x04, ...derLength(der.length), ...der];
  return Uint8Array.from([0x30, ...derLength(inner.length), ...inner]);
};

const toPem = (der: Uint8Array): string => {
  const base64 = btoa(String.fromCharCode(...der));
  return `-----BEGIN PRIVATE KEY-----\n${base64.replaceAll(/.{64}/g, "$&\n").trimEnd()}\n-----END PRIVATE KEY-----\n`;
};

/** A new key pair: the private half as PKCS#8 PEM, the public one as the `p=` of its record. */
export const generateDkimKey = async (algorithm: DkimAlgorithm): Promise<DkimKeyPair> => {
  const pair = await crypto.subtle.generateKey(keyParameters(algorithm), true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("generateKey gave no pair");
  return formatKeyPair(pair);
};
