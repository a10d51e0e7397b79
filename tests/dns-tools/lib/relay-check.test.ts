/** A relay's own records as a whole: nothing wrong, each part wrong by itself, and what is told once. */
import { describe, expect, test } from "vitest";
import { BLOCKLISTS } from "#dns/dnsbl.ts";
import { checkRelays, parseRelaySource, type RelayReport, type Relays } from "#dns/relay-check.ts";
import type { Resolve } from "#dns/resolver.ts";
import { recordedResolver, type RecordedName, type RecordedZone } from "#resolvers/recorded.ts";

const sources = ["192.0.2.10=mx1.relay.test", "2001:db8::10=mx1.relay.test"]
  .map(parseRelaySource)
  .filter((source) => !!source);
const RELAYS: Relays = { sources, include: "spf.relay.test", bounceDomain: "bounce.relay.test" };
const SPF = "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all";
const txt = (...TXT: string[]): RecordedName => ({ TXT });
const mx = (exchange: string): RecordedName => ({ MX: [{ preference: 10, exchange }], A: ["192.0.2.20"] });
const GOOD: RecordedZone = {
  "10.2.0.192.in-addr.arpa": { PTR: ["mx1.relay.test"] },
  [`0.1.0.0.${"0.".repeat(20)}8.b.d.0.1.0.0.2.ip6.arpa`]: { PTR: ["mx1.relay.test"] },
  "mx1.relay.test": { A: ["192.0.2.10"], AAAA: ["2001:db8::10"] },
  "spf.relay.test": txt(SPF),
  "bounce.relay.test": mx("in.relay.test"),
  "*._report._dmarc.bounce.relay.test": txt("v=DMARC1"),
  "in.relay.test": { A: ["192.0.2.20"] },
  ...Object.fromEntries(BLOCKLISTS.map(({ zone }) => [`2.0.0.127.${zone}`, { A: ["127.0.0.2"] }])),
};

const run = (zone: RecordedZone, relays: Relays = RELAYS): Promise<RelayReport> => {
  const resolve = recordedResolver({ ...GOOD, ...zone });
  return checkRelays(relays, { resolve, own: resolve });
};
const summary = ({ findings }: RelayReport): string =>
  findings
    .filter(({ status }) => status !== "pass")
    .map(({ code, status }) => `${code} ${status}`)
    .join(", ");
/** `zone`: over the good one. */
const check = (title: string, zone: RecordedZone, codes: string, text = "", relays = RELAYS): void => {
  test(title, async () => {
    const report = await run(zone, relays);
    expect(summary(report)).toBe(codes);
    expect(report.findings.filter(({ status }) => status !== "pass")[0]?.text ?? "").toContain(text);
  });
};

test("without fault: what was looked at is said", async () => {
  const report = await run({});
  expect(report.status).toBe("pass");
  expect(report.findings.map(({ code, status, name }) => `${code} ${status} ${name}`)).toEqual([
    "ptr.missing pass 10.2.0.192.in-addr.arpa",
    `ptr.missing pass 0.1.0.0.${"0.".repeat(20)}8.b.d.0.1.0.0.2.ip6.arpa`,
    "spf.not-authorised pass spf.relay.test",
    "spf.lookups pass spf.relay.test",
    "mx.missing pass bounce.relay.test",
    "dmarc.rua-unauthorised pass *._report._dmarc.bounce.relay.test",
    ...BLOCKLISTS.map(({ zone }) => `dnsbl.listed pass ${zone}`),
  ]);
});

describe("the include record", () => {
  const spf = (text: string): RecordedZone => ({ "spf.relay.test": txt(text) });
  check("none", { "spf.relay.test": "nxdomain" }, "spf.missing fail", "spf.relay.test has no SPF record");
  check("two", { "spf.relay.test": txt(SPF, SPF) }, "spf.multiple fail");
  check("without one of the addresses", spf("v=spf1 ip4:192.0.2.0/24 -all"), "spf.not-authorised fail");
  check("open to everybody", spf(`${SPF.slice(0, -4)}+all`), "spf.plus-all warn");
  check("an `all` that says nothing is as good as any there", spf(`${SPF.slice(0, -4)}?all`), "");
  check("so is none", spf(SPF.slice(0, -5)), "");
  check("could not be looked up", { "spf.relay.test": "timeout" }, "dns.indeterminate indeterminate");
  const nested = (count: number): RecordedZone => ({
    ...spf(`v=spf1 ${Array.from({ length: count }, (_, at) => `include:s${at}.test`).join(" ")} -all`),
    ...Object.fromEntries(Array.from({ length: count }, (_, at) => [`s${at}.test`, txt(SPF)])),
  });
  check("a few look-ups", nested(2), "");
  check("more look-ups", nested(3), "spf.lookups warn", "takes 4 of the 10 look-ups that each customer has");
  check("too many look-ups", nested(11), "spf.lookups fail");
});

