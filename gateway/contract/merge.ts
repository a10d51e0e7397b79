/**
 * Merging: `{{name}}` in a text becomes the value of that variable.
 *
 * `{{name}}` is escaped in HTML, `{{{name}}}` is not; `{{name|words}}` has a fallback for a missing value. What is no
 * placeholder stays as it is, so CSS and code keep their braces. Nothing is evaluated: no conditions, no loops.
 *
 * The reserved names (`unsubscribe-place.ts`) are the only ones in content that has no variables.
 */
import { z } from "zod";
import { hasMisspeltName, isReservedVariable, mentionsUnsubscribe, withPlainBraces } from "./unsubscribe-place.ts";

export const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** What `{{name}}` stands for. */
export const Variables = z
  .record(
    z.string().regex(VARIABLE_NAME, "is not a variable name: letters, digits and _, at most 64"),
    z.union([z.string().max(10_000), z.number()]),
  )
  .meta({ id: "Variables", example: { first_name: "Ada", total: 42 } });
export type Variables = z.infer<typeof Variables>;

/** Placeholders in one text: to take more into account would cost more than all else that is done with a recipient. */
export const PLACEHOLDERS_LIMIT = 1000;

/** A text taken apart: what stands as it is, and placeholders between. */
export type Compiled = readonly (string | Placeholder)[];
type Placeholder = { name: string; raw: boolean; fallback: string | undefined };

/** Line breaks too: tools that lay out HTML put them there. */
const INSIDE = /^\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*(?:\|([^{}]{0,1000}))?$/;
/** No placeholder is longer. */
const LONGEST_INSIDE = 1100;

/** Takes a text apart, once for all who get it; in time linear in its length, whatever braces it has. */
export const compile = (text: string): Compiled =>
  takeApart(mentionsUnsubscribe(text) ? withPlainBraces(text) : text, () => true);

/** The same of a text that is not merged: only reserved names are placeholders in it. */
export const compileReserved = (text: string): Compiled =>
  mentionsUnsubscribe(text) ? takeApart(withPlainBraces(text), isReservedVariable) : [text];

const takeApart = (text: string, isTaken: (name: string) => boolean): Compiled => {
  const pieces: (string | Placeholder)[] = [];
  let literalFrom = 0;
  let close = -1;
  for (let open = text.indexOf("{{"); open >= 0;) {
    // Looked for once, not once for each brace before it.
    if (close < open + 2) close = text.indexOf("}}", open + 2);
    if (close < 0) break;
    const found = placeholderAt(text, open, close);
    if (!found || !isTaken(found.placeholder.name)) {
      open = text.indexOf("{{", open + 1);
      continue;
    }
    if (open > literalFrom) pieces.push(text.slice(literalFrom, open));
    pieces.push(found.placeholder);
    literalFrom = found.end;
    open = text.indexOf("{{", literalFrom);
  }
  if (literalFrom < text.length) pieces.push(text.slice(literalFrom));
  return pieces;
};

/** Merges a text, or one compiled before; a variable that is missing and has no fallback is nothing. */
export const merge = (text: string | Compiled, variables: Variables, as: "html" | "plain"): string => {
  let merged = "";
  for (const piece of typeof text === "string" ? compile(text) : text) {
    if (typeof piece === "string") merged += piece;
    else {
      const value = valueOf(piece.name, variables) ?? piece.fallback ?? "";
      merged += as === "html" && !piece.raw ? escapeHtml(value) : value;
    }
  }
  return merged;
};

/** Characters of a merged text: what it will be, without making it. */
export const mergedLength = (text: Compiled, variables: Variables, as: "html" | "plain"): number => {
  const lengths = new Map<string, number>();
  let length = 0;
  for (const piece of text) {
    if (typeof piece === "string") {
      length += piece.length;
      continue;
    }
    const name = `${piece.raw ? "" : "e "}${piece.name}`;
    const known = Object.hasOwn(variables, piece.name) ? lengths.get(name) : undefined;
    const own = known ?? merge([piece], variables, as).length;
    if (Object.hasOwn(variables, piece.name)) lengths.set(name, own);
    length += own;
  }
  return length;
};

/** Characters of a merged body: more than a mail of text has, and small beside what a relay carries at a time. */
export const MERGED_BODY_LIMIT = 1_000_000;

/** The first placeholder with neither a value nor a fallback. */
export const missingIn = (texts: readonly (string | Compiled)[], variables: Variables): string | undefined => {
  for (const text of texts)
    for (const piece of typeof text === "string" ? compile(text) : text)
      if (typeof piece !== "string" && piece.fallback === undefined && !Object.hasOwn(variables, piece.name))
        return piece.name;
  return undefined;
};

/** How many places a text has for the link to unsubscribe by. */
export const unsubscribePlaces = (text: string | Compiled): number =>
  (typeof text === "string" ? compileReserved(text) : text).filter(isPlace).length;

/** Whether a text has a place for that link that would leave as braces and a name, or a link within braces. */
export const hasMisspeltPlace = (text: Compiled): boolean =>
  text.some((piece, at) => (typeof piece === "string" ? hasMisspeltName(piece) : isPlace(piece) && isBraced(text, at)));

const isPlace = (piece: string | Placeholder): piece is Placeholder =>
  typeof piece !== "string" && isReservedVariable(piece.name);

/** A brace too many stands beside the placeholder. */
const isBraced = (text: Compiled, at: number): boolean => {
  const [before, after] = [text[at - 1], text[at + 1]];
  return (typeof before === "string" && before.endsWith("{")) || (typeof after === "string" && after.startsWith("}"));
};

/** The names a text asks for, each once. */
export const placeholdersIn = (text: string): string[] => [
  ...new Set(compile(text).flatMap((piece) => (typeof piece === "string" ? [] : [piece.name]))),
];

/** Only own properties: `constructor` is no variable that somebody gave. */
const valueOf = (name: string, variables: Variables): string | undefined => {
  const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
  return value === undefined ? undefined : String(value);
};

/** `{{{name}}}` or `{{name}}` from `open` to the first braces that close, and where it ends; what is neither is text. */
const placeholderAt = (
  text: string,
  open: number,
  close: number,
): { placeholder: Placeholder; end: number } | undefined => {
  const raw = text.startsWith("{{{", open);
  const start = open + (raw ? 3 : 2);
  if (close - start > LONGEST_INSIDE || (raw && !text.startsWith("}}}", close))) return undefined;
  const match = INSIDE.exec(text.slice(start, close));
  if (!match) return undefined;
  const [, name = "", fallback] = match;
  // A link of ours is no HTML, whatever braces it is asked for with: Resend's customers write three.
  const placeholder = { name, raw: raw && !isReservedVariable(name), fallback: fallback?.trim() };
  return { placeholder, end: close + (raw ? 3 : 2) };
};

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text as HTML shows it, in an element or a quoted attribute. */
const escapeHtml = (text: string): string =>
  /[&<>"']/.test(text) ? text.replaceAll(/[&<>"']/g, (char) => ESCAPES[char] ?? char) : text;
