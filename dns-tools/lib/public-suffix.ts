/**
 * The Organizational Domain as receivers found it before RFC 9989: by a list of public suffixes (RFC 7489 §3.2).
 *
 * The list is an argument: which one a receiver has is anybody's guess, which is why the RFC gave it up. A real one is
 * in resolvers/public-suffixes.ts.
 */

/** `has`: whether a name is a public suffix, wildcards and exceptions counted in. Of names of one label it is not asked. */
export type PublicSuffixes = Pick<ReadonlySet<string>, "has">;

/** One label more than the longest suffix that fits; a suffix itself is its own. */
export const organizationalByList = (domain: string, suffixes: PublicSuffixes): string => {
  const labels = domain.split(".");
  const nameFrom = (at: number): string => labels.slice(at).join(".");
  const suffix = labels.findIndex((_, at) => at === labels.length - 1 || suffixes.has(nameFrom(at)));
  return nameFrom(Math.max(0, suffix - 1));
};
