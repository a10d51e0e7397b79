import { describe, expect, test } from "vitest";
import { BOGUS, DISAGREEMENT, evidenceOf, notFoundOut, shown } from "#dns/look-up-findings.ts";

test("a failed look-up says nothing about the record; disagreement has its own code", () => {
  expect(notFoundOut("d.test", "TXT", { kind: "timeout", reason: "dns.test was late" })).toEqual({
    code: "dns.indeterminate",
    status: "indeterminate",
    name: "d.test",
    text: "We could not check the TXT records of d.test (dns.test was late); they may be right. Check again later.",
    evidence: ["d.test TXT: timeout, dns.test was late"],
    rfc: "RFC 2308 §7",
  });
  expect(notFoundOut("d.test", "MX", { kind: "servfail", reason: `${DISAGREEMENT}: one has none` }).code).toBe(
    "dns.disagree",
  );
  const bogus = notFoundOut("d.test", "MX", { kind: "servfail", reason: `${BOGUS} at dns.test: it is bogus` });
  expect(bogus).toMatchObject({ code: "dns.dnssec-bogus", text: expect.stringContaining("sign the zone anew") });
  expect(notFoundOut("d.test", "MX", { kind: "servfail", reason: `x ${DISAGREEMENT}` }).code).toBe("dns.indeterminate");
});

describe("shown", () => {
  const check = (text: string, expected: string): void => {
    test(JSON.stringify(text), () => expect(shown(text, 6)).toBe(expected));
  };
  check("abcdef", "abcdef");
  check("abcdefg", "abcdef…");
  check("\u0000\u001b\n\u009b\u202eé", "·····é");
});

test("evidence reads like a zone", () => {
  const records = { kind: "records", ttlSeconds: 1, authenticated: false, aliases: ["a.test", "b.test"] } as const;
  const of = { ...records, aliases: [...records.aliases] };
  expect(evidenceOf("d.test", "A", { ...of, records: ["192.0.2.1"] })).toEqual([
    "d.test CNAME a.test",
    "a.test CNAME b.test",
    "b.test A 192.0.2.1",
  ]);
  const strings = ["v=", "x\n"].map((text) => new TextEncoder().encode(text));
  expect(evidenceOf("d.test", "TXT", { ...of, aliases: [], records: [strings] })).toEqual(['d.test TXT "v=x·"']);
  const mx = [{ preference: 10, exchange: "mx.test" }];
  expect(evidenceOf("d.test", "MX", { ...of, aliases: [], records: mx })).toEqual(["d.test MX 10 mx.test"]);
  const many = Array.from({ length: 100 }, () => "192.0.2.1");
  expect(evidenceOf("d.test", "A", { ...of, records: many }).length).toBe(20);
  expect(evidenceOf("d.test", "A", { kind: "nxdomain" })).toEqual(["d.test does not exist"]);
  expect(evidenceOf("d.test", "A", { kind: "nodata" })).toEqual(["d.test has no A record"]);
});
