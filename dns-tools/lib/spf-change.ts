/**
 * Changes to the `all` of a sending domain's own SPF record: terms in, terms out, nothing else touched.
 *
 * What is to be in front of it is `mergeSpf`'s part; what the result costs is for `walkSpf` to say.
 */
import { isDirective, type Qualifier, type SpfTerm } from "./spf.ts";

/** The record with this qualifier at its `all`, which it gets at its end when it has none. */
export const withAll = (terms: readonly SpfTerm[], qualifier: Qualifier): SpfTerm[] => {
  const all: SpfTerm = { kind: "all", qualifier };
  return terms.some(({ kind }) => kind === "all")
    ? terms.map((term) => (term.kind === "all" ? all : term))
    : [...terms, all];
};

/** The record with the mechanisms behind its first `all` before it, and without the `redirect` that never counts. */
export const withAllLast = (terms: readonly SpfTerm[]): SpfTerm[] => {
  const all = terms.find(({ kind }) => kind === "all");
  if (!all) return [...terms];
  const mechanisms = terms.filter((term) => isDirective(term) && term.kind !== "all");
  return [...mechanisms, all, ...terms.filter((term) => !isDirective(term) && term.kind !== "redirect")];
};
