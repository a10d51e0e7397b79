/**
 * Why receivers find no DMARC record where there might have been one: two records, one in quotes, one that is no
 * record by a slip, one in the wrong place, or none at all.
 *
 * The first mistake on the way up the tree is the cause, and the only one told. A record that was found is not judged
 * here.
 */
import type { WalkStep } from "./dmarc-discovery.ts";
import { appliedPolicies, formatDmarc, parseDmarc } from "./dmarc.ts";
import type { Finding } from "./finding.ts";
import { shown } from "./look-up-findings.ts";
import { txtText, type Resolve } from "./resolver.ts";

const QUOTED_CHARACTERS = 120;
/** A longer text was not meant to be a record. */
const LONGEST_RECORD_CHARACTERS = 2000;
const LONGEST_NAME_OCTETS = 253;

const RESEMBLES = /\bv\s*=\s*dmarc|^\W*dmarc\s*1/i;
const VERSION_LIKE = /\bv\s*=\s*dmarc\s*\d*\s*[;,.:]?|^dmarc\s*\d+\s*[;,.:]?/i;
const QUOTES = /^[\s\\"'`´“”„‘’«»]+|[\s\\"'`´“”„‘’«»]+$/g;

type Mistake = Omit<Finding, "status">;

/** What keeps a receiver from reading what stands at `_dmarc.<domain>`; undefined: nothing meant for DMARC does. */
export const findSlip = ({ name, found }: WalkStep): Mistake | undefined => {
  switch (found.kind) {
    case "several":
      return several(name, found.texts);
    case "malformed": {
      const text = `The DMARC record at ${name} cannot be read, because ${found.reason}: receivers discard it. Delete one of the two.`;
      return { code: "dmarc.syntax", name, text, evidence: evidence(name, [found.text]), rfc: "RFC 6376 §3.2" };
    }
    case "none":
      return unreadable(name, found.texts);
    case "record":
    case "unknown":
      return undefined;
  }
};

const evidence = (name: string, texts: readonly string[]): string[] =>
  texts.slice(0, 20).map((text) => shown(`${name} TXT "${text}"`));

const several = (name: string, texts: readonly string[]): Mistake => {
  const useful = texts.filter((text) => {
    const parsed = parseDmarc(text);
    return parsed.kind === "record" && appliedPolicies(parsed) !== undefined;
  });
  const keep = useful.find((text) => /[;\s]rua\s*=/i.test(text)) ?? useful[0] ?? texts[0] ?? "";
  const text = `${name} has ${texts.length} DMARC records: receivers discard all of them. Make the record below the only one.`;
  return { code: "dmarc.multiple", name, text, fix: keep, evidence: evidence(name, texts), rfc: "RFC 9989 §4.10" };
};

const unreadable = (name: string, texts: readonly string[]): Mistake | undefined => {
  const meant = texts.find((text) => text.length <= LONGEST_RECORD_CHARACTERS && RESEMBLES.test(text));
  if (meant === undefined) return undefined;
  const about = { name, evidence: evidence(name, [meant]), rfc: "RFC 9989 §4.7" };
  const bare = meant.replaceAll(QUOTES, "");
  if (parseDmarc(bare).kind === "record") {
    const text = `The record at ${name} has quotes in its text, so it does not begin with v=DMARC1 and receivers pass over it. Enter it without quotes.`;
    return { ...about, code: "dmarc.quotes", text, fix: bare };
  }
  const fix = mend(bare);
  const text = `The record at ${name} does not begin with \`v=DMARC1;\`, letter by letter, so receivers pass over it: \`${shown(meant, QUOTED_CHARACTERS)}\`. Replace it.`;
  return { ...about, code: "dmarc.syntax", text, ...(fix !== undefined && { fix }) };
};

/** The record with its version put right; undefined when that does not make one with a policy of it. */
const mend = (text: string): string | undefined => {
  const parsed = parseDmarc(`v=DMARC1; ${text.replaceAll("\\", "").replace(VERSION_LIKE, "")}`);
  if (parsed.kind !== "record" || !appliedPolicies(parsed)) return undefined;
  if (!parsed.faults.every(({ kind }) => kind === "historic-tag")) return undefined;
  // RFC 9989 §4.10.1: without a policy it was none.
  return formatDmarc({ ...parsed.record, p: parsed.record.p ?? "none" });
};

/** A record at a name near the right one, of `domain` or of the organization: `fix` is its text, `name` the right one. */
export const findMisplaced = async (
  domain: string,
  organization: string,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Mistake | undefined> => {
  const places = [...new Set([domain, organization])].flatMap((at) => [
    { at, name: at, hint: `Move it to \`_dmarc.${at}\`.` },
    {
      at,
      name: `_dmarc.${at}.${at}`,
      hint: `Your DNS panel adds ${at} itself: enter only \`_dmarc\` as the host.`,
    },
    { at, name: `dmarc.${at}`, hint: `Move it to \`_dmarc.${at}\`, with the underscore.` },
  ]);
  const looked = places.filter(({ name }) => name.length <= LONGEST_NAME_OCTETS);
  const answers = await Promise.all(looked.map(({ name }) => resolve(name, "TXT", signal)));
  for (const [index, { at, name, hint }] of looked.entries()) {
    const answer = answers[index];
    if (answer?.kind !== "records") continue;
    const fix = answer.records.map(txtText).find((text) => parseDmarc(text).kind === "record");
    if (fix === undefined) continue;
    const text = `A DMARC record stands at ${name}, where no receiver looks; they look at _dmarc.${at}. ${hint}`;
    return {
      code: "dmarc.wrong-name",
      name: `_dmarc.${at}`,
      text,
      fix,
      evidence: evidence(name, [fix]),
      rfc: "RFC 9989 §4.5",
    };
  }
  return undefined;
};
