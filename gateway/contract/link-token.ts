/**
 * The links that a message carries for one recipient alone: `<base>/u/<token>` to unsubscribe, `<base>/c/<token>?u=<target>`
 * behind a link, `<base>/o/<token>` behind the picture that tells of an open.
 *
 * A token is `<account>.<k of the delivery in base 36>.<mac>`. The mac is HMAC-SHA256 with the account's return-path
 * key over a text of its own for each purpose, so none serves another; that of a click has the target in it, so that we
 * redirect nobody to where no mail of ours pointed. Nothing expires. Computing the mac is the caller's.
 */
import { base32, isAccountId } from "./ids.ts";

export type LinkToken = { account: string; k: number };

const MAC_LENGTH = 16;
const FORM = /^([0-9a-z]{12})\.([1-9a-z][0-9a-z]{0,10})\.([0-9a-z]{16})$/;

const delivery = ({ account, k }: LinkToken): string => `${account}.${k.toString(36)}`;

/** The texts that macs are computed over. */
export const unsubscribeSignedText = (token: LinkToken): string => `unsubscribe ${delivery(token)}`;
export const openSignedText = (token: LinkToken): string => `open ${delivery(token)}`;
export const clickSignedText = (token: LinkToken, target: string): string => `click ${delivery(token)} ${target}`;

export const formatLinkToken = (token: LinkToken, hmacSha256: Uint8Array): string =>
  `${delivery(token)}.${base32(hmacSha256, MAC_LENGTH)}`;

/** `mac` is still to be compared with `base32(hmac, 16)` in constant time. */
export const parseLinkToken = (text: string): (LinkToken & { mac: string }) | undefined => {
  const [, account = "", k = "", mac = ""] = FORM.exec(text) ?? [];
  const token = { account, k: Number.parseInt(k, 36), mac };
  return isAccountId(account) && Number.isSafeInteger(token.k) ? token : undefined;
};

/** `base`: an http or https URL without a slash at its end. `token`: as `formatLinkToken` wrote it for the purpose. */
export const unsubscribeUrl = (base: string, token: string): string => `${base}/u/${token}`;
export const openUrl = (base: string, token: string): string => `${base}/o/${token}`;
export const clickUrl = (base: string, token: string, target: string): string =>
  `${base}/c/${token}?u=${encodeURIComponent(target)}`;
