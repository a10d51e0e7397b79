/**
 * Header-like fields as reports have them: `Name: value` lines, folded or not, in groups parted by blank lines
 * (RFC 3464 §2.1, RFC 5965 §3.1).
 *
 * Invariant: values are one line without control characters and of bounded length; so are the groups and fields.
 * What is no field is skipped. It knows no name and no grammar of values.
 */
import { REPORT_LIST_LIMIT, REPORT_TEXT_LIMIT } from "#contract/inbound.ts";

/** Values by lower-case name, in the order they came: some names stand several times. */
export type Fields = ReadonlyMap<string, readonly string[]>;

const FIELDS_LIMIT = 200;
/** One for the message, the others for recipients. */
const GROUPS_LIMIT = REPORT_LIST_LIMIT + 1;
const LINES_LIMIT = 10_000;
/** RFC 5322 §2.2; white space before the colon is obsolete and read (§4.5). */
const FIELD = /^([!-9;-~]{1,100})[ \t]*:(.*)$/;

/** One line, no control characters, no half characters, cut to what a report may carry. */
export const cleanText = (text: string): string =>
  text
    .slice(0, REPORT_TEXT_LIMIT)
    // eslint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\s]+/g, " ")
    .trim()
    .toWellFormed();

/** Groups without a field are left out. */
export const readFieldGroups = (text: string): Fields[] => {
  const groups: Fields[] = [];
  let fields = new Map<string, string[]>();
  const close = (): void => {
    if (fields.size > 0) groups.push(fields);
    fields = new Map();
  };
  for (const line of unfoldedLines(text)) {
    if (groups.length >= GROUPS_LIMIT) break;
    if (line === "") close();
    const [, name = "", value = ""] = FIELD.exec(line) ?? [];
    if (name === "" || fields.size >= FIELDS_LIMIT) continue;
    const values = fields.get(name.toLowerCase()) ?? [];
    if (values.length < REPORT_LIST_LIMIT) values.push(cleanText(value));
    fields.set(name.toLowerCase(), values);
  }
  if (groups.length < GROUPS_LIMIT) close();
  return groups;
};

export const firstOf = (fields: Fields | undefined, name: string): string | undefined => {
  const [value] = fields?.get(name) ?? [];
  return value === "" ? undefined : value;
};

/** RFC 5322 §2.2.3. A line of white space alone is blank: some write it between groups. */
const unfoldedLines = function* (text: string): Generator<string> {
  let whole: string | undefined;
  let start = 0;
  for (let count = 0; start <= text.length && count < LINES_LIMIT; count++) {
    const lf = text.indexOf("\n", start);
    const end = lf < 0 ? text.length : lf;
    // One more than is kept, so that a value is never longer for having been cut here.
    const line = text.slice(start, Math.min(end, start + REPORT_TEXT_LIMIT + FIELD_NAME_ROOM)).trimEnd();
    start = end + 1;
    const isContinued = whole !== undefined && whole !== "" && /^[ \t]/.test(line);
    if (isContinued && whole !== undefined) {
      if (whole.length <= REPORT_TEXT_LIMIT) whole += line;
      continue;
    }
    if (whole !== undefined) yield whole;
    whole = line;
  }
  if (whole !== undefined) yield whole;
};

const FIELD_NAME_ROOM = 102;
