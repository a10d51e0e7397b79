/**
 * Suppressions as CSV (RFC 4180), a line at a time: what is exported can be imported again, and another service's list
 * too when a column of it is called `email`.
 *
 * A cell that a spreadsheet would take for a formula (it begins with = + - or @, as `=a@example.com` may) is written
 * with a `'` before it, and read without. A record is one line: a quoted line break is refused with its line.
 */
import { type ImportedSuppression, SuppressionOrigin, type SuppressionSummary } from "#contract/suppression.ts";
import { z } from "zod";
import { parseSuppressedAddress } from "./suppressed-address.ts";

const COLUMNS = ["email", "stream", "origin", "created_at", "expires_at"] as const;
/** The first line of an export. */
export const CSV_HEADER = `${COLUMNS.join(",")}\r\n`;

export const formatCsvRow = (row: SuppressionSummary): string =>
  `${COLUMNS.map((column) => formatCell(row[column] ?? "")).join(",")}\r\n`;

/** Where the columns that are read stand in a line; those that are not there have none. */
export type CsvLayout = { kind: "layout"; email: number; stream?: number; origin?: number; expires_at?: number };
export type CsvRefusal = { kind: "refused"; message: string };

/** The first line: names in any case and order; what is not read is passed over. */
export const parseCsvHeader = (line: string): CsvLayout | CsvRefusal => {
  const names = parseCsvLine(line)?.map((name) => name.trim().toLowerCase()) ?? [];
  const at = (name: string): number => names.indexOf(name);
  const layout: CsvLayout = { kind: "layout", email: at("email") };
  if (layout.email < 0) return refused("The first line has no column `email`");
  for (const name of ["stream", "origin", "expires_at"] as const) if (at(name) >= 0) layout[name] = at(name);
  return layout;
};

/** One further line. What has no origin was put there by hand. */
export const parseCsvRow = (
  line: string,
  layout: CsvLayout,
  nowMs: number,
): ({ kind: "row" } & ImportedSuppression) | CsvRefusal => {
  const cells = parseCsvLine(line);
  if (!cells) return refused("A quoted value does not end on its line");
  const cell = (column: Exclude<keyof CsvLayout, "kind">): string | undefined => {
    const index = layout[column];
    const text = index === undefined ? "" : (cells[index]?.trim() ?? "");
    return text === "" ? undefined : text;
  };
  const email = parseSuppressedAddress(readable(cell("email") ?? ""));
  if (email === undefined) return refused("`email` is not an address, or `*@example.com`");
  const stream = Streams.safeParse(cell("stream"));
  if (!stream.success) return refused("`stream` is `transactional`, `bulk` or empty");
  const origin = Origins.safeParse(cell("origin"));
  if (!origin.success) return refused(`\`origin\` is ${SuppressionOrigin.options.join(", ")} or empty`);
  const expires = Expiries.safeParse(cell("expires_at"));
  const expiresMs = expires.data === undefined ? undefined : Date.parse(expires.data);
  if (!expires.success) return refused("`expires_at` is not a time, or empty");
  if (expiresMs !== undefined && expiresMs <= nowMs) return refused("`expires_at` lies in the past");
  return { kind: "row", email, stream: stream.data, origin: origin.data, expiresMs };
};

/** The values of one line; `undefined`: a quote that is open at its end. Lenient about quotes inside bare values. */
export const parseCsvLine = (line: string): string[] | undefined => {
  const cells: string[] = [];
  for (let at = 0; ; at += 1) {
    let text = "";
    if (line[at] === '"') {
      const end = endOfQuoted(line, at + 1);
      if (end === undefined) return undefined;
      text = line.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    }
    const comma = line.indexOf(",", at);
    cells.push(text + line.slice(at, comma < 0 ? line.length : comma));
    if (comma < 0) return cells;
    at = comma;
  }
};

const Streams = z.enum(["transactional", "bulk"]).optional();
const Origins = SuppressionOrigin.default("manual");
const Expiries = z.iso.datetime({ offset: true }).optional();

const refused = (message: string): CsvRefusal => ({ kind: "refused", message: `${message}.` });

/** Where a quoted value ends: its closing quote, which is not doubled (RFC 4180 §2.7). */
const endOfQuoted = (line: string, from: number): number | undefined => {
  for (let at = line.indexOf('"', from); at >= 0; at = line.indexOf('"', at + 2)) if (line[at + 1] !== '"') return at;
  return undefined;
};

/** With quotes of its own before it, it could not be told from one that was written so. */
const FORMULA = /^'*[=+\-@]/;

const formatCell = (text: string): string => {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

const readable = (cell: string): string => (cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell);
