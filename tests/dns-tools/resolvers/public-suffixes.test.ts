/** The real list: registries of all countries, wildcards with their exceptions, hosts that give names to customers. */
import { expect, test } from "vitest";
import { organizationalByList } from "#dns/public-suffix.ts";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";

const check = (domain: string, expected: string): void =>
  expect(organizationalByList(domain, PUBLIC_SUFFIXES), domain).toBe(expected);

test("below a registry with a second level everybody is an organization", () => {
  const registries = (
    "net.id kyoto.jp k12.ca.us com.bd co.ke com.np com.mt com.cy co.cr com.ec com.gt co.ug co.tz com.lb gov.it org.pl " +
    "waw.pl asso.fr com.fr com.hr priv.no gouv.fr co.rs com.kw com.qa com.my biz.tr mil.br org.br k12.tr com.bo com.do " +
    "co.zw com.gh co.uk com.au workers.dev github.io"
  ).split(" ");
  for (const registry of registries) check(`mail.foo.${registry}`, `foo.${registry}`);
});

test("wildcards and their exceptions", () => {
  check("a.b.c.ck", "b.c.ck");
  check("c.ck", "c.ck");
  check("a.www.ck", "www.ck");
  check("a.school.town.sch.uk", "school.town.sch.uk");
});

test("a suffix is its own; names that are no host names, and unlisted ones, have one too", () => {
  for (const suffix of ["com", "co.uk", "net.id", "unlisted"]) check(suffix, suffix);
  check("_dmarc.foo.co.uk", "foo.co.uk");
  check("s1._domainkey.foo.net.id", "foo.net.id");
  check("a.example.unlisted", "example.unlisted");
  check("xn--bcher-kva.example", "xn--bcher-kva.example");
});
