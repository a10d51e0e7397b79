/**
 * Where the DMARC reports of one domain of an account come: `dmarc-<account>.<k>.<mac>@<bounce domain>`, to be named in
 * the `rua` of its record. `k` is the domain's key in base 36; case may be folded.
 *
 * The mac is HMAC-SHA256 with the account's return-path key over a text of its own, so it serves nothing else. It stands
 * in the DNS for everybody to read: it says whose domain the address is for, never who wrote the report. Nothing expires.
 * Computing the mac is the caller's.
 */
import { base32, isAccountId } from "./ids.ts";

export type ReportAddressToken = { account: string; k: number };

const MAC_LENGTH = 16;
const FORM = /^dmarc-([0-9a-z]{12})\.([1-9a-z][0-9a-z]{0,10})\.([0-9a-z]{16})$/;

const domainKey = ({ account, k }: ReportAddressToken): string => `${account}.${k.toString(36)}`;

/** The text that the mac is computed over. */
export const reportAddressSignedText = (token: ReportAddressToken): string => `dmarc-report ${domainKey(token)}`;

export const formatReportAddress = (token: ReportAddressToken, hmacSha256: Uint8Array, bounceDomain: string): string =>
  `dmarc-${domainKey(token)}.${base32(hmacSha256, MAC_LENGTH)}@${bounceDomain}`;

/** Reads the local part of an address; `mac` is still to be compared with `base32(hmac, 16)` in constant time. */
export const parseReportAddress = (localPart: string): (ReportAddressToken & { mac: string }) | undefined => {
  const [, account = "", k = "", mac = ""] = FORM.exec(localPart.toLowerCase()) ?? [];
  const token = { account, k: Number.parseInt(k, 36), mac };
  return isAccountId(account) && Number.isSafeInteger(token.k) ? token : undefined;
};
