/**
 * `hikyaku dns align`: whether a message of this kind passes DMARC, under RFC 9989 and RFC 7489 side by side, and by the
 * rules of the large mailbox providers.
 *
 * That SPF passes for `--return-path` and signatures verify for each `--dkim` is taken as said.
 */
import { alignFindings } from "#dns/align-findings.ts";
import { align as judge, type Authenticated, type DmarcVerdict } from "#dns/align.ts";
import { judgeByProviders, type ProviderVerdict } from "#dns/provider-rules.ts";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import { domainArgument, type ResolverOptions, resolverRun, typedDomain } from "./dns-options.ts";
import { table } from "./show.ts";
import { EXIT, type Exit, type Surroundings } from "./surroundings.ts";

export type AlignOptions = ResolverOptions & { returnPath?: string; dkim?: string[]; json?: boolean };

export const align = async (typed: string, options: AlignOptions, around: Surroundings): Promise<Exit> => {
  const from = typedDomain(typed);
  const { returnPath, dkim = [] } = options;
  const message: Authenticated = {
    from,
    ...(returnPath !== undefined && { spf: domainArgument(returnPath, "return-path domain") }),
    dkim: dkim.map((name) => domainArgument(name)),
  };
  const alignment = await judge(message, PUBLIC_SUFFIXES, resolverRun(options).resolve);
  const findings = alignFindings(message, alignment);
  const providers = judgeByProviders(message, alignment);
  around.out(
    options.json === true
      ? JSON.stringify({ from, ...alignment, findings, providers })
      : [
          ...findings.map(({ text }) => text),
          "",
          verdictTable([
            ["RFC 9989", alignment.rfc9989],
            ["RFC 7489", alignment.rfc7489],
          ]),
          "",
          providerTable(providers),
        ].join("\n"),
  );
  const results = [alignment.rfc9989.result, alignment.rfc7489.result];
  if (findings.some(({ status }) => status === "fail") || results.includes("fail")) return EXIT.no;
  return results.includes("unknown") ? EXIT.unknown : EXIT.done;
};

const verdictTable = (rows: [string, DmarcVerdict][]): string =>
  table(
    ["RULES", "DMARC", "ORGANIZATION", "POLICY", "ALIGNED"],
    rows.map(([rules, { result, organizationalDomain, policy, policyDomain, identifiers }]) => [
      rules,
      result,
      organizationalDomain ?? "unknown",
      policyDomain === undefined ? "-" : `${policy ?? "?"} at ${policyDomain}`,
      identifiers.map(({ mechanism, domain, aligned }) => `${mechanism} ${domain}: ${aligned}`).join(", ") || "-",
    ]),
  );

const providerTable = (rows: readonly ProviderVerdict[]): string =>
  table(
    ["PROVIDER", "ASKS", "OF", "STATUS", "ELSE"],
    rows.map(({ provider, requirement, volume, force, status, reply }) => [
      provider,
      force === "advised" ? `${requirement} (advised)` : requirement,
      volume === "bulk" ? "5,000 a day and more" : "any mail",
      status,
      reply ?? "-",
    ]),
  );
