/** What block lists say, what they mean by it, and what is no answer of theirs. */
import { describe, expect, test } from "vitest";
import { BLOCKLISTS } from "#dns/dnsbl.ts";
import { blocklistFindings, blocklistsNotAsked } from "#dns/dnsbl-findings.ts";
import { parseRelaySource } from "#dns/relay-check.ts";
import type { RelaySource } from "#dns/reverse-dns-findings.ts";
import type { Resolve } from "#dns/resolver.ts";
import { recordedResolver, type RecordedName, type RecordedZone } from "#resolvers/recorded.ts";

const sourcesOf = (...texts: string[]): RelaySource[] => texts.map(parseRelaySource).filter((source) => !!source);
const ONE = sourcesOf("192.0.2.10=mx1.relay.test");
const SIX = sourcesOf("2001:db8::10=mx6.relay.test");

const a = (...A: string[]): RecordedName => ({ A });
const ZEN = "zen.spamhaus.org";
const HEALTHY: RecordedZone = Object.fromEntries(BLOCKLISTS.map(({ zone }) => [`2.0.0.127.${zone}`, a("127.0.0.2")]));
const at = (zone: string): string => `10.2.0.192.${zone}`;

type Expected = { text?: string; sources?: RelaySource[] };
/** `codes`: of the findings that are no pass, with the first label of their names. */
const check = (title: string, zone: RecordedZone, codes: string, { text = "", sources = ONE }: Expected = {}): void => {
  test(title, async () => {
    const findings = await blocklistFindings(sources, recordedResolver({ ...HEALTHY, ...zone }));
    const found = findings.filter(({ status }) => status !== "pass");
    expect(found.map(({ code, status, name }) => `${code} ${status} ${name}`).join(", ")).toBe(codes);
    expect((found[0] ?? findings[0])?.text).toContain(text);
    for (const { evidence, rfc } of findings) {
      expect(evidence.length).toBeGreaterThan(0);
      expect(rfc).toMatch(/^RFC 5782 §/);
    }
  });
};

describe("dnsbl.listed", () => {
  check("on none", {}, "", { text: "192.0.2.10 is not on zen.spamhaus.org." });
  check("the next address is", { [`11.2.0.192.${ZEN}`]: a("127.0.0.2") }, "");
  check("NODATA is no listing", { [at(ZEN)]: { TXT: ["hello"] } }, "");
  const listed = `dnsbl.listed fail ${at(ZEN)}`;
  check("SBL", { [at(ZEN)]: a("127.0.0.2") }, listed, { text: "192.0.2.10 is on zen.spamhaus.org: its network" });
  check("XBL and PBL", { [at(ZEN)]: a("127.0.0.4", "127.0.0.11") }, listed, { text: "(XBL); it is in a range" });
  check("a code of nobody", { [at(ZEN)]: a("127.9.9.9") }, listed, { text: "127.9.9.9, which we have no words for" });
  check("next to the codes of refusals", { [at(ZEN)]: a("127.255.254.254") }, listed);
  check(
    "a list that fewer go by",
    { [at("bl.spamcop.net")]: a("127.0.0.2") },
    `dnsbl.listed warn ${at("bl.spamcop.net")}`,
    {
      text: "Receivers count that",
    },
  );
  check(
    "on two",
    { [at(ZEN)]: a("127.0.0.3"), [at("psbl.surriel.com")]: a("127.0.0.2") },
    `${listed}, dnsbl.listed warn ${at("psbl.surriel.com")}`,
  );
  const nibbles = `0.1.0.0.${"0.".repeat(20)}8.b.d.0.1.0.0.2`;
  check("IPv6", { [`${nibbles}.${ZEN}`]: a("127.0.0.3") }, `dnsbl.listed fail ${nibbles}.${ZEN}`, { sources: SIX });
  test("lists without IPv6 are not asked for it, and each list answers once for many addresses", async () => {
    const codes = async (sources: RelaySource[]): Promise<string[]> =>
      (await blocklistFindings(sources, recordedResolver(HEALTHY))).map(({ status, name }) => `${status} ${name}`);
    expect(await codes(SIX)).toEqual([`pass ${ZEN}`]);
    expect(await codes([...ONE, ...SIX])).toEqual(BLOCKLISTS.map(({ zone }) => `pass ${zone}`));
    expect(await codes([])).toEqual([]);
  });
});

