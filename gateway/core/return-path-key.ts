/**
 * The key that proves an account's return-paths: HMAC-SHA256 of the account id under the master key, in hex; and what
 * it makes of a text.
 */
import { toHex } from "./token.ts";

const utf8 = new TextEncoder();

export const returnPathKey = async (masterKey: string, account: string): Promise<string> =>
  toHex(await derive(masterKey, account));

/** HMAC-SHA256 of a text with the account's key: 32 bytes. */
export const accountMac = async (masterKey: string, account: string, text: string): Promise<Uint8Array> =>
  new Uint8Array(await hmac(await derive(masterKey, account), text));

const derive = (masterKey: string, account: string): Promise<ArrayBuffer> =>
  hmac(utf8.encode(`return-path ${masterKey}`), account);

const hmac = async (secret: BufferSource, text: string): Promise<ArrayBuffer> => {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", key, utf8.encode(text));
};
