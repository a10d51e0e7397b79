/**
 * Who wrote a DMARC report that came by mail: the organization that it names, when the mail is proved to be of it.
 *
 * Reports are sent so that DMARC passes (RFC 7489 §7.2.1.1), and what is not proved is anybody's: without this everybody
 * who reads the address in the DNS could write statistics. A proved author may still say what is not so.
 */
import type { MailedReport } from "#contract/dmarc-report.ts";
import { parseDomain } from "#dns/domain.ts";
import { organizationalByList, type PublicSuffixes } from "#dns/public-suffix.ts";

/** `authenticated`: domains that passed SPF or DKIM. The organizational domain of the author; `undefined`: nobody is proved. */
export const reportAuthor = (
  { reporter = "", organization }: Pick<MailedReport, "reporter" | "organization">,
  authenticated: readonly string[],
  suffixes: PublicSuffixes,
): string | undefined => {
  const organizations = (names: readonly string[]): string[] =>
    names.flatMap((name) => {
      const parsed = parseDomain(name);
      return parsed.kind === "domain" ? [organizationalByList(parsed.domain, suffixes)] : [];
    });
  const proved = new Set(organizations(authenticated));
  return organizations([reporter, organization]).find((claimed) => proved.has(claimed));
};