describe("dnsbl.indeterminate", () => {
  const unknown = `dnsbl.indeterminate indeterminate ${ZEN}`;
  for (const [code, text] of [
    ["127.255.255.254", "because it does not answer public resolvers, as 127.255.255.254 means. That is no listing."],
    ["127.255.255.252", "there is no list of that name"],
    ["127.255.255.255", "asked too often"],
    ["127.255.255.7", "refuses to say"],
    ["203.0.113.9", "the answer 203.0.113.9 is not one of a block list"],
  ] as const) {
    check(`${code} for the address`, { [at(ZEN)]: a(code) }, unknown, { text });
    check(`${code} beside a listing`, { [at(ZEN)]: a("127.0.0.2", code) }, unknown, { text });
    check(`${code} for the test entry`, { [`2.0.0.127.${ZEN}`]: a(code) }, unknown, { text });
    check(`${code} for everything`, { [`2.0.0.127.${ZEN}`]: a(code), [`*.${ZEN}`]: a(code) }, unknown, { text });
  }
  check("a resolver that hides the list", { [`2.0.0.127.${ZEN}`]: "nxdomain" }, unknown, { text: "tests is not seen" });
  const all = { [`*.${ZEN}`]: a("127.0.0.2"), [`*.0.0.127.${ZEN}`]: a("127.0.0.2") };
  check("a list that was given up lists all", all, unknown, { text: "no list has is listed" });
  for (const kind of ["servfail", "timeout", "refused"] as const) {
    check(`${kind}, the address`, { [at(ZEN)]: kind }, unknown, { text: "the look-up failed" });
    check(`${kind}, the test entry`, { [`2.0.0.127.${ZEN}`]: kind }, unknown, { text: "Check again later." });
    check(`${kind}, the entry that must not be`, { [`1.0.0.127.${ZEN}`]: kind }, unknown);
  }
  check(
    "one address of two",
    { [at(ZEN)]: "timeout", [`11.2.0.192.${ZEN}`]: a("127.0.0.3") },
    `dnsbl.listed fail 11.2.0.192.${ZEN}, ${unknown}`,
    {
      sources: sourcesOf("192.0.2.10=a.test", "192.0.2.11=b.test"),
    },
  );
  test("a list that fails its tests is asked nothing more", async () => {
    const asked: string[] = [];
    const zone = recordedResolver({});
    const resolve: Resolve = (name, type, signal) => {
      asked.push(name);
      return zone(name, type, signal);
    };
    await blocklistFindings(ONE, resolve);
    expect(asked.toSorted()).toEqual(
      BLOCKLISTS.flatMap(({ zone }) => [`1.0.0.127.${zone}`, `2.0.0.127.${zone}`]).toSorted(),
    );
  });
  test("not asked at all", () => {
    const found = blocklistsNotAsked("Nobody is there.");
    expect(found.map(({ status, name }) => `${status} ${name}`)).toEqual(
      BLOCKLISTS.map(({ zone }) => `not_applicable ${zone}`),
    );
    expect(found[0]?.text).toBe("zen.spamhaus.org was not asked. Nobody is there.");
  });
});

test("an answer of 64 KB is shown short", async () => {
  const many = Array.from({ length: 4000 }, (_, n) => `127.0.${n >> 8}.${n & 255}`);
  const findings = await blocklistFindings(ONE, recordedResolver({ ...HEALTHY, [at(ZEN)]: a(...many) }));
  expect(findings[0]?.code).toBe("dnsbl.listed");
  expect(JSON.stringify(findings).length).toBeLessThan(4000);
});
