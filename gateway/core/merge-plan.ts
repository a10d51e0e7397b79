/**
 * The texts of an email that are merged together, taken apart once for all its recipients.
 *
 * What variables make of them is looked at before anything is made: a few characters that name each other often would
 * be gigabytes. What passes here the relay can merge and write.
 */
import { parseMailbox } from "#contract/address.ts";
import { isSafeHeaderValue } from "#contract/header-text.ts";
import {
  compile,
  merge,
  MERGED_BODY_LIMIT,
  mergedLength,
  missingIn,
  type Compiled,
  type Variables,
} from "#contract/merge.ts";

export type MergeTexts = {
  subject: string;
  text: string | undefined;
  html: string | undefined;
  headers: Record<string, string>;
};

const SUBJECT_LIMIT = 2000;
const HEADER_LIMIT = 10_000;
/** Of one recipient, all together. */
const VARIABLES_LIMIT = 64 * 1024;
/** In one text: taking more of them into account would cost more than all else that is done with a recipient. */
const PLACEHOLDERS_LIMIT = 1000;

type Part = { what: string; text: Compiled; as: "html" | "plain"; limit: number };

export class MergePlan {
  readonly #subject: Compiled;
  readonly #headers: { name: string; value: Compiled }[];
  readonly #parts: Part[];

  constructor({ subject, text, html, headers }: MergeTexts) {
    this.#subject = compile(subject);
    this.#headers = Object.entries(headers).map(([name, value]) => ({ name, value: compile(value) }));
    this.#parts = [
      { what: "subject", text: this.#subject, as: "plain", limit: SUBJECT_LIMIT },
      ...this.#headers.map(({ name, value }): Part => ({
        what: `header \`${name}\``,
        text: value,
        as: "plain",
        limit: HEADER_LIMIT,
      })),
      { what: "text", text: compile(text ?? ""), as: "plain", limit: MERGED_BODY_LIMIT },
      { what: "html", text: compile(html ?? ""), as: "html", limit: MERGED_BODY_LIMIT },
    ];
  }

  /** Why these variables cannot be merged into the texts; `undefined`: they can. */
  refusal(variables: Variables): string | undefined {
    if (JSON.stringify(variables).length > VARIABLES_LIMIT)
      return `The variables are longer than ${VARIABLES_LIMIT} characters.`;
    const missing = missingIn(
      this.#parts.map(({ text }) => text),
      variables,
    );
    if (missing !== undefined) return `Missing variable \`${missing}\`.`;
    for (const { what, text, as, limit } of this.#parts) {
      if (text.length > PLACEHOLDERS_LIMIT * 2) return `The ${what} has more than ${PLACEHOLDERS_LIMIT} placeholders.`;
      if (mergedLength(text, variables, as) > limit) return `The ${what}, merged, is longer than ${limit} characters.`;
    }
    return this.#headerRefusal(variables);
  }

  /** Only after `refusal` has found nothing. */
  subject(variables: Variables): string {
    return merge(this.#subject, variables, "plain");
  }

  #headerRefusal(variables: Variables): string | undefined {
    if (!isSafeHeaderValue(this.subject(variables)))
      return "The subject, merged, has line breaks or control characters.";
    for (const { name, value } of this.#headers) {
      const merged = merge(value, variables, "plain");
      if (!isSafeHeaderValue(merged)) return `The header \`${name}\`, merged, has line breaks or control characters.`;
      if (name.toLowerCase() === "sender" && parseMailbox(merged).kind === "invalid")
        return "The header `Sender`, merged, is no address.";
    }
    return undefined;
  }
}
