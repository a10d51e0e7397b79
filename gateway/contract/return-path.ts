/**
 * The envelope sender of each delivery: `<account>.<k>.<attempt>.<mac>@<bounce domain>`, all lower-case
 * base32/36, so a receiver that folds case changes nothing, and at most 60 octets (RFC 5321 §4.5.3.1.1).
 *
 * The mac is HMAC-SHA256 over `account.k.attempt` with the account's return-path key, cut to 16 base32
 * characters: a bounce that does not carry it proves nothing. Computing it is the caller's (relays have
 * it in Node, the gateway in WebCrypto); this file only writes and reads the form.
 */
import { base32, isAccountId } from "./ids.ts";

export type ReturnPathToken = { account: string; k: number; attempt: number };

const MAC_LENGTH = 16;
const FORM = /^([0-9a-z]{12})\.([0-9a-z]{1,11})\.([0-9a-z]{1,4})\.([0-9a-z]{16})$/;

/** The text that the mac is computed over. */
export const returnPathSignedText = (token: ReturnPathToken): string =>
  `${token.account}.${token.k.toString(36)}.${token.attempt.toString(36)}`;

export const formatReturnPath = (token: ReturnPathToken, hmacSha256: Uint8Array, bounceDomain: string): string =>
  `${returnPathSignedText(token)}.${base32(hmacSha256, MAC_LENGTH)}@${bounceDomain}`;

/** Reads the local part of an address; `mac` is still to be compared with `base32(hmac, 16)` in constant time. */
export const parseReturnPath = (localPart: string): (ReturnPathToken & { mac: string }) | undefined => {
  const match = FORM.exec(localPart.toLowerCase());
  if (!match) return undefined;
  const [, account = "", k = "", attempt = "", mac = ""] = match;
  const token = { account, k: Number.parseInt(k, 36), attempt: Number.parseInt(attempt, 36), mac };
  return isAccountId(account) && Number.isSafeInteger(token.k) ? token : undefined;
};
