/**
 * Who wrote a DMARC report that came by mail: the organization in its From, when SPF or DKIM proves the mail to be of it.
 *
 * Reports are sent so that DMARC passes (RFC 7489 §7.2.1.1), and what is not proved is anybody's: without this everybody
 * who reads the address in the DNS could write statistics. What the report calls its author is not looked at, for large
 * receivers write from other domains than they name. A proved author may still say what is not so.
 */
import { parseDomain } from "#dns/domain.ts";
import { organizationalByList, type PublicSuffixes } from "#dns/public-suffix.ts";

/** `authenticated`: domains that passed SPF or DKIM. The organizational domain of `from`; `undefined`: it is not proved. */
export const reportAuthor = (
  from: string | undefined,
  authenticated: readonly string[],
  suffixes: PublicSuffixes,
): string | undefined => {
  const organizationOf = (name: string): string | undefined => {
    const parsed = parseDomain(name);
    return parsed.kind === "domain" ? organizationalByList(parsed.domain, suffixes) : undefined;
  };
  const author = organizationOf(from ?? "");
  return authenticated.some((name) => organizationOf(name) === author) ? author : undefined;
};
