/**
 * Whether the link to unsubscribe by can stand where the texts of an email name it: only in bodies, and only in a spelling
 * that is read. One that editors are known to make of it is refused. Whether the email has such a link is asked elsewhere.
 */
import { type Compiled, hasMisspeltPlace, unsubscribePlaces } from "#contract/merge.ts";

/** `what`: its name in a refusal. `text`: taken apart as it will be merged. */
export type NamedText = { what: string; text: Compiled };

/** Why it cannot; `undefined`: it can, or no text names it. */
export const placeRefusal = (head: readonly NamedText[], body: readonly NamedText[]): string | undefined => {
  const misplaced = head.find(({ text }) => unsubscribePlaces(text) > 0 || hasMisspeltPlace(text));
  if (misplaced) return `The ${misplaced.what} cannot have the link to unsubscribe by: only \`html\` and \`text\` can.`;
  const misspelt = body.find(({ text }) => hasMisspeltPlace(text));
  return (
    misspelt &&
    `The ${misspelt.what} names the link to unsubscribe by in a spelling that is not read: write \`{{unsubscribe_url}}\` or \`{{{RESEND_UNSUBSCRIBE_URL}}}\`, with no other braces beside it.`
  );
};
