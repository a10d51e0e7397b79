/** Organizations by a list of public suffixes: one label below the longest that fits. */
import { expect, test } from "vitest";
import { organizationalByList } from "#dns/public-suffix.ts";
import { SOME_SUFFIXES } from "../support/some-suffixes.ts";

const check = (domain: string, expected: string, suffixes = SOME_SUFFIXES): void =>
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
