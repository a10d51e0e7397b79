/**
 * SPF records (RFC 7208 §4.6.1, §12): text to terms and back.
 *
 * A record is read whole or not at all, because one wrong term makes receivers answer permerror (RFC 7208 §4.6).
 * Macros are checked and kept as they stand. What a term asks the DNS, and whom it lets send, is not known here.
 */
import { parseIpv4, parseIpv6 } from "./ip-address.ts";

export type Qualifier = "+" | "-" | "~" | "?";

/** A `domainSpec` may have macros in it; see `hasMacro`. Absent where it may be: the domain of the record. */
type Mechanism =
  | { kind: "all" }
  | { kind: "include" | "exists"; domainSpec: string }
  | { kind: "a" | "mx"; domainSpec?: string; prefix4?: number; prefix6?: number }
  | { kind: "ptr"; domainSpec?: string }
  | { kind: "ip4" | "ip6"; address: string; prefix?: number };

export type SpfDirective = Mechanism & { qualifier: Qualifier };
export type SpfModifier =
  | { kind: "redirect" | "exp"; domainSpec: string }
  | { kind: "unknown"; name: string; value: string };
export type SpfTerm = SpfDirective | SpfModifier;

/** `position` is that of `term` in the text, from 0; `reason` a clause about the term. */
export type SpfMalformed = { kind: "malformed"; term: string; position: number; reason: string };
export type SpfParsed = { kind: "record"; terms: SpfTerm[] } | SpfMalformed;

/** RFC 7208 §4.5: the version is a word of its own; a TXT record without it is somebody else's. */
export const isSpf = (text: string): boolean => /^v=spf1(?![^ ])/i.test(text);

export const isDirective = (term: SpfTerm): term is SpfDirective => "qualifier" in term;

/** Reads the text of a record, its strings joined. */
export const parseSpf = (text: string): SpfParsed => {
  // RFC 7208 §4.6.1: only the space separates; any other white space is part of a term, and wrong there.
  const words = text.matchAll(/[^ ]+/g);
  if (!isSpf(text))
    return { kind: "malformed", term: words.next().value?.[0] ?? "", position: 0, reason: "it is not `v=spf1`" };
  words.next();
  const terms: SpfTerm[] = [];
  for (const { 0: word, index: position } of words) {
    const term = parseTerm(word);
    if (term.kind === "malformed") return { ...term, term: word, position };
    // RFC 7208 §6: each of these two once at most.
    if ((term.kind === "redirect" || term.kind === "exp") && terms.some(({ kind }) => kind === term.kind))
      return { ...malformed(`there is a second \`${term.kind}=\``), term: word, position };
    terms.push(term);
  }
  return { kind: "record", terms };
};

type WrongTerm = { kind: "malformed"; reason: string };
const malformed = (reason: string): WrongTerm => ({ kind: "malformed", reason });

const parseTerm = (word: string): SpfTerm | WrongTerm => {
  const [, name, value = ""] = /^([a-z][\w.-]*)=(.*)$/is.exec(word) ?? [];
  if (name !== undefined) return parseModifier(name, value);
  const [, sign = "", mechanism = "", rest = ""] = /^([-+?~]?)([a-z][\w.-]*)([:/].*)?$/is.exec(word) ?? [];
  // RFC 7208 §4.6.2: a mechanism without a qualifier has `+`.
  const qualifier = sign === "-" || sign === "~" || sign === "?" ? sign : "+";
  const read = parseMechanism(mechanism.toLowerCase(), rest);
  return read.kind === "malformed" ? read : { ...read, qualifier };
};

const parseModifier = (name: string, value: string): SpfModifier | WrongTerm => {
  const kind = name.toLowerCase();
  if (kind === "redirect" || kind === "exp")
    return isDomainSpec(value) ? { kind, domainSpec: value } : malformed(noDomain(value));
  const parts = macroParts(value, ANY_MACRO);
  return parts ? { kind: "unknown", name, value } : malformed("a `%` in it begins no macro, or it is not ASCII");
};

const parseMechanism = (kind: string, rest: string): Mechanism | WrongTerm => {
  switch (kind) {
    case "all":
      return rest === "" ? { kind } : malformed("`all` stands alone");
    case "a":
    case "mx":
      return parseHosts(kind, rest);
    case "include":
    case "exists":
    case "ptr":
      if (kind === "ptr" && rest === "") return { kind };
      if (!rest.startsWith(":")) return malformed(`\`${kind}\` needs a colon and a domain`);
      return isDomainSpec(rest.slice(1)) ? { kind, domainSpec: rest.slice(1) } : malformed(noDomain(rest.slice(1)));
    case "ip4":
    case "ip6":
      return parseNetwork(kind, rest);
    case "redirect":
    case "exp":
      return malformed(`\`${kind}\` takes \`=\`, not \`:\``);
    default:
      return malformed("it is no mechanism of SPF");
  }
};

