/**
 * What a sending domain, as it is checked, has to have published: the requirement that a plan brings about.
 */
import type { SendingDomain } from "./check.ts";
import type { DkimKey } from "./dkim-record.ts";
import type { DmarcWish } from "./dmarc-merge.ts";
import type { Requirement } from "./need.ts";
import { keyRecords, sendingRecords } from "./requirement.ts";
import { wantedSpf } from "./spf-wanted.ts";

/** Of a selector that is published, the key is known. `returnPath` is the domain or below it. */
export type PublishingDomain = Omit<SendingDomain, "selectors"> & {
  selectors: readonly { selector: string; key: DkimKey }[];
};

export const sendingRequirement = (sending: PublishingDomain, dmarc: DmarcWish): Requirement => {
  const { domain, returnPath, includes, addresses, bounceHost } = sending;
  const selectors = sending.selectors.map(({ selector, key }) => ({ selector, ...key }));
  const spf = wantedSpf({ includes, addresses });
  // The MX of the domain itself is its owner's; bounces come to it as all mail does.
  if (returnPath === domain) return { domain, records: keyRecords(selectors), apexSpf: spf, dmarc };
  const label = returnPath.slice(0, -domain.length - 1);
  const bounce = bounceHost === undefined ? {} : { bounceHost };
  return { domain, records: sendingRecords({ returnPath: label, selectors, spf, ...bounce }), dmarc };
};