describe("the bounce domain", () => {
  const at = (entry: RecordedName): RecordedZone => ({ "bounce.relay.test": entry });
  check("is not there", at("nxdomain"), "mx.missing fail", "so bounces to it are lost");
  check("an address alone is enough", at({ A: ["192.0.2.20"] }), "");
  check("null MX", at(mx(".")), "mx.null fail", "bounces are lost");
  check("to an address", at(mx("192.0.2.20")), "mx.ip fail");
  check("to nothing", at(mx("gone.test")), "mx.dangling fail", "gone.test has no address");
  check("to a CNAME", { ...at(mx("alias.test")), "alias.test": { CNAME: ["in.relay.test"] } }, "mx.cname warn");
  check(
    "is no host, though customers' MX name it",
    at({ MX: [{ preference: 10, exchange: "in.relay.test" }] }),
    "mx.dangling fail",
    "bounce.relay.test has no address",
  );
  check("is a CNAME", at({ CNAME: ["in.relay.test"] }), "mx.cname warn", "bounce.relay.test is a CNAME");
  check("could not be looked up", at("servfail"), "dns.indeterminate indeterminate");
});

describe("DMARC reports", () => {
  const at = (entry: RecordedName): RecordedZone => ({ "*._report._dmarc.bounce.relay.test": entry });
  check("nobody says that they are wanted", at("nxdomain"), "dmarc.rua-unauthorised warn", "are dropped");
  check("something else is there", at(txt("hello")), "dmarc.rua-unauthorised warn");
  check(
    "for one domain only",
    {
      ...at("nxdomain"),
      "shop.test._report._dmarc.bounce.relay.test": txt("v=DMARC1"),
    },
    "dmarc.rua-unauthorised warn",
  );
  check("could not be looked up", at("servfail"), "dns.indeterminate indeterminate");
});

describe("the addresses", () => {
  const [first] = sources;
  check("one without a name", { "10.2.0.192.in-addr.arpa": "nxdomain" }, "ptr.missing fail");
  check("one on a list", { "10.2.0.192.zen.spamhaus.org": { A: ["127.0.0.4"] } }, "dnsbl.listed fail");
  const inside = parseRelaySource("10.0.0.5=mx1.relay.test");
  const relays: Relays = { sources: [...(inside ? [inside] : []), ...(first ? [first] : [])] };
  check(
    "one that nobody sees is not looked up",
    {},
    "ptr.missing not_applicable",
    "10.0.0.5 is a private address",
    relays,
  );
});

test("only what is told is looked at; without a resolver of our own, no list is asked", async () => {
  const asked: string[] = [];
  const zone = recordedResolver(GOOD);
  const resolve: Resolve = (name, type, signal) => {
    asked.push(name);
    return zone(name, type, signal);
  };
  expect(await checkRelays({ sources: [] }, { resolve, own: resolve })).toEqual({ status: "pass", findings: [] });
  expect(asked).toEqual([]);
  const report = await checkRelays(RELAYS, { resolve, own: "Nobody is there." });
  expect(report.status).toBe("pass");
  expect(summary(report)).toBe(BLOCKLISTS.map(() => "dnsbl.indeterminate not_applicable").join(", "));
  expect(asked.filter((name) => BLOCKLISTS.some(({ zone }) => name.endsWith(zone)))).toEqual([]);
});

describe("the worst counts", () => {
  const status = (title: string, zone: RecordedZone, expected: string): void => {
    test(title, async () => expect((await run(zone)).status).toBe(expected));
  };
  const ill: RecordedZone = { "bounce.relay.test": "servfail" };
  status(
    "a warning",
    {
      "mx1.relay.test": { A: ["192.0.2.10"], AAAA: ["2001:db8::10"] },
      "10.2.0.192.psbl.surriel.com": { A: ["127.0.0.2"] },
    },
    "warn",
  );
  status("not known", { ...ill, "10.2.0.192.psbl.surriel.com": { A: ["127.0.0.2"] } }, "indeterminate");
  status("a fault", { ...ill, "10.2.0.192.in-addr.arpa": "nxdomain" }, "fail");
});

test("a DNS that answers nothing is not known, whatever is asked", async () => {
  const resolve: Resolve = async () => ({ kind: "timeout", reason: "nobody answered" });
  const report = await checkRelays(RELAYS, { resolve, own: resolve });
  expect(new Set(report.findings.map((finding) => finding.status))).toEqual(new Set(["indeterminate"]));
});

describe("parseRelaySource", () => {
  const parses = (text: string, expected: string | undefined): void => {
    test(JSON.stringify(text), () => {
      const source = parseRelaySource(text);
      expect(source && `${source.address} ${source.ip.version} ${source.heloName}`).toBe(expected);
    });
  };
  parses("192.0.2.10=mx1.relay.example", "192.0.2.10 4 mx1.relay.example");
  parses(" 2001:db8::1=MX6.Test. ", "2001:db8::1 6 mx6.test");
  for (const text of [
    "",
    "192.0.2.10",
    "192.0.2.10=",
    "=mx1.test",
    "192.0.2.300=mx1.test",
    "192.0.2.1=a=b",
    "mx1.test=192.0.2.1",
  ])
    parses(text, undefined);
});
