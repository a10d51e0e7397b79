/** What is said of the records of a domain, over zones given as data. */
import { describe, expect, test } from "vitest";
import { sendingRecords } from "#dns/requirement.ts";
import type { Answer, RecordData, RecordType, Resolve } from "#dns/resolver.ts";
import { verifyRecords, type NeededRecord, type RecordCheck } from "#dns/verify-records.ts";

type Failing = Exclude<Answer<RecordType>, { kind: "records" }>;
type Entry = { [T in RecordType]?: RecordData[T][] } | Failing;
type Zone = Record<string, Entry>;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const txt = (...texts: string[]): Entry => ({ TXT: texts.map((text) => [bytes(text)]) });
const mx = (...hosts: string[]): Entry => ({ MX: hosts.map((exchange, at) => ({ preference: at, exchange })) });

const resolving = (zone: Zone): Resolve => {
  const resolve: Resolve = async (name, type) => {
    const entry = zone[name] ?? { kind: "nxdomain" as const };
    if ("kind" in entry) return entry;
    const records = entry[type];
    return records
      ? { kind: "records", records, ttlSeconds: 60, authenticated: false, aliases: [] }
      : { kind: "nodata" };
  };
  return resolve;
};

const SPF: NeededRecord = { record: "SPF", name: "send", type: "TXT", value: "v=spf1 include:spf.relay.test ~all" };
const MX: NeededRecord = { record: "SPF", name: "send", type: "MX", value: "bounce.relay.test" };
const DKIM: NeededRecord = { record: "DKIM", name: "s1._domainkey", type: "TXT", value: "v=DKIM1; k=rsa; p=AAAABBBB" };
const CNAME: NeededRecord = { record: "DKIM", name: "s1._domainkey", type: "CNAME", value: "s1.relay.test" };

const signal = new AbortController().signal;
const verify = (records: NeededRecord[], zone: Zone): Promise<RecordCheck[]> =>
  verifyRecords("d.test", records, resolving(zone), signal);

const check = (title: string, record: NeededRecord, entry: Entry, status: RecordCheck["status"], text = ""): void => {
  test(title, async () => {
    const [found] = await verify([record], { [`${record.name}.d.test`]: entry });
    expect(found).toEqual({ status, text: expect.stringContaining(text) });
    expect(found?.text).toContain(`${record.name}.d.test`);
  });
};

describe("not published is pending, not found out is temporary, whatever the record", () => {
  for (const record of [SPF, MX, DKIM, CNAME]) {
    const title = `${record.record} ${record.type}`;
    check(`${title}, no name`, record, { kind: "nxdomain" }, "pending", `publish \`${record.value}\``);
    check(`${title}, no data`, record, { A: ["192.0.2.1"] }, "pending", `no ${record.type} record`);
    for (const kind of ["servfail", "timeout", "refused"] as const)
      check(`${title}, ${kind}`, record, { kind, reason: "dns.test is ill" }, "temporary_failure", "dns.test is ill");
  }
});

describe("SPF", () => {
  check("as it is to be", SPF, txt(SPF.value), "verified");
  check("beside other TXT", SPF, txt("site=abc", SPF.value, "v=spf10 -all"), "verified");
  check("merged into the owner's", SPF, txt("v=spf1 ip4:192.0.2.0/24 include:spf.relay.test -all"), "verified");
  check("in capitals, with +, a dot and spaces", SPF, txt("V=SPF1  mx  +INCLUDE:SPF.relay.TEST.  ~all"), "verified");
  check("without all", SPF, txt("v=spf1 include:spf.relay.test"), "verified");
  check("only other TXT", SPF, txt("site=abc", "v=spf1include:spf.relay.test"), "pending", "no SPF record");
  check("another include", SPF, txt("v=spf1 include:other.test ~all"), "failed", "lacks include:spf.relay.test");
  check("a longer name", SPF, txt("v=spf1 include:spf.relay.test.evil.test ~all"), "failed", "lacks");
  check("behind all", SPF, txt("v=spf1 -all include:spf.relay.test"), "failed", "right behind `v=spf1`");
  for (const qualifier of ["-", "~", "?"])
    check(`with ${qualifier}`, SPF, txt(`v=spf1 ${qualifier}include:spf.relay.test -all`), "failed", "lacks");
  check("empty", SPF, txt("v=spf1"), "failed", "lacks");
  check("two", SPF, txt(SPF.value, "v=spf1 -all"), "failed", "2 SPF records");
  check("two that are the same", SPF, txt(SPF.value, SPF.value), "failed", "2 SPF records");
  const addresses: NeededRecord = { ...SPF, value: "v=spf1 ip4:192.0.2.1 include:a.test ~all" };
  check("each term is needed", addresses, txt("v=spf1 include:a.test -all"), "failed", "lacks ip4:192.0.2.1:");
});

