/** A few public suffixes, for tests that are not about the list. */
import type { PublicSuffixes } from "#dns/public-suffix.ts";

export const SOME_SUFFIXES: PublicSuffixes = new Set([
  "co.uk",
  "com.au",
  "co.jp",
  "github.io",
  "pages.dev",
  "workers.dev",
]);
