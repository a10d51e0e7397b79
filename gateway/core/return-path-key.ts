/**
 * The key that proves an account's return-paths: HMAC-SHA256 of the account id under the master key, in hex.
 */
import { toHex } from "./token.ts";

const utf8 = new TextEncoder();

export const returnPathKey = async (masterKey: string, account: string): Promise<string> => {
  const secret = utf8.encode(`return-path ${masterKey}`);
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return toHex(await crypto.subtle.sign("HMAC", key, utf8.encode(account)));
};
