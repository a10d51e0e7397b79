import { expect, test } from "vitest";
import { COMMON_SUFFIXES, organizationalByList } from "#dns/public-suffix.ts";

const check = (domain: string, expected: string, suffixes: ReadonlySet<string> = COMMON_SUFFIXES): void =>
  expect(organizationalByList(domain, suffixes), domain).toBe(expected);

test("one label below a suffix", () => {
  check("example.com", "example.com");
  check("a.b.example.com", "example.com");
  check("a.example.co.uk", "example.co.uk");
  check("a.example.unlisted", "example.unlisted");
  check("shop.customer.workers.dev", "customer.workers.dev");
  check("a.b.example.com", "a.b.example.com", new Set(["example.com", "b.example.com"]));
});

test("a suffix itself is its own", () => {
  for (const suffix of ["com", "co.uk", "workers.dev", "unlisted"]) check(suffix, suffix);
});

test("wildcards and their exceptions", () => {
  check("a.b.c.ck", "b.c.ck");
  check("c.ck", "c.ck");
  check("a.www.ck", "www.ck");
  check("www.ck", "www.ck");
  check("ck", "ck");
  check("a.school.town.sch.uk", "school.town.sch.uk");
  check("sch.uk", "sch.uk");
});
