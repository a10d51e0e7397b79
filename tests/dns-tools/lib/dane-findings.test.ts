/** Each `dane.*` code with a zone that gives exactly it, and near misses. */
import { describe, expect, test } from "vitest";
import { daneFindings } from "#dns/dane-findings.ts";
import type { Tlsa } from "#dns/dane.ts";
import { recordedResolver, type RecordedName, type RecordedZone } from "#resolvers/recorded.ts";

const tlsa = (usage = 3, octets = 32): Tlsa => ({
  usage,
  selector: 1,
  matchingType: 1,
  certificate: new Uint8Array(octets).fill(0xab),
});
const signed = (...records: Tlsa[]): RecordedName => ({ TLSA: records, authenticated: true });
const mx = (authenticated: boolean, ...exchanges: string[]): RecordedName => ({
  MX: exchanges.map((exchange, at) => ({ preference: at * 10, exchange })),
  authenticated,
});
const soa = { mname: "a.test", rname: "b.test", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 };
/** What a resolver that validates says of a zone that is signed. */
const VALIDATING: RecordedZone = { com: { SOA: [soa], authenticated: true } };

const GOOD: RecordedZone = {
  ...VALIDATING,
  "d.test": mx(true, "mx.d.test"),
  "mx.d.test": { A: ["192.0.2.1"], authenticated: true },
  "_25._tcp.mx.d.test": signed(tlsa()),
};

type Expected = { says?: string; name?: string };
const check = (title: string, zone: RecordedZone, expected: string, more: Expected = {}): void => {
  test(title, async () => {
    const findings = await daneFindings("d.test", recordedResolver({ ...GOOD, ...zone }));
    expect(findings.map(({ code, status }) => `${code} ${status}`).join(", ")).toBe(expected);
    const [finding] = findings;
    if (finding) {
      expect(finding.text).toContain(more.says ?? "");
      expect(finding.name).toBe(more.name ?? finding.name);
      expect(finding.rfc).toMatch(/^RFC \d+ §/);
      expect(finding.evidence.length).toBeGreaterThan(0);
    }
  });
};
const PASS = "dane.missing pass";

describe("without fault", () => {
  check("signed and usable", {}, PASS, { says: "deliver mail to d.test to mx.d.test only over TLS" });
  check("two keys, for a change", { "_25._tcp.mx.d.test": signed(tlsa(), tlsa(2)) }, PASS);
  check(
    "two hosts, one in capitals and twice",
    {
      "d.test": mx(true, "mx.d.test", "MX.d.test", "mx2.d.test"),
      "_25._tcp.mx2.d.test": signed(tlsa()),
    },
    PASS,
  );
  test("the evidence is the record", async () => {
    const [finding] = await daneFindings("d.test", recordedResolver(GOOD));
    expect(finding?.evidence).toEqual([`_25._tcp.mx.d.test TLSA 3 1 1 ${"ab".repeat(32)}`]);
  });
});

describe("not there is not spoken of", () => {
  check("no TLSA", { "_25._tcp.mx.d.test": "nxdomain" }, "");
  check("no MX", { "d.test": { A: ["192.0.2.1"] } }, "");
  check("a null MX", { "d.test": mx(true, ".") }, "");
  check("MX not to be found out, which is told elsewhere", { "d.test": "servfail" }, "");
  check("a host that has no room for the label", { "d.test": mx(true, `${"a.".repeat(122)}test`) }, "");
});

describe("dane.missing", () => {
  const two: RecordedZone = { "d.test": mx(true, "mx.d.test", "mx2.d.test") };
  check("one host of two has none", { ...two, "mx2.d.test": { A: ["192.0.2.2"] } }, "dane.missing warn", {
    says: "mx2.d.test has no TLSA record and the others have",
    name: "_25._tcp.mx2.d.test",
  });
  check("of one nobody knows", { ...two, "_25._tcp.mx2.d.test": "servfail" }, PASS);
});

describe("dane.unsigned", () => {
  const bare: RecordedZone = { "_25._tcp.mx.d.test": { TLSA: [tlsa()] } };
  const warn = "dane.unsigned warn";
  check("the records", bare, warn, {
    says: "not signed by DNSSEC, so senders ignore them",
    name: "_25._tcp.mx.d.test",
  });
  check("the records and the MX", { ...bare, "d.test": mx(false, "mx.d.test") }, warn, { name: "_25._tcp.mx.d.test" });
  check(
    "the MX alone: the host's DANE waits for it",
    { "d.test": mx(false, "mx.d.test") },
    "dane.unsigned not_applicable",
    {
      says: "the zone of d.test is not signed by DNSSEC",
      name: "d.test",
    },
  );
  const blind: RecordedZone = { ...bare, "d.test": mx(false, "mx.d.test"), com: { SOA: [soa] } };
  check("a resolver that does not validate", blind, "dane.unsigned not_applicable", {
    says: "does not validate DNSSEC",
    name: "d.test",
  });
  check("a resolver of which nobody knows", { ...blind, com: "timeout" }, "dane.unsigned not_applicable");
});

describe("dane.unusable", () => {
  const warn = "dane.unusable warn";
  const hold = (...records: Tlsa[]): RecordedZone => ({ "_25._tcp.mx.d.test": signed(...records) });
  check("of a web server", hold(tlsa(1)), warn, {
    says: "for its usage is 1, which is for web servers; mail knows 2 and 3",
  });
  check("cut", hold(tlsa(3, 20)), warn, { says: "any certificate will do for senders" });
  check("one of two", hold(tlsa(), tlsa(0)), warn, { says: "senders skip it and use the others" });
  check("unsigned counts first", { "_25._tcp.mx.d.test": { TLSA: [tlsa(1)] } }, "dane.unsigned warn");
});

describe("could not be found out", () => {
  const ill: RecordedZone = { "_25._tcp.mx.d.test": "timeout" };
  check("in a signed zone senders would wait", ill, "dns.indeterminate indeterminate", { name: "_25._tcp.mx.d.test" });
  check("in another nobody asks", { ...ill, "mx.d.test": { A: ["192.0.2.1"] } }, "");
});

test("no more than 20 hosts are looked up", async () => {
  const asked: string[] = [];
  const zone = recordedResolver({ "d.test": mx(true, ...Array.from({ length: 500 }, (_, at) => `h${at}.test`)) });
  await daneFindings("d.test", (name, type, signal) => {
    asked.push(name);
    return zone(name, type, signal);
  });
  expect(asked.length).toBe(41);
});
