/**
 * A plan as octoDNS's YAML: for each name the sets that the zone's file is to have.
 *
 * A set is all values of a name and type, so the records beside ours are there too. octoDNS cuts long TXT values and
 * escapes their quotes; what it wants escaped by us are `;`, `\` and what is not printable ASCII.
 */
import { isEdit, type Change, type Edit, type MailRecord } from "../zone.ts";
import {
  PUBLISHED_TTL_SECONDS,
  escapeOctets,
  formatName,
  formatRemovals,
  formatNotes,
  relativeName,
} from "./zone-file.ts";

/** `domain`: at or below it are all names of the plan. */
export const formatOctodns = (changes: readonly Change[], domain: string): string => {
  const byName = new Map<string, Edit[]>();
  for (const edit of changes.filter(isEdit)) {
    const label = relativeName(edit.to.name, domain, "");
    byName.set(label, [...(byName.get(label) ?? []), edit]);
  }
  // octoDNS refuses a file whose names are not in order.
  const names = [...byName].toSorted(([a], [b]) => naturalOrder(a, b));
  const sets = names.map(([label, edits]) => `${quote(label)}:\n${edits.map(formatSet).join("")}`);
  const notes = formatNotes(changes).map((note) => `# ${note}\n`);
  return `---\n${notes.join("")}${sets.join("") || "{}\n"}`;
};

/** Numbers by their size, `s2` before `s10`, all else by its characters. */
const naturalOrder = (a: string, b: string): number => {
  // A text, a number, a text and so on.
  const [as, bs] = [a.split(/(\d+)/), b.split(/(\d+)/)];
  for (const [at, one] of as.entries()) {
    const other = bs[at] ?? "";
    const [x, y] = at % 2 === 1 ? [BigInt(one), BigInt(other)] : [one, other];
    if (x !== y) return x < y ? -1 : 1;
  }
  return as.length - bs.length;
};

const formatSet = (edit: Edit): string => {
  const { to, beside } = edit;
  const removals = formatRemovals(edit).map((removal) => `# Instead of: ${removal}\n`);
  const values = [to, ...beside].map((record) => `  - ${formatValue(record)}`);
  return `${removals.join("")}- ttl: ${PUBLISHED_TTL_SECONDS}\n  type: ${to.type}\n  values:\n${values.join("")}`;
};

const formatValue = (record: MailRecord): string => {
  switch (record.type) {
    case "CNAME":
      return `${quote(formatName(record.data))}\n`;
    case "MX":
      return `exchange: ${quote(formatName(record.data.exchange))}\n    preference: ${record.data.preference}\n`;
    case "TXT":
      return `${quote(escapeText(record.data.map((octets) => escapeOctets(octets)).join("")))}\n`;
  }
};

/** octoDNS takes `" "` for the end of one string and the beginning of the next, and `\\;` for a fault. */
const escapeText = (escaped: string): string => {
  const value = escaped
    .replaceAll('\\"', '"')
    .replaceAll(/" (?=")/g, '"\\032')
    .replaceAll("\\\\;", "\\092;")
    .replaceAll(";", "\\;");
  // A value that begins with a quote is taken for one that stands in quotes.
  return value.startsWith('"') ? `"${value}"` : value;
};

/** YAML 1.2 §7.3.2: between single quotes nothing but the quote itself means anything. */
const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
