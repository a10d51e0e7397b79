/**
 * One SPF record out of those that a name has and the terms that it is to have.
 *
 * The owner's terms stay in their order; the wanted ones go in front of the first that costs a look-up or says no, so
 * that they are within the ten that a receiver makes (RFC 7208 §4.6.4), or in front of all. Terms are compared as text, nothing is
 * looked up: whether the result is sound is for whoever walks it to say (`spfNeed`).
 */

const ALL = /^[-+?~]?all$/i;
/** One that lets somebody pass and costs nothing: ours lose nothing behind it. */
const FREE_PASS = /^\+?ip[46]:/i;
const MODIFIER = /^([a-z][a-z0-9_.-]*)=(.*)$/i;

const termsOf = (record: string): string[] => record.trim().split(/ +/).slice(1);

/** What stands behind an `all` is never looked at (RFC 7208 §5.1). */
const beforeAll = (terms: readonly string[]): string[] => {
  const all = terms.findIndex((term) => ALL.test(term));
  return all < 0 ? [...terms] : terms.slice(0, all);
};

/** RFC 7208 §4.6.2: a mechanism without a qualifier has `+`. */
const termKey = (term: string): string => term.toLowerCase().replace(/^\+/, "").replace(/\.$/, "");
const withoutQualifier = (term: string): string => termKey(term).replace(/^[-?~]/, "");

/**
 * The record to publish at a name that has `found` SPF records, so that it has all terms of `wanted` in front of its
 * `all`. A single record that has them comes back as it is.
 */
export const mergeSpf = (found: readonly string[], wanted: string): string => {
  const [first, ...others] = found;
  if (first === undefined) return wanted;
  const terms = others.length === 0 ? termsOf(first) : unite(found.map(termsOf));
  const counting = beforeAll(terms);
  const missing = beforeAll(termsOf(wanted)).filter((term) => !holds(counting, term));
  if (missing.length === 0) return others.length === 0 ? first : format(terms);
  const kept = staying(terms, missing);
  const costly = kept.findIndex((term) => !FREE_PASS.test(term));
  return format(kept.toSpliced(costly < 0 ? kept.length : costly, 0, ...missing));
};

/** The same, with all terms of `wanted` in front of all others, wherever they stood; `dropped` terms go. */
export const leadSpf = (found: readonly string[], wanted: string, dropped: readonly string[] = []): string => {
  const [first = wanted, ...others] = found;
  const leading = beforeAll(termsOf(wanted));
  const gone = new Set(dropped.map(termKey));
  const terms = others.length === 0 ? termsOf(first) : unite(found.map(termsOf));
  return format([...leading, ...staying(terms, leading).filter((term) => !gone.has(termKey(term)))]);
};

/** The same term with another qualifier, or behind `all`, would only be in the way. */
const staying = (terms: readonly string[], wanted: readonly string[]): string[] => {
  const moved = new Set(wanted.map(withoutQualifier));
  return terms.filter((term) => !moved.has(withoutQualifier(term))).map(strictAll);
};

/** RFC 7208 §4.6.2: the first term that matches decides, so the same one with another qualifier may come behind only. */
const holds = (terms: readonly string[], wanted: string): boolean => {
  const first = terms.find((term) => withoutQualifier(term) === withoutQualifier(wanted));
  return first !== undefined && termKey(first) === termKey(wanted);
};

const format = (terms: readonly string[]): string => ["v=spf1", ...terms].join(" ");

/** `+all` and `?all` make a record worth nothing: when it is written anew, it gets the mildest `all` that says no. */
const strictAll = (term: string): string => (/^[+?]?all$/i.test(term) ? "~all" : term);

/** Several records are none (RFC 7208 §4.5): the terms of all of them, each once, and the milder of their `all`s. */
const unite = (records: readonly string[][]): string[] => {
  const mechanisms = new Map<string, string>();
  const modifiers = new Map<string, string>();
  for (const terms of records) {
    const ends = terms.some((term) => ALL.test(term));
    for (const term of beforeAll(terms)) if (!MODIFIER.test(term)) put(mechanisms, termKey(term), term);
    for (const term of terms) {
      const [, name, value = ""] = MODIFIER.exec(term) ?? [];
      if (name === undefined) continue;
      if (name.toLowerCase() !== "redirect") put(modifiers, name.toLowerCase(), term);
      // RFC 7208 §6.1: with an `all`, a redirect counts for nothing; else it is what its target authorises.
      else if (!ends) put(mechanisms, termKey(`include:${value}`), `include:${value}`);
    }
  }
  const strict = records.every((terms) => terms.some((term) => term.toLowerCase() === "-all"));
  return [...mechanisms.values(), strict ? "-all" : "~all", ...modifiers.values()];
};

const put = (terms: Map<string, string>, key: string, term: string): void => {
  if (!terms.has(key)) terms.set(key, term);
};
