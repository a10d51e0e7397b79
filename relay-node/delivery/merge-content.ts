/**
 * Puts into the content of an email what is its recipient's own: `{{placeholders}}` in texts and header values become
 * its variables, the reserved ones the link to unsubscribe by, all in one pass: no value is looked into.
 *
 * Content that many emails share is taken apart once. The gateway has seen to it that nothing is missing and that no
 * merged header can break; what it did not foresee, composing refuses. A place whose link is gone since is told: a
 * reader must not find an empty one.
 */
import { BODY_TEXT_LIMIT } from "#contract/email.ts";
import {
  compile,
  type Compiled,
  compileReserved,
  merge,
  MERGED_BODY_LIMIT,
  mergedLength,
  unsubscribePlaces,
  type Variables,
} from "#contract/merge.ts";
import type { EmailContent } from "#contract/relay-protocol.ts";
import { isReservedVariable, unsubscribeVariables } from "#contract/unsubscribe-place.ts";

type CompiledContent = {
  text: Compiled | undefined;
  html: Compiled | undefined;
  headers: { name: string; value: Compiled }[];
};

/** `linkless`: it has a place for the link to unsubscribe by, and there is none to put in. */
export type Merged = { kind: "merged"; content: EmailContent } | { kind: "linkless" };

/**
 * `variables` undefined: the email has no placeholders but the reserved ones, and those in its texts only.
 * `unsubscribeUrl` undefined: it has no such link. Where there is nothing to put in, the content itself is returned.
 */
export const mergeContent = (
  content: EmailContent,
  variables: Variables | undefined,
  unsubscribeUrl: string | undefined,
): Merged => {
  const reserved = unsubscribeUrl === undefined ? {} : unsubscribeVariables(unsubscribeUrl);
  // Mail that was accepted before those names were reserved may have them as variables of its own.
  const values = { ...reserved, ...variables };
  const parts = variables ? partsOf(content) : placesOf(content);
  if (isLinkless(parts, values)) return { kind: "linkless" };
  const limit = variables ? MERGED_BODY_LIMIT : BODY_TEXT_LIMIT + MERGED_BODY_LIMIT;
  return { kind: "merged", content: fillIn(content, parts, values, limit) };
};

const isLinkless = ({ text = [], html = [] }: CompiledContent, values: Variables): boolean =>
  [text, html].some((pieces) =>
    pieces.some(
      (piece) => typeof piece !== "string" && isReservedVariable(piece.name) && !Object.hasOwn(values, piece.name),
    ),
  );

const fillIn = (
  content: EmailContent,
  { text, html, headers }: CompiledContent,
  values: Variables,
  limit: number,
): EmailContent => {
  if (!text && !html && headers.length === 0) return content;
  // The gateway has looked at this; a relay must not be brought down by one that did not.
  if (text && mergedLength(text, values, "plain") > limit) throw new Error("the text, merged, is too long");
  if (html && mergedLength(html, values, "html") > limit) throw new Error("the html, merged, is too long");
  return {
    ...content,
    ...(text && { text: merge(text, values, "plain") }),
    ...(html && { html: merge(html, values, "html") }),
    ...(headers.length > 0 && {
      headers: Object.fromEntries(headers.map(({ name, value }) => [name, merge(value, values, "plain")])),
    }),
  };
};

const once = (make: (content: EmailContent) => CompiledContent): ((content: EmailContent) => CompiledContent) => {
  const made = new WeakMap<EmailContent, CompiledContent>();
  return (content) => {
    const compiled = made.get(content) ?? make(content);
    made.set(content, compiled);
    return compiled;
  };
};

const partsOf = once(({ text, html, headers }) => ({
  text: text === undefined ? undefined : compile(text),
  html: html === undefined ? undefined : compile(html),
  headers: Object.entries(headers ?? {}).map(([name, value]) => ({ name, value: compile(value) })),
}));

/** Of content that is not merged: its texts, when they have places for the link. */
const placesOf = once(({ text, html }) => ({ text: placesIn(text), html: placesIn(html), headers: [] }));

const placesIn = (text = ""): Compiled | undefined => {
  const compiled = compileReserved(text);
  return unsubscribePlaces(compiled) > 0 ? compiled : undefined;
};
