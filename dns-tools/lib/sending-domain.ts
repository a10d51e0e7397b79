/**
 * A sending domain as it is to be checked or brought about: its names, and what is known of who sends for it.
 *
 * Nothing but the domain is a record of the owner's; what stands in the DNS is not known here.
 */
import type { DkimKey } from "./dkim-record.ts";
import type { DmarcWish } from "./dmarc-merge.ts";

/** Names as `parseDomain` gives them. */
export type SendingDomain = {
  /** Of the From. */
  domain: string;
  /** The domain of return-path addresses; it may be `domain` itself. */
  returnPath: string;
  selectors: readonly { selector: string; key?: DkimKey }[];
  /** Whose SPF records name the relays, and addresses of relays. */
  includes: readonly string[];
  addresses: readonly string[];
  /** Where bounces to the return-path go; absent: nothing is known of it. */
  bounceHost?: string;
  /** What is wished of the policy; absent: where there is none, one that changes nothing is advised. */
  dmarc?: DmarcWish;
};
