/**
 * Merges the content of an email that has variables: `{{placeholders}}` in texts and header values become its own.
 *
 * Content that many emails share is taken apart once. The gateway has seen to it that nothing is missing and that no
 * merged header can break; what it did not foresee, composing refuses.
 */
import { compile, merge, MERGED_BODY_LIMIT, mergedLength, type Compiled, type Variables } from "#contract/merge.ts";
import type { EmailContent } from "#contract/relay-protocol.ts";

type CompiledContent = {
  text: Compiled | undefined;
  html: Compiled | undefined;
  headers: { name: string; value: Compiled }[];
};

const compiled = new WeakMap<EmailContent, CompiledContent>();

export const mergeContent = (content: EmailContent, variables: Variables): EmailContent => {
  const { text, html, headers } = partsOf(content);
  // The gateway has looked at this; a relay must not be brought down by one that did not.
  if (text && mergedLength(text, variables, "plain") > MERGED_BODY_LIMIT)
    throw new Error("the text, merged, is too long");
  if (html && mergedLength(html, variables, "html") > MERGED_BODY_LIMIT)
    throw new Error("the html, merged, is too long");
  return {
    ...content,
    ...(text && { text: merge(text, variables, "plain") }),
    ...(html && { html: merge(html, variables, "html") }),
    ...(headers.length > 0 && {
      headers: Object.fromEntries(headers.map(({ name, value }) => [name, merge(value, variables, "plain")])),
    }),
  };
};

const partsOf = (content: EmailContent): CompiledContent => {
  const known = compiled.get(content);
  if (known) return known;
  const made = {
    text: content.text === undefined ? undefined : compile(content.text),
    html: content.html === undefined ? undefined : compile(content.html),
    headers: Object.entries(content.headers ?? {}).map(([name, value]) => ({ name, value: compile(value) })),
  };
  compiled.set(content, made);
  return made;
};
