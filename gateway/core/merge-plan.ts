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
  PLACEHOLDERS_LIMIT,
  unsubscribePlaces,
  type Compiled,
  type Variables,
} from "#contract/merge.ts";
import { isReservedVariable, unsubscribeVariables } from "#contract/unsubscribe-place.ts";
import { type NamedText, placeRefusal } from "./place-refusal.ts";

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
/** What stands for the link to unsubscribe by, which is made on the relay: none is longer. */
const LINK = unsubscribeVariables("x".repeat(500));

type Part = NamedText & { as: "html" | "plain"; limit: number };

export class MergePlan {
  readonly #subject: Compiled;
  readonly #headers: { name: string; value: Compiled }[];
  readonly #parts: Part[];
  /** Why the link to unsubscribe by cannot stand where it is named, whatever the variables. */
  readonly misplaced: string | undefined;
  /** A body has a place for the link to unsubscribe by. */
  readonly hasUnsubscribePlace: boolean;

  constructor({ subject, text, html, headers }: MergeTexts) {
    this.#subject = compile(subject);
    this.#headers = Object.entries(headers).map(([name, value]) => ({ name, value: compile(value) }));
    const head: Part[] = [
      { what: "subject", text: this.#subject, as: "plain", limit: SUBJECT_LIMIT },
      ...this.#headers.map(({ name, value }): Part => ({
        what: `header \`${name}\``,
        text: value,
        as: "plain",
        limit: HEADER_LIMIT,
      })),
    ];
    const body: Part[] = [
      { what: "text", text: compile(text ?? ""), as: "plain", limit: MERGED_BODY_LIMIT },
      { what: "html", text: compile(html ?? ""), as: "html", limit: MERGED_BODY_LIMIT },
    ];
    this.#parts = [...head, ...body];
    this.misplaced = placeRefusal(head, body);
    this.hasUnsubscribePlace = body.some(({ text: each }) => unsubscribePlaces(each) > 0);
  }

  /** Why these variables cannot be merged into the texts; `undefined`: they can. */
  refusal(given: Variables): string | undefined {
    if (JSON.stringify(given).length > VARIABLES_LIMIT)
      return `The variables are longer than ${VARIABLES_LIMIT} characters.`;
    const reserved = Object.keys(given).find(isReservedVariable);
    if (reserved !== undefined) return `The variable \`${reserved}\` is the service's own: it cannot be given.`;
    if (this.misplaced !== undefined) return this.misplaced;
    const variables = this.hasUnsubscribePlace ? { ...LINK, ...given } : given;
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
