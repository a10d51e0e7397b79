/**
 * The one TXT record by which a domain says that it uses MTA-STS, TLS-RPT or BIMI: found, or what keeps it from being
 * found.
 *
 * Nobody requires any of them, so no fault here is more than a warning, and a record that is not there is no finding.
 * What a record says is read elsewhere.
 */
import type { Finding, FindingCode } from "./finding.ts";
import { evidenceOf, notFoundOut, shown } from "./look-up-findings.ts";
import { txtText, type Resolve } from "./resolver.ts";

export type BonusKind = {
  /** As people say it. */
  what: string;
  /** How a record begins, as it is to be written. */
  start: string;
  /** Whether a text counts as a record; all others at the name are skipped. */
  counts: (text: string) => boolean;
  /** Whether a text that does not count was meant to. */
  resembles: RegExp;
  /** What becomes of a domain whose record cannot be used. */
  effect: string;
  codes: { multiple: FindingCode; syntax: FindingCode };
  rfc: string;
};

export type FoundBonus =
  | { kind: "none" }
  | { kind: "record"; text: string; evidence: readonly string[] }
  | { kind: "fault"; finding: Finding };

/** A longer text was not meant to be a record. */
const LONGEST_RECORD_CHARACTERS = 2000;
const LONGEST_NAME_OCTETS = 253;
const QUOTED_CHARACTERS = 120;

/** Looks the record up at `name`. */
export const lookUpBonus = async (
  name: string,
  kind: BonusKind,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<FoundBonus> => {
  if (name.length > LONGEST_NAME_OCTETS) return { kind: "none" };
  const answer = await resolve(name, "TXT", signal);
  if ("reason" in answer) return { kind: "fault", finding: notFoundOut(name, "TXT", answer) };
  if (answer.kind !== "records") return { kind: "none" };
  const evidence = evidenceOf(name, "TXT", answer);
  const fault = (code: FindingCode, text: string): FoundBonus => ({
    kind: "fault",
    finding: { code, status: "warn", name, text: shown(text), evidence, rfc: kind.rfc },
  });
  const texts = answer.records.map(txtText);
  const [text, ...others] = texts.filter(kind.counts);
  if (others.length > 0) {
    const seen = `${name} has ${others.length + 1} ${kind.what} records, so ${kind.effect}. Keep one and delete the rest.`;
    return fault(kind.codes.multiple, seen);
  }
  if (text !== undefined) return { kind: "record", text, evidence };
  const meant = texts.find((near) => near.length <= LONGEST_RECORD_CHARACTERS && kind.resembles.test(near));
  if (meant === undefined) return { kind: "none" };
  const seen = `The record at ${name} does not begin with \`${kind.start}\`, letter by letter, so ${kind.effect}: \`${shown(meant, QUOTED_CHARACTERS)}\`. Correct its beginning.`;
  return fault(kind.codes.syntax, seen);
};

/** The finding for a record that counts and cannot be used; `reason`: a clause that follows "for". */
export const unusableBonus = (
  name: string,
  { what, effect, codes, rfc }: BonusKind,
  { reason, evidence }: { reason: string; evidence: readonly string[] },
): Finding => ({
  code: codes.syntax,
  status: "warn",
  name,
  text: shown(`The ${what} record at ${name} cannot be used, for ${reason}, so ${effect}. Correct it.`),
  evidence,
  rfc,
});
