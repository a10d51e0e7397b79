/**
 * A DKIM public key as people paste it: the record, quoted as a zone file has it or not, a PEM file, or bare base64.
 *
 * A private key is told from a public one, so that it goes no further and its owner makes a new one. Whether the key is
 * strong is not asked here.
 */
import { readPublicKey } from "#dns/dkim-public-key.ts";
import { type DkimKey, parseDkimRecord } from "#dns/dkim-record.ts";

export type PastedKey = { kind: "key"; key: DkimKey } | { kind: "refused"; text: string };

/** SubjectPublicKeyInfo of an Ed25519 key, up to its 32 octets (RFC 8410 §4), in base64. */
const ED25519_HEAD = /^MCowBQYDK2VwAyEA/;
/** 32 octets in base64. */
const BARE_ED25519 = /^[A-Za-z0-9+/]{43}=$/;

/**
 * PEM of any kind, PuTTY, JWK; and without any of their words the base64 of PKCS #8 and PKCS #1 (RSA, Ed25519, EC), which
 * begins with a SEQUENCE and in it the version, where a public key has no number or a long one. Of the 32 octets of an
 * Ed25519 key nobody can say which half they are.
 */
export const PRIVATE_KEY =
  /PRIVATE KEY|Private-Lines|"d"\s*:|(?:^|[\s"=])(?:MI[I-L][\w+/]{2}[AQgw]IBA|MC4CAQAw|MHcCAQEE)/;

/** Stands for one that was let go of. */
export const WITHHELD_KEY = "PRIVATE KEY";

const PRIVATE_TEXT =
  "This is a private key. It was not kept, but it has left your machine: make a new pair, and paste the public half.";

const refused = (text: string): PastedKey => ({ kind: "refused", text });

export const readPastedKey = (pasted: string): PastedKey => {
  if (PRIVATE_KEY.test(pasted)) return refused(PRIVATE_TEXT);
  const unquoted = pasted.includes('"')
    ? [...pasted.matchAll(/"([^"]*)"/g)].map(([, text = ""]) => text).join("")
    : pasted;
  if (!/(^|;)\s*p\s*=/.test(unquoted)) return whole(bareKey(unquoted.replaceAll(/-----[A-Z ]+-----|\s+/g, "")));
  const record = parseDkimRecord(unquoted);
  if (record.kind === "malformed") return refused(`This is no DKIM record: ${record.reason}.`);
  if (record.kind === "revoked") return refused("This record has an empty p=, which revokes a key (RFC 6376 §3.6.1).");
  return whole(record.key);
};

const bareKey = (base64: string): DkimKey => {
  if (BARE_ED25519.test(base64)) return { algorithm: "ed25519-sha256", publicKeyBase64: base64 };
  if (!ED25519_HEAD.test(base64)) return { algorithm: "rsa-sha256", publicKeyBase64: base64 };
  // RFC 8463 §4.2: the record has the octets alone. The head's 12 are 16 characters.
  return { algorithm: "ed25519-sha256", publicKeyBase64: base64.slice(16) };
};

const whole = (key: DkimKey): PastedKey => {
  const read = readPublicKey(key);
  if (read.kind === "truncated") return refused("This key was cut off: paste all of it.");
  if (read.kind === "malformed") return refused("This is no public key: paste the record, a PEM file, or its base64.");
  return { kind: "key", key };
};
