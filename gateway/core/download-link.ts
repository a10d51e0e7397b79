/**
 * Links to what an account has received: whoever has one may read that one thing until it expires, and needs no key.
 *
 * The mac is HMAC-SHA256 over all that the link names, with a key of its own drawn from the master key: nothing in it
 * can be changed, and a link that is not ours wakes no account.
 */
import { base32, isAccountId } from "#contract/ids.ts";
import { sameText } from "./token.ts";

/** `part`: `raw`, or the id of an attachment. `expires`: Unix time, seconds. */
export type Download = { account: string; email: string; part: string; expires: number };

export const DOWNLOAD_SECONDS = 3600;

const MAC_LENGTH = 26;
const utf8 = new TextEncoder();

/** Path and query, for `DOWNLOAD_SECONDS` from `nowMs`. */
export const downloadLink = async (
  masterKey: string,
  what: Omit<Download, "expires">,
  nowMs: number,
): Promise<{ path: string; expiresMs: number }> => {
  const expires = Math.floor(nowMs / 1000) + DOWNLOAD_SECONDS;
  const mac = await macOf(masterKey, { ...what, expires });
  return {
    path: `/received/${what.account}/${what.email}/${what.part}?expires=${expires}&signature=${mac}`,
    expiresMs: expires * 1000,
  };
};

/** `forged`: it is not ours, or was changed. */
export const verifyDownload = async (
  masterKey: string,
  what: Download,
  signature: string,
  nowMs: number,
): Promise<"valid" | "expired" | "forged"> => {
  if (!isAccountId(what.account) || !Number.isSafeInteger(what.expires)) return "forged";
  if (!sameText(signature, await macOf(masterKey, what))) return "forged";
  return what.expires * 1000 > nowMs ? "valid" : "expired";
};

const macOf = async (masterKey: string, { account, email, part, expires }: Download): Promise<string> => {
  const secret = utf8.encode(`received-download ${masterKey}`);
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signed = utf8.encode(JSON.stringify([account, email, part, expires]));
  return base32(new Uint8Array(await crypto.subtle.sign("HMAC", key, signed)), MAC_LENGTH);
};
