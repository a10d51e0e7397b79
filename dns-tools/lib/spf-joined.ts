/**
 * Terms of an SPF record that have run into each other: panels cut a long record into strings, and receivers join those
 * without a space (RFC 7208 §3.3).
 *
 * Only a word that is wrong as it stands is to be asked about: some that are right could be cut too.
 */
import { parseSpf, type SpfTerm } from "./spf.ts";

/** What such a word is, for the middle of a sentence. */
export const JOINED_WITHOUT_SPACE =
  "two terms with no space between them (the strings of one TXT record are joined without one)";

/** Where a second term begins: no name of a host has a colon or an equals sign. */
const SECOND = /^(.+?)((?:[-+?~]?(?:include|exists|ip4|ip6|mx|ptr|a):|(?:redirect|exp)=|[-+?~]all$).*)$/i;

/** The terms in a word; `undefined`: it is not several, or they are wrong by themselves too. */
export const splitTerms = (word: string): SpfTerm[] | undefined => {
  const [, first = "", rest = ""] = SECOND.exec(word) ?? [];
  if (first === "") return undefined;
  const parsed = parseSpf(`v=spf1 ${first}`);
  if (parsed.kind !== "record") return undefined;
  const others = splitTerms(rest) ?? termsIn(rest);
  return others && [...parsed.terms, ...others];
};

const termsIn = (word: string): SpfTerm[] | undefined => {
  const parsed = parseSpf(`v=spf1 ${word}`);
  return parsed.kind === "record" ? parsed.terms : undefined;
};
