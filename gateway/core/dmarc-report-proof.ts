/**
 * The address for the DMARC reports of an account's domain, and which domain an address is for.
 */
import {
  formatReportAddress,
  parseReportAddress,
  type ReportAddressToken,
  reportAddressSignedText,
} from "#contract/dmarc-report-address.ts";
import { base32 } from "#contract/ids.ts";
import { accountMac } from "./return-path-key.ts";
import { sameText } from "./token.ts";

export const reportAddressOf = async (
  masterKey: string,
  token: ReportAddressToken,
  bounceDomain: string,
): Promise<string> =>
  formatReportAddress(token, await accountMac(masterKey, token.account, reportAddressSignedText(token)), bounceDomain);

/** `undefined`: no address of ours. */
export const proveReportAddress = async (
  masterKey: string,
  address: string,
): Promise<ReportAddressToken | undefined> => {
  const parsed = parseReportAddress(address.slice(0, Math.max(0, address.lastIndexOf("@"))));
  if (!parsed) return undefined;
  const { mac, ...token } = parsed;
  const wanted = base32(await accountMac(masterKey, token.account, reportAddressSignedText(token)), mac.length);
  return sameText(mac, wanted) ? token : undefined;
};
