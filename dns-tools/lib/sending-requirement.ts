/**
 * What a sending domain has to have published, as far as it is known who sends and with which keys: the requirement that
 * a plan brings about.
 *
 * Only what stands at the domain and below it: a return-path elsewhere is in another zone, which is not planned here.
 */
import type { DkimKey } from "./dkim-record.ts";
import type { DmarcWish } from "./dmarc-merge.ts";
import type { Requirement } from "./need.ts";
import { keyRecords, sendingRecords } from "./requirement.ts";
import type { SendingDomain } from "./sending-domain.ts";
import { spfTermsOf, wantedSpf } from "./spf-wanted.ts";

/** Of a selector that is published, the key is known. */
export type PublishingDomain = Omit<SendingDomain, "selectors"> & {
  selectors: readonly { selector: string; key: DkimKey }[];
};

/** `dmarc`, absent: nothing is wished of the policy. */
export const sendingRequirement = (sending: PublishingDomain, dmarc?: DmarcWish): Requirement => {
  const { domain, returnPath, bounceHost } = sending;
  const selectors = sending.selectors.map(({ selector, key }) => ({ selector, ...key }));
  const spf = spfTermsOf(sending).length > 0 ? wantedSpf(sending) : undefined;
  const wish = dmarc && { dmarc };
  // The MX of the domain itself is its owner's; bounces come to it as all mail does.
  if (returnPath === domain) return { domain, records: keyRecords(selectors), ...(spf && { apexSpf: spf }), ...wish };
  if (!returnPath.endsWith(`.${domain}`)) return { domain, records: keyRecords(selectors), ...wish };
  const label = returnPath.slice(0, -domain.length - 1);
  const needs = { returnPath: label, selectors, ...(spf && { spf }), ...(bounceHost !== undefined && { bounceHost }) };
  return { domain, records: sendingRecords(needs), ...wish };
};
