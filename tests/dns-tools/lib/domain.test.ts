/** Names as people type them: one form, or what is wrong; where one domain is wanted, the one that is meant. */
import { expect, test } from "vitest";
import { parseDomain, parseTypedDomain, type DomainResult } from "#dns/domain.ts";

const said = (result: DomainResult): string => (result.kind === "domain" ? result.domain : `(${result.problem})`);

/** As a name alone, and where whatever has one domain in it will do. */
const check = (text: string, name: string, typed = name): void => {
  expect(said(parseDomain(text)), text).toBe(name);
  expect(said(parseTypedDomain(text)), `typed ${text}`).toBe(typed);
};

test("names, and what is none", () => {
  check("D.Test.", "d.test");
  check("_dmarc.d.test", "_dmarc.d.test");
  check("bücher.example", "xn--bcher-kva.example");
  check("", "(empty)");
  check("d..test", "(not-a-name)");
  check("-d.test", "(not-a-name)");
  check("d test", "(not-a-name)");
  check(`${"a".repeat(63)}.test`, `${"a".repeat(63)}.test`);
  check(`${"a".repeat(64)}.test`, "(label-too-long)");
  check(`${"a.".repeat(125)}abc`, `${"a.".repeat(125)}abc`);
  check(`${"a.".repeat(125)}abcd`, "(name-too-long)");
  check("192.0.2.1", "(ip-address)");
  check("2001:db8::1", "(ip-address)");
  check("[2001:db8::1]", "(ip-address)");
  check("v=spf1 ip4:192.0.2.1 -all", "(not-a-name)");
});

test("one domain is in it, and is taken", () => {
  check("jo@d.test", "(not-a-name)", "d.test");
  check("Jo <jo@d.test>", "(not-a-name)", "d.test");
  check("mailto:jo@d.test", "(not-a-name)", "d.test");
  check("https://D.test/", "(not-a-name)", "d.test");
  check("https://jo@d.test:8443/path?q#f", "(not-a-name)", "d.test");
  check("d.test:25", "(not-a-name)", "d.test");
  check("d.test/path", "(not-a-name)", "d.test");
  check("  d.test ", "(not-a-name)", "d.test");
  check("http://[::1]/", "(not-a-name)", "(ip-address)");
  check("192.0.2.1:25", "(not-a-name)", "(ip-address)");
  check("@", "(not-a-name)", "(empty)");
  check("ftp://d.test", "(not-a-name)");
  check("d.test:smtp", "(not-a-name)");
});
