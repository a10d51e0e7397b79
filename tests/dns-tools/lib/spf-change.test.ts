/** The `all` of a record put right: nothing else of it moves, and what was right stays as it is. */
import { expect, test } from "vitest";
import { withAll, withAllLast } from "#dns/spf-change.ts";
import { formatSpf, parseSpf, type Qualifier, type SpfTerm } from "#dns/spf.ts";

const termsOf = (text: string): SpfTerm[] => {
  const parsed = parseSpf(text);
  if (parsed.kind !== "record") throw new Error(`${text} is no record`);
  return parsed.terms;
};

const check = (text: string, change: (terms: readonly SpfTerm[]) => SpfTerm[], expected: string): void => {
  test(`${text} becomes ${expected}`, () => {
    const terms = termsOf(text);
    const before = structuredClone(terms);
    const changed = change(terms);
    expect(formatSpf(changed)).toBe(expected);
    expect(change(changed), "a second time changes nothing").toEqual(changed);
    expect(terms, "what was given is left as it was").toEqual(before);
  });
};

const withAllOf =
  (qualifier: Qualifier) =>
  (terms: readonly SpfTerm[]): SpfTerm[] =>
    withAll(terms, qualifier);

check("v=spf1 a +all", withAllOf("~"), "v=spf1 a ~all");
check("v=spf1 ?all mx exp=x.test", withAllOf("-"), "v=spf1 -all mx exp=x.test");
check("v=spf1 ?all +all", withAllOf("~"), "v=spf1 ~all ~all");
check("v=spf1 a", withAllOf("~"), "v=spf1 a ~all");
check("v=spf1 a -all", withAllOf("-"), "v=spf1 a -all");
check("v=spf1", withAllOf("-"), "v=spf1 -all");

check("v=spf1 a -all mx", withAllLast, "v=spf1 a mx -all");
check("v=spf1 -all a mx", withAllLast, "v=spf1 a mx -all");
// RFC 7208 §5.1: only the first `all` is ever reached.
check("v=spf1 a ~all mx -all", withAllLast, "v=spf1 a mx ~all");
// RFC 7208 §6.1: beside an `all` a redirect counts for nothing.
check("v=spf1 a -all redirect=x.test exp=y.test", withAllLast, "v=spf1 a -all exp=y.test");
check("v=spf1 exp=y.test -all a", withAllLast, "v=spf1 a -all exp=y.test");
check("v=spf1 a redirect=x.test", withAllLast, "v=spf1 a redirect=x.test");
check("v=spf1 a -all", withAllLast, "v=spf1 a -all");
