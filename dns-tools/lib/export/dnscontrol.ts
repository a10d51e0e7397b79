/**
 * A plan as DNSControl's JavaScript: an extension of a domain that is declared already.
 *
 * DNSControl cuts long TXT records and quotes them itself. It deletes what is not declared, so what a record replaces
 * has to leave the owner's file: that stands in comments.
 */
import { isEdit, textOf, type Change, type MailRecord } from "../zone.ts";
import { formatName, formatRemovals, formatNotes, relativeName } from "./zone-file.ts";

/** `domain`: at or below it are all names of the plan. */
export const formatDnscontrol = (changes: readonly Change[], domain: string): string => {
  const comment = (line: string): string => `// ${line}\n`;
  const records = changes
    .filter(isEdit)
    .flatMap((edit) => [
      ...formatRemovals(edit).map((removal) => `  ${comment(`Take out: ${removal}`)}`),
      `  ${declare(edit.to, domain)},\n`,
    ]);
  const notes = formatNotes(changes).map(comment);
  return `${notes.join("")}D_EXTEND(${quote(domain)},\n${records.join("")});\n`;
};

const declare = (record: MailRecord, domain: string): string => {
  const label = quote(relativeName(record.name, domain, "@"));
  switch (record.type) {
    case "CNAME":
      return `CNAME(${label}, ${quote(formatName(record.data))})`;
    case "MX":
      return `MX(${label}, ${record.data.preference}, ${quote(formatName(record.data.exchange))})`;
    case "TXT":
      return `TXT(${label}, ${quote(textOf(record))})`;
  }
};

/** JSON leaves U+2028 and U+2029 as they are, which end a line in JavaScript. */
const quote = (text: string): string =>
  JSON.stringify(text).replaceAll(/[\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
