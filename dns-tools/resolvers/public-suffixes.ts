/**
 * The list of public suffixes of publicsuffix.org, as it stood when `tldts` was released.
 *
 * With it come the hosts that give customers names of their own (`pages.dev`), for one such customer is not the
 * organization of another. What follows from the list is in lib/public-suffix.ts.
 */
import { getPublicSuffix } from "tldts";
import type { PublicSuffixes } from "#dns/public-suffix.ts";

/** Names as `parseDomain` gives them. */
export const PUBLIC_SUFFIXES: PublicSuffixes = {
  has: (name) => getPublicSuffix(name, OPTIONS) === name,
};

/** Names of mail have underscores, which no suffix has: they are not to make the answer null. */
const OPTIONS = { allowPrivateDomains: true, validateHostname: false, extractHostname: false } as const;
