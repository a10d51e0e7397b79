/**
 * What the large mailbox providers ask of the authentication of a message, as a table, and a message judged by it.
 *
 * None of them says by which edition of DMARC it finds alignment, so what holds under one only is a warning. Only what
 * the DNS can show is here: complaint rates, unsubscribing and TLS are not.
 */
import type { Alignment, Authenticated, DmarcVerdict, Known } from "./align.ts";
import type { FindingStatus } from "./finding.ts";

export type Provider = "Google" | "Yahoo" | "Microsoft";
export type RequirementName = "spf-or-dkim" | "spf" | "dkim" | "dmarc" | "aligned" | "both-aligned";

export type ProviderRule = {
  provider: Provider;
  requirement: RequirementName;
  /** `bulk`: from 5,000 messages a day on. */
  volume: "any" | "bulk";
  /** `advised`: nothing is refused for it. */
  force: "required" | "advised";
  /** How the provider answers what fails; absent: it publishes none. */
  reply?: string;
};

const rule = (
  provider: Provider,
  requirement: RequirementName,
  volume: "any" | "bulk",
  reply?: string,
): ProviderRule => ({ provider, requirement, volume, force: "required", ...(reply !== undefined && { reply }) });

/** support.google.com/a/answer/81126 and Microsoft's of May 2025; of Yahoo's rules only secondary sources are known. */
export const PROVIDER_RULES: readonly ProviderRule[] = [
  rule("Google", "spf-or-dkim", "any", "5.7.26"),
  rule("Google", "spf", "bulk", "4.7.27 or 5.7.27"),
  rule("Google", "dkim", "bulk", "4.7.30 or 5.7.30"),
  rule("Google", "dmarc", "bulk", "4.7.31, 4.7.40 or 5.7.40"),
  rule("Google", "aligned", "bulk", "4.7.32 or 5.7.32"),
  rule("Yahoo", "spf-or-dkim", "any"),
  rule("Yahoo", "spf", "bulk"),
  rule("Yahoo", "dkim", "bulk"),
  rule("Yahoo", "dmarc", "bulk"),
  rule("Yahoo", "aligned", "bulk"),
  rule("Microsoft", "spf", "bulk", "550 5.7.515"),
  rule("Microsoft", "dkim", "bulk", "550 5.7.515"),
  rule("Microsoft", "dmarc", "bulk", "550 5.7.515"),
  rule("Microsoft", "aligned", "bulk", "550 5.7.515"),
  { provider: "Microsoft", requirement: "both-aligned", volume: "bulk", force: "advised" },
];

export type ProviderVerdict = ProviderRule & { status: FindingStatus };

/** One verdict for each rule of the table, in its order. */
export const judgeByProviders = (message: Authenticated, alignment: Alignment): ProviderVerdict[] =>
  PROVIDER_RULES.map((each) => {
    const status = judge(each.requirement, message, alignment);
    return { ...each, status: status === "fail" && each.force === "advised" ? "warn" : status };
  });

const judge = (requirement: RequirementName, { spf, dkim }: Authenticated, alignment: Alignment): FindingStatus => {
  const passes = (condition: boolean): FindingStatus => (condition ? "pass" : "fail");
  switch (requirement) {
    case "spf-or-dkim":
      return passes(spf !== undefined || dkim.length > 0);
    case "spf":
      return passes(spf !== undefined);
    case "dkim":
      return passes(dkim.length > 0);
    case "dmarc":
      return underBoth(alignment, ({ result, policyDomain }) =>
        policyDomain !== undefined ? "yes" : result === "unknown" ? "unknown" : "no",
      );
    case "aligned":
      return underBoth(alignment, (verdict) => any(verdict, ["spf", "dkim"]));
    case "both-aligned":
      return underBoth(alignment, (verdict) => {
        const each = [any(verdict, ["spf"]), any(verdict, ["dkim"])];
        return each.includes("no") ? "no" : each.includes("unknown") ? "unknown" : "yes";
      });
  }
};

const any = ({ identifiers }: DmarcVerdict, mechanisms: readonly ("spf" | "dkim")[]): Known => {
  const found = identifiers.filter(({ mechanism }) => mechanisms.includes(mechanism)).map(({ aligned }) => aligned);
  return found.includes("yes") ? "yes" : found.includes("unknown") ? "unknown" : "no";
};

const underBoth = ({ rfc9989, rfc7489 }: Alignment, test: (verdict: DmarcVerdict) => Known): FindingStatus => {
  const [now, before] = [test(rfc9989), test(rfc7489)];
  if (now === "unknown" || before === "unknown") return "indeterminate";
  if (now === before) return now === "yes" ? "pass" : "fail";
  return "warn";
};
