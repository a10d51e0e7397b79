/**
 * `hikyaku dns check`: a domain as receivers see it, finding by finding, the worst first.
 *
 * With `--json` the report of the library is what is written.
 */
import { checkDomain } from "#dns/check.ts";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import {
  policyFetching,
  type ResolverOptions,
  resolverRun,
  sendingDomain,
  type SendingOptions,
} from "./dns-options.ts";
import { describeReport, EXIT_OF } from "./dns-report.ts";
import type { Exit, Surroundings } from "./surroundings.ts";

export type CheckOptions = ResolverOptions & SendingOptions & { json?: boolean };

export const check = async (typed: string, options: CheckOptions, around: Surroundings): Promise<Exit> => {
  const sending = sendingDomain(typed, options, around);
  const run = resolverRun(options);
  const report = await checkDomain(sending, PUBLIC_SUFFIXES, run.resolve, undefined, policyFetching(run.resolve));
  const cut = run.cut();
  if (cut !== undefined) around.err(`hikyaku: not all was looked at: ${cut}`);
  around.out(
    options.json === true ? JSON.stringify(report) : describeReport(report.domain, report, around.colours === true),
  );
  return EXIT_OF[report.status];
};
