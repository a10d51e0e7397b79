/**
 * `hikyaku dns check`: a domain as receivers see it, finding by finding, the worst first.
 *
 * With `--json` the report of the library is what is written. Exit status: a sure fault is a no, what could not be
 * found out is unknown, a warning is no fault.
 */
import { styleText } from "node:util";
import { checkDomain, type CheckStatus, type DomainReport } from "#dns/check.ts";
import { type Finding, type FindingStatus, worstFirst } from "#dns/finding.ts";
import { COMMON_SUFFIXES } from "#dns/public-suffix.ts";
import { type ResolverOptions, resolverRun, sendingDomain, type SendingOptions } from "./dns-options.ts";
import { EXIT, type Exit, type Surroundings } from "./surroundings.ts";

export type CheckOptions = ResolverOptions & SendingOptions & { json?: boolean };

export const check = async (typed: string, options: CheckOptions, around: Surroundings): Promise<Exit> => {
  const sending = sendingDomain(typed, options, around);
  const run = resolverRun(options);
  const report = await checkDomain(sending, COMMON_SUFFIXES, run.resolve);
  const cut = run.cut();
  if (cut !== undefined) around.err(`hikyaku: not all was looked at: ${cut}`);
  around.out(options.json === true ? JSON.stringify(report) : describe(report, around.colours === true));
  return EXIT_OF[report.status];
};

const EXIT_OF: Record<CheckStatus, Exit> = {
  pass: EXIT.done,
  warn: EXIT.done,
  fail: EXIT.no,
  indeterminate: EXIT.unknown,
};

const SIGN = {
  pass: ["✓ pass", "green"],
  warn: ["! warn", "yellow"],
  fail: ["✗ fail", "red"],
  indeterminate: ["? unknown", "magenta"],
  not_applicable: ["- open", "gray"],
} as const;

const describe = ({ domain, status, findings }: DomainReport, colours: boolean): string => {
  return [
    `${domain}: ${sign(status, colours)}`,
    ...worstFirst(findings).map((finding) => describeFinding(finding, colours)),
  ].join("\n\n");
};

const describeFinding = ({ code, status, name, text, fix, evidence, rfc }: Finding, colours: boolean): string =>
  [
    `${sign(status, colours)}  ${code}  ${name}`,
    `  ${text}`,
    // What passes needs no proof on a screen; `--json` has it.
    ...(status === "pass" ? [] : evidence.map((line) => faint(`  seen: ${line}`, colours))),
    ...(fix === undefined ? [] : [`  publish: ${fix}`]),
    ...(status === "pass" ? [] : [faint(`  ${rfc}`, colours)]),
  ].join("\n");

const sign = (status: FindingStatus, colours: boolean): string => {
  const [text, colour] = SIGN[status];
  return colours ? styleText(colour, text, { validateStream: false }) : text;
};

const faint = (text: string, colours: boolean): string =>
  colours ? styleText("dim", text, { validateStream: false }) : text;
