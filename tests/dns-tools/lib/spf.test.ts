import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatSpf, isSpf, parseSpf, type Qualifier, type SpfTerm } from "#dns/spf.ts";
import { cpuMs } from "../../support/cpu-time.ts";

const check = (terms: string, expected: SpfTerm[]): void => {
  test(terms, () => {
    expect(parseSpf(`v=spf1${terms}`)).toEqual({ kind: "record", terms: expected });
  });
};

describe("a record is", () => {
  check("", []);
  check("  ", []);
  check(" -all", [{ kind: "all", qualifier: "-" }]);
  check("  ~ALL  ", [{ kind: "all", qualifier: "~" }]);
  check(" +a ?mx", [
    { kind: "a", qualifier: "+" },
    { kind: "mx", qualifier: "?" },
  ]);
  check(" a/24 mx//64 a:h.test/0//128", [
    { kind: "a", prefix4: 24, qualifier: "+" },
    { kind: "mx", prefix6: 64, qualifier: "+" },
    { kind: "a", domainSpec: "h.test", prefix4: 0, prefix6: 128, qualifier: "+" },
  ]);
  check(" a:foo:bar/baz.test", [{ kind: "a", domainSpec: "foo:bar/baz.test", qualifier: "+" }]);
  check(" include:A.test. exists:%{ir}.x.test ptr ptr:p.test", [
    { kind: "include", domainSpec: "A.test.", qualifier: "+" },
    { kind: "exists", domainSpec: "%{ir}.x.test", qualifier: "+" },
    { kind: "ptr", qualifier: "+" },
    { kind: "ptr", domainSpec: "p.test", qualifier: "+" },
  ]);
  check(" ip4:192.0.2.1 -ip4:192.0.2.1/0 ip6:::1 ip6:2001:DB8::/32 ip6:::1.2.3.4/96", [
    { kind: "ip4", address: "192.0.2.1", qualifier: "+" },
    { kind: "ip4", address: "192.0.2.1", prefix: 0, qualifier: "-" },
    { kind: "ip6", address: "::1", qualifier: "+" },
    { kind: "ip6", address: "2001:DB8::", prefix: 32, qualifier: "+" },
    { kind: "ip6", address: "::1.2.3.4", prefix: 96, qualifier: "+" },
  ]);
  check(" Redirect=r.test EXP=%{l1r+-}.%{D} ra=100 x.y-z_1=%{c}:/", [
    { kind: "redirect", domainSpec: "r.test" },
    { kind: "exp", domainSpec: "%{l1r+-}.%{D}" },
    { kind: "unknown", name: "ra", value: "100" },
    { kind: "unknown", name: "x.y-z_1", value: "%{c}:/" },
  ]);
  check(" a:x.test.%{d} a:%%.%_.%-.1-9 a:%-", [
    { kind: "a", domainSpec: "x.test.%{d}", qualifier: "+" },
    { kind: "a", domainSpec: "%%.%_.%-.1-9", qualifier: "+" },
    { kind: "a", domainSpec: "%-", qualifier: "+" },
  ]);
});

const checkWrong = (terms: string, term: string, reason: string): void => {
  test(JSON.stringify(terms), () => {
    const text = `v=spf1 ${terms}`;
    const position = text.lastIndexOf(term);
    expect(parseSpf(text)).toEqual({ kind: "malformed", term, position, reason: expect.stringContaining(reason) });
  });
};

describe("not a record is, and the term says why", () => {
  checkWrong("ip4:192.0.2.1 -all moo", "moo", "no mechanism");
  checkWrong("-all.", "-all.", "no mechanism");
  checkWrong("-all:x.test", "-all:x.test", "stands alone");
  checkWrong("1up=foo", "1up=foo", "no mechanism");
  checkWrong("=all", "=all", "no mechanism");
  checkWrong("a\t-all", "a\t-all", "no mechanism");
  checkWrong("a:x.test\u0000", "a:x.test\u0000", "no domain");
  checkWrong("\u00a0a", "\u00a0a", "no mechanism");
  checkWrong("include", "include", "needs a colon");
  checkWrong("include:", "include:", "domain is missing");
  checkWrong("include/24", "include/24", "needs a colon");
  checkWrong("include:x.test/24", "include:x.test/24", "no domain");
  checkWrong("a:museum.", "a:museum.", "no domain");
  checkWrong("a:x.123", "a:x.123", "no domain");
  checkWrong("a:x.-com", "a:x.-com", "no domain");
  checkWrong("mx:x.com-", "mx:x.com-", "no domain");
  checkWrong("a:192.0.2.1", "a:192.0.2.1", "`ip4:192.0.2.1`");
  checkWrong("a/33", "a/33", "0 to 32");
  checkWrong("a/024", "a/024", "0 to 32");
  checkWrong("mx//129", "mx//129", "0 to 128");
  checkWrong("a/24/64", "a/24/64", "then `//`");
  checkWrong("ptr/0", "ptr/0", "needs a colon");
  checkWrong("ip4", "ip4", "no address of IPv4");
  checkWrong("ip4:1.2.3", "ip4:1.2.3", "no address of IPv4");
  checkWrong("ip4:1.2.3.4:25", "ip4:1.2.3.4:25", "no address of IPv4");
  checkWrong("ip4:1.2.3.4//32", "ip4:1.2.3.4//32", "0 to 32");
  checkWrong("ip4:1.2.3.4/", "ip4:1.2.3.4/", "0 to 32");
  checkWrong("ip6:1.2.3.4", "ip6:1.2.3.4", "no address of IPv6");
  checkWrong("ip6:::1/129", "ip6:::1/129", "0 to 128");
  checkWrong("redirect:x.test", "redirect:x.test", "takes `=`");
  checkWrong("redirect=", "redirect=", "domain is missing");
  checkWrong("exp=a.test exp=b.test", "exp=b.test", "second `exp=`");
  checkWrong("redirect=a.test REDIRECT=a.test", "REDIRECT=a.test", "second `redirect=`");
  for (const macro of ["%", "%(d)", "%{}", "%{x}", "%{c}", "%{d0}", "%{d00r}", "%{dr2}", "%{d;}", "%{d", "%%{d}"])
    checkWrong(`a:${macro}`, `a:${macro}`, "no domain");
  checkWrong("x=%abc", "x=%abc", "begins no macro");
});