describe("MX", () => {
  check("as it is to be", MX, mx("bounce.relay.test"), "verified");
  check("in capitals, with a dot, not alone", MX, mx("other.test", "Bounce.Relay.Test."), "verified");
  check("others", MX, mx("a.test", "b.test"), "failed", "is a.test, b.test: replace it by bounce.relay.test");
  check("none wanted (RFC 7505)", MX, mx("."), "failed", "is .:");
  check("many", MX, mx(..."abcdefgh".split("")), "failed", "is a, b, c, d, …:");
  check("a longer name", MX, mx("bounce.relay.test.evil.test"), "failed");
});

describe("DKIM", () => {
  check("as it is to be", DKIM, txt(DKIM.value), "verified");
  check("in strings", DKIM, { TXT: [["v=DKIM1; p=AAAA", "BBBB"].map(bytes)] }, "verified");
  check("in two records", DKIM, txt("v=DKIM1; p=AAAA", "BBBB"), "failed", "2 TXT records");
  check("cut", DKIM, txt("v=DKIM1; k=rsa; p=AAAA"), "failed", "stops after 4 of 8");
  check("revoked", DKIM, txt("v=DKIM1; p="), "failed", "revoked");
  check("another", DKIM, txt("v=DKIM1; k=rsa; p=CCCC"), "failed", "another key");
  check("something else", DKIM, txt("v=spf1 -all"), "failed", "cannot be used");
  test("what is kept must be a key record", async () => {
    await expect(verify([{ ...DKIM, value: "p=" }], { "s1._domainkey.d.test": txt(DKIM.value) })).rejects.toThrow(
      "no DKIM",
    );
  });
});

describe("CNAME", () => {
  check("as it is to be", CNAME, { CNAME: ["S1.relay.test."] }, "verified");
  check("another", CNAME, { CNAME: ["s2.relay.test"] }, "failed", "replace it by s1.relay.test");
});

test("what is required is verified once it is published, each in its place", async () => {
  const required = sendingRecords({
    returnPath: "send",
    selectors: [
      { selector: "s1", algorithm: "rsa-sha256", publicKeyBase64: "AAAABBBB" },
      { selector: "s2", algorithm: "ed25519-sha256", publicKeyBase64: "CCCC" },
    ],
    spf: "v=spf1 include:spf.relay.test ~all",
    bounceHost: "bounce.relay.test",
  });
  const records = required.map(({ purpose, ...record }): NeededRecord => ({ record: purpose, ...record }));
  const statuses = async (zone: Zone): Promise<string> =>
    (await verify(records, zone)).map(({ status }) => status).join(" ");
  const published: Zone = {
    "send.d.test": { ...mx("bounce.relay.test"), ...txt("v=spf1 include:spf.relay.test ~all") },
    "s1._domainkey.d.test": txt("v=DKIM1; k=rsa; p=AAAABBBB"),
    "s2._domainkey.d.test": txt("v=DKIM1; k=ed25519; p=CCCC"),
  };
  expect(await statuses({})).toBe("pending pending pending pending");
  expect(await statuses(published)).toBe("verified verified verified verified");
  expect(await statuses({ ...published, "send.d.test": mx("a.test"), "s2._domainkey.d.test": txt("x") })).toBe(
    "failed pending verified failed",
  );
});

test("look-ups run side by side, with the caller's signal", async () => {
  const signals: (AbortSignal | undefined)[] = [];
  const waiting: (() => void)[] = [];
  const resolve: Resolve = async (_name, _type, given) => {
    signals.push(given);
    await new Promise<void>((done) => waiting.push(done));
    return { kind: "nodata" };
  };
  const checks = verifyRecords("d.test", [MX, SPF, DKIM], resolve, signal);
  expect(signals).toEqual([signal, signal, signal]);
  for (const done of waiting) done();
  expect((await checks).length).toBe(3);
});
