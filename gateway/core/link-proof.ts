/**
 * Whether a link that somebody follows is one that we have put into a mail: no object is asked before it is proved.
 */
import { base32 } from "#contract/ids.ts";
import { type LinkToken, parseLinkToken } from "#contract/link-token.ts";
import { accountMac } from "./return-path-key.ts";
import { sameText } from "./token.ts";

/** `signedText`: of the purpose that the token has to be for. `undefined`: it is not ours, or for another. */
export const proveLink = async (
  masterKey: string,
  text: string,
  signedText: (token: LinkToken) => string,
): Promise<LinkToken | undefined> => {
  const parsed = parseLinkToken(text);
  if (!parsed) return undefined;
  const { mac, ...token } = parsed;
  const wanted = base32(await accountMac(masterKey, token.account, signedText(token)), mac.length);
  return sameText(mac, wanted) ? token : undefined;
};
