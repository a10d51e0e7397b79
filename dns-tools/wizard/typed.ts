/**
 * What a visitor typed, as it travels in the query of every page: nothing is stored, so a page's address is all of it.
 *
 * A field that is not in the query has the wizard's default; one that was emptied stays empty. A private key is let go of
 * here: that there was one is all that anybody hears of it. Else nothing is judged.
 */
import { PRIVATE_KEY, WITHHELD_KEY } from "./dkim-paste.ts";

export type TextField = "domain" | "include" | "ip" | "return-path" | "bounce" | "policy" | "rua";
/** A row of the form: both empty when it was not filled in; those that were come first. */
export type TypedKey = { selector: string; key: string };
export type Typed = Record<TextField, string> & { keys: readonly TypedKey[] };
export type Defaults = Partial<Record<Exclude<TextField, "domain">, string>>;

const TEXT_FIELDS: readonly TextField[] = ["domain", "include", "ip", "return-path", "bounce", "policy", "rua"];
const USUAL: Defaults = { "return-path": "send", policy: "none" };
/** One key to sign with and one to change to. */
const LEAST_KEY_ROWS = 2;
const MOST_KEY_ROWS = 6;
/** Of one field: an RSA key of 4096 bits has 736. */
const LONGEST_FIELD = 2_000;

export const readTyped = (query: URLSearchParams, defaults: Defaults): Typed => {
  const of = (field: TextField): string => {
    const usual = field === "domain" ? "" : (defaults[field] ?? USUAL[field] ?? "");
    return (query.get(field) ?? usual).trim().slice(0, LONGEST_FIELD);
  };
  const [selectors, keys] = [query.getAll("selector"), query.getAll("key")];
  const cell = (column: readonly string[], at: number): string => (column[at] ?? "").trim().slice(0, LONGEST_FIELD);
  const filled = Array.from({ length: Math.max(selectors.length, keys.length) }, (_, at) => ({
    selector: cell(selectors, at),
    key: PRIVATE_KEY.test(keys[at] ?? "") ? WITHHELD_KEY : cell(keys, at),
  })).filter(({ selector, key }) => selector !== "" || key !== "");
  const rows = Math.min(MOST_KEY_ROWS, Math.max(LEAST_KEY_ROWS, filled.length));
  return {
    domain: of("domain"),
    include: of("include"),
    ip: of("ip"),
    "return-path": of("return-path"),
    bounce: of("bounce"),
    policy: of("policy"),
    rua: of("rua"),
    keys: Array.from({ length: rows }, (_, at) => filled[at] ?? { selector: "", key: "" }),
  };
};

/** The query that `readTyped` reads as the same. */
export const formatTyped = (typed: Typed): string => {
  const query = new URLSearchParams(TEXT_FIELDS.map((field) => [field, typed[field]]));
  for (const { selector, key } of typed.keys) {
    if (selector === "" && key === "") continue;
    query.append("selector", selector);
    query.append("key", key);
  }
  return query.toString();
};
