/**
 * Bearer tokens: API keys `hk_<account>_<key>_<secret>_<tag>` and relay tokens `hr_<relay>_<secret>_<tag>`.
 *
 * The tag is an HMAC over all before it, so the Worker throws garbage away without asking an object. What
 * an object keeps is the SHA-256 of the secret, never the secret. Chance is an argument.
 */
import { base32 } from "#contract/ids.ts";

const utf8 = new TextEncoder();
const API_KEY = /^hk_([0-9a-z]{12})_([0-9a-z]{6})_[0-9a-z]{32}$/;
const RELAY_TOKEN = /^hr_([0-9a-z]{12})_[0-9a-z]{32}$/;
const TAG_LENGTH = 13;

export type ApiKeyClaims = { account: string; key: string; secretHash: string };
export type RelayClaims = { relay: string; secretHash: string };

/** The HMAC key for tags, drawn from the master key. */
export const tagKey = (masterKey: string): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", utf8.encode(`token-tag ${masterKey}`), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);

const tagOf = async (key: CryptoKey, signed: string): Promise<string> =>
  base32(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8.encode(signed))), TAG_LENGTH);

export const sha256Hex = async (text: string): Promise<string> =>
  toHex(await crypto.subtle.digest("SHA-256", utf8.encode(text)));

export const toHex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** A new API key; `random` is 38 bytes (6 for the key's id, 32 for the secret). */
export const mintApiKey = async (
  key: CryptoKey,
  account: string,
  random: Uint8Array,
): Promise<{ token: string; claims: ApiKeyClaims }> => {
  const id = base32(random, 6);
  const signed = `hk_${account}_${id}_${base32(random.subarray(6), 32)}`;
  return {
    token: `${signed}_${await tagOf(key, signed)}`,
    claims: { account, key: id, secretHash: await sha256Hex(signed) },
  };
};

/** A new relay token; `random` is 44 bytes (12 for the relay's id, 32 for the secret). */
export const mintRelayToken = async (
  key: CryptoKey,
  random: Uint8Array,
): Promise<{ token: string; claims: RelayClaims }> => {
  const relay = base32(random, 12);
  const signed = `hr_${relay}_${base32(random.subarray(12), 32)}`;
  return { token: `${signed}_${await tagOf(key, signed)}`, claims: { relay, secretHash: await sha256Hex(signed) } };
};

/** The part before the tag when the tag is ours, else `undefined`; never throws, whatever the text. */
const checkTag = async (key: CryptoKey, token: string): Promise<string | undefined> => {
  const cut = token.lastIndexOf("_");
  const signed = token.slice(0, Math.max(0, cut));
  if (token.length > 100 || !(API_KEY.test(signed) || RELAY_TOKEN.test(signed))) return undefined;
  return sameText(token.slice(cut + 1), await tagOf(key, signed)) ? signed : undefined;
};

/** What an API key claims; `undefined` when it was not minted here. Whether it still counts, the account says. */
export const readApiKey = async (key: CryptoKey, token: string): Promise<ApiKeyClaims | undefined> => {
  const signed = await checkTag(key, token);
  const [, account, id] = (signed && API_KEY.exec(signed)) || [];
  return signed && account && id ? { account, key: id, secretHash: await sha256Hex(signed) } : undefined;
};

export const readRelayToken = async (key: CryptoKey, token: string): Promise<RelayClaims | undefined> => {
  const signed = await checkTag(key, token);
  const [, relay] = (signed && RELAY_TOKEN.exec(signed)) || [];
  return signed && relay ? { relay, secretHash: await sha256Hex(signed) } : undefined;
};

/** Compares two texts in a time that depends on their lengths only. */
export const sameText = (a: string, b: string): boolean => {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i % (b.length || 1));
  return difference === 0;
};