const parseHosts = (kind: "a" | "mx", rest: string): Mechanism | WrongTerm => {
  // RFC 7208 §5.6: `/24` for IPv4, `//64` for IPv6, both at the very end; a domain may have slashes too.
  const found = /^(?::(.*?))?(?:\/(\d+))?(?:\/\/(\d+))?$/s.exec(rest);
  if (!found) return malformed("behind it may stand `/` and a prefix of IPv4, then `//` and one of IPv6");
  const [, domainSpec, text4, text6] = found;
  if (domainSpec !== undefined && !isDomainSpec(domainSpec)) return malformed(noDomain(domainSpec));
  const [prefix4, prefix6] = [parsePrefix(text4, 32), parsePrefix(text6, 128)];
  if (prefix4 === "wrong") return malformed("a prefix of IPv4 is 0 to 32");
  if (prefix6 === "wrong") return malformed("a prefix of IPv6 is 0 to 128");
  return {
    kind,
    ...(domainSpec !== undefined && { domainSpec }),
    ...(prefix4 !== undefined && { prefix4 }),
    ...(prefix6 !== undefined && { prefix6 }),
  };
};

const parseNetwork = (kind: "ip4" | "ip6", rest: string): Mechanism | WrongTerm => {
  const [, address = "", text] = /^:([^/]*)(?:\/(.*))?$/s.exec(rest) ?? [];
  const [bits, width] = kind === "ip4" ? [parseIpv4(address), 32] : [parseIpv6(address), 128];
  if (bits === undefined) return malformed(`what follows is no address of IPv${kind.slice(2)}`);
  const prefix = parsePrefix(text, width);
  if (prefix === "wrong") return malformed(`a prefix of IPv${kind.slice(2)} is 0 to ${width}`);
  return { kind, address, ...(prefix !== undefined && { prefix }) };
};

const parsePrefix = (text: string | undefined, width: number): number | undefined | "wrong" => {
  if (text === undefined) return undefined;
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= width ? Number(text) : "wrong";
};

/** RFC 7208 §7.1. The letters c, r and t are for the text of explanations (RFC 7208 §7.2); no parts are not a number. */
const TARGET_MACRO = /[!-$&-~]+|%\{[slodiphv](?!0+\D)\d*r?[-.+,/_=]*\}|%[%_-]/giy;
const ANY_MACRO = /[!-$&-~]+|%\{[slodiphvcrt](?!0+\D)\d*r?[-.+,/_=]*\}|%[%_-]/giy;

/** A macro-string in its literals and macros; `undefined`: it is none. */
const macroParts = (text: string, part: RegExp): string[] | undefined => {
  const parts = Array.from(text.matchAll(part), ([found]) => found);
  return parts.join("").length === text.length ? parts : undefined;
};

/** RFC 7208 §7.1: it ends with a macro, or with a dot and a top label, which has a letter or an inner hyphen. */
const isDomainSpec = (text: string): boolean => {
  const last = macroParts(text, TARGET_MACRO)?.at(-1);
  if (last === undefined || last.startsWith("%")) return last !== undefined;
  const name = last.replace(/\.$/, "");
  const label = name.slice(name.lastIndexOf(".") + 1);
  return name.includes(".") && /^[a-z\d](?:[a-z\d-]*[a-z\d])?$/i.test(label) && /[^\d]/.test(label);
};

const noDomain = (text: string): string => {
  if (text === "") return "the domain is missing";
  return parseIpv4(text) === undefined
    ? "what follows is no domain with a top level"
    : `an address is written \`ip4:${text}\``;
};

/** Whether the domain depends on the message: nobody can say beforehand what is asked for. */
export const hasMacro = (domainSpec: string): boolean => domainSpec.includes("%");

/** A term as a record has it; `+` is left out. */
export const formatSpfTerm = (term: SpfTerm): string => {
  if (isDirective(term)) return `${term.qualifier === "+" ? "" : term.qualifier}${term.kind}${argumentOf(term)}`;
  return term.kind === "unknown" ? `${term.name}=${term.value}` : `${term.kind}=${term.domainSpec}`;
};

const argumentOf = (mechanism: Mechanism): string => {
  switch (mechanism.kind) {
    case "all":
      return "";
    case "ip4":
    case "ip6":
      return `:${mechanism.address}${after("/", mechanism.prefix)}`;
    case "a":
    case "mx":
      return after(":", mechanism.domainSpec) + after("/", mechanism.prefix4) + after("//", mechanism.prefix6);
    case "include":
    case "exists":
    case "ptr":
      return after(":", mechanism.domainSpec);
  }
};

const after = (mark: string, value: string | number | undefined): string => (value === undefined ? "" : mark + value);

/** `parseSpf` gives the same terms back, when they are terms. */
export const formatSpf = (terms: readonly SpfTerm[]): string => ["v=spf1", ...terms.map(formatSpfTerm)].join(" ");