test("the version is a word of its own", () => {
  for (const text of ["v=spf1", "V=SPF1 -all", "v=spf1  a"]) expect(isSpf(text), text).toBe(true);
  for (const text of ["", " v=spf1", "v=spf10", "v=spf1-all", "v=spf1\t-all", '"v=spf1 -all"', "\ufeffv=spf1"]) {
    expect(isSpf(text), text).toBe(false);
    expect(parseSpf(text), text).toMatchObject({ kind: "malformed", position: 0 });
  }
});

const qualifier = fc.constantFrom<Qualifier>("+", "-", "~", "?");
const macro = fc.stringMatching(/^%\{[slodiphvSLODIPHV]([1-9][0-9]?)?r?[-.+,/_=]{0,3}\}$/);
const literal = fc.stringMatching(/^[!-$&-~]{1,12}$/);
const domainSpec = fc
  .tuple(
    fc.array(fc.oneof(macro, literal, fc.constantFrom("%%", "%_", "%-"))),
    fc.oneof(macro, fc.constantFrom(".test", ".a-1.")),
  )
  .map(([parts, end]) => parts.join("") + end);
const ip4 = fc.ipV4();
const ip6 = fc.ipV6();
const prefix = (width: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: width });
const term: fc.Arbitrary<SpfTerm> = fc.oneof(
  fc.record({ kind: fc.constant("all"), qualifier }),
  fc.record({ kind: fc.constantFrom("include", "exists"), domainSpec, qualifier }),
  fc.record(
    { kind: fc.constantFrom("a", "mx"), domainSpec, prefix4: prefix(32), prefix6: prefix(128), qualifier },
    { requiredKeys: ["kind", "qualifier"] },
  ),
  fc.record({ kind: fc.constant("ptr"), domainSpec, qualifier }, { requiredKeys: ["kind", "qualifier"] }),
  fc.record(
    { kind: fc.constant("ip4"), address: ip4, prefix: prefix(32), qualifier },
    { requiredKeys: ["kind", "address", "qualifier"] },
  ),
  fc.record(
    { kind: fc.constant("ip6"), address: ip6, prefix: prefix(128), qualifier },
    { requiredKeys: ["kind", "address", "qualifier"] },
  ),
  fc.record({
    kind: fc.constant("unknown"),
    name: fc.stringMatching(/^x[\w.-]{0,8}$/),
    value: fc.oneof(domainSpec, fc.constant("")),
  }),
);
const record = fc
  .tuple(fc.array(term), fc.option(domainSpec), fc.option(domainSpec))
  .map(([terms, redirect, exp]): SpfTerm[] => [
    ...terms,
    ...(redirect === null ? [] : [{ kind: "redirect", domainSpec: redirect } as const]),
    ...(exp === null ? [] : [{ kind: "exp", domainSpec: exp } as const]),
  ]);

test("what is written reads back the same", () => {
  fc.assert(
    fc.property(record, (terms) => {
      expect(parseSpf(formatSpf(terms))).toEqual({ kind: "record", terms });
    }),
  );
});

test("whatever text comes, it is read or refused", () => {
  const words = fc.array(
    fc.oneof(fc.string(), fc.constantFrom("a", ":", "/", "%{", "}", " ", "=", "ip4", "1.2.3.4", ".test")),
  );
  fc.assert(
    fc.property(words, (parts) => {
      const text = `v=spf1 ${parts.join("")}`;
      const parsed = parseSpf(text);
      if (parsed.kind === "malformed") expect(text.startsWith(parsed.term, parsed.position)).toBe(true);
      else expect(parseSpf(formatSpf(parsed.terms))).toEqual(parsed);
    }),
  );
});

test("long texts are read in a moment", () => {
  const fromMs = cpuMs();
  for (const text of [
    `a:${"1".repeat(65_000)}`,
    `a:${"a-".repeat(32_000)}`,
    `a:${"%{d}.".repeat(13_000)}`,
    `a/${"1/".repeat(32_000)}`,
  ])
    expect(parseSpf(`v=spf1 ${text}`).kind).toBe("malformed");
  expect(parseSpf(`v=spf1 ${"a ".repeat(32_000)}`).kind).toBe("record");
  expect(parseSpf(`v=spf1 ${"%{d1.}".repeat(10)}`).kind).toBe("malformed");
  expect(cpuMs() - fromMs).toBeLessThan(1000);
});
