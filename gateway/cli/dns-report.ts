/**
 * A report of findings as people read it, the worst first, and as an exit status: a sure fault is a no, what could not
 * be found out is unknown, a warning is no fault.
 */
import { styleText } from "node:util";
import type { CheckStatus } from "#dns/check.ts";
import { type Finding, type FindingStatus, worstFirst } from "#dns/finding.ts";
import { EXIT, type Exit } from "./surroundings.ts";

/** How a command that checked something ends. */
export const EXIT_OF: Record<CheckStatus, Exit> = {
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

/** Its findings in words, the worst first; `subject`: what the report is about. */
export const describeReport = (
  subject: string,
  { status, findings }: { status: CheckStatus; findings: readonly Finding[] },
  colours: boolean,
): string =>
  [
    `${subject}: ${sign(status, colours)}`,
    ...worstFirst(findings).map((finding) => describeFinding(finding, colours)),
  ].join("\n\n");

const describeFinding = ({ code, status, name, text, fix, evidence, rfc }: Finding, colours: boolean): string =>
  [
    `${sign(status, colours)}  ${code}  ${name}`,
    `  ${text}`,
    // What passes needs no proof on a screen; `--json` has it.
    ...(status === "pass" ? [] : evidence.map((line) => faint(`  seen: ${line}`, colours))),
    ...(fix === undefined ? [] : [`  publish: ${fix}`]),
    ...(status === "pass" ? [] : [faint(`  ${rfc}`, colours)]),
  ].join("\n");

/** A status in a word, with its colour. */
export const sign = (status: FindingStatus, colours: boolean): string => {
  const [text, colour] = SIGN[status];
  return colours ? styleText(colour, text, { validateStream: false }) : text;
};

/** What is there for who looks closer. */
export const faint = (text: string, colours: boolean): string =>
  colours ? styleText("dim", text, { validateStream: false }) : text;
