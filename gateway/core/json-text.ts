/**
 * JSON text from outside, parsed once: what comes out holds no half of a surrogate pair and no NUL anywhere.
 *
 * Neither survives what comes after (UTF-8, SQLite, mail), and no customer means them. Looked for only where the text
 * has an escape that could be one, so ordinary bodies pay a search.
 */
export type ParsedJson = { kind: "json"; value: unknown } | { kind: "malformed"; reason: string };

/** A NUL or a surrogate as JSON escapes them; raw, JSON forbids the one and UTF-8 the other. */
const SUSPECT = /\\u(0000|d[89a-f])/i;

export const parseJson = (text: string): ParsedJson => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "malformed", reason: text === "" ? "is empty; it must be JSON" : "is not valid JSON" };
  }
  if (SUSPECT.test(text) && hasOddText(value))
    return { kind: "malformed", reason: "has a NUL or half of a surrogate pair in a text" };
  return { kind: "json", value };
};

/** Without recursion: nesting is the caller's to choose. */
const hasOddText = (root: unknown): boolean => {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === "string" && isOdd(value)) return true;
    if (typeof value !== "object" || value === null) continue;
    for (const [name, part] of Object.entries(value)) {
      if (isOdd(name)) return true;
      open.push(part);
    }
  }
  return false;
};

const isOdd = (text: string): boolean => text.includes("\0") || !text.isWellFormed();
