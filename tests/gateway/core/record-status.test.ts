/** A zone, checked by the library: what it makes of each record that the owner was told to publish. */
import { describe, expect, test } from "vitest";
import type { DomainRecord } from "#contract/domain.ts";
import { checkDomain } from "#dns/check.ts";
import type { Finding } from "#dns/finding.ts";
import { SOME_SUFFIXES } from "../../dns-tools/support/some-suffixes.ts";
import { recordedResolver, type RecordedName, type RecordedZone } from "#resolvers/recorded.ts";
import { sendingDomainOf } from "../../../gateway/core/domain-check.ts";
import { recordStatuses, troubleIn } from "../../../gateway/core/record-status.ts";
import { RSA_2048 } from "../../dns-tools/support/public-keys.ts";

const SPF = "v=spf1 include:relay.test ~all";
const KEY = `v=DKIM1; k=rsa; p=${RSA_2048}`;
const BASE = { ttl: "Auto", status: "pending" } as const;
/** MX, SPF, key: in this order the statuses are shown. */
const RECORDS: DomainRecord[] = [
  { ...BASE, record: "SPF", name: "send", type: "MX", value: "relay.test", priority: 10 },
  { ...BASE, record: "SPF", name: "send", type: "TXT", value: SPF },
  { ...BASE, record: "DKIM", name: "s1._domainkey", type: "TXT", value: KEY },
];

const MX = [{ preference: 10, exchange: "relay.test" }];
const WHOLE: RecordedZone = {
  "d.test": { A: ["192.0.2.1"] },
  "relay.test": { A: ["192.0.2.9"], TXT: ["v=spf1 ip4:192.0.2.9 -all"] },
  "send.d.test": { MX, TXT: [SPF] },
  "s1._domainkey.d.test": { TXT: [KEY] },
  "_dmarc.d.test": { TXT: ["v=DMARC1; p=none; rua=mailto:a@d.test"] },
};

const look = async (zone: RecordedZone, addresses: string[] = []): Promise<Finding[]> => {
  const sending = { ...sendingDomainOf("d.test", RECORDS), addresses };
  return (await checkDomain(sending, SOME_SUFFIXES, recordedResolver(zone))).findings;
};

const check = (title: string, change: RecordedZone, expected: string, addresses: string[] = []): void => {
  test(title, async () => {
    const findings = await look({ ...WHOLE, ...change }, addresses);
    expect(recordStatuses("d.test", RECORDS, findings).join(" ")).toBe(expected);
  });
};

const VERIFIED = "verified verified verified";
const at = (mx: string[], txt: string[]): RecordedZone => ({
  "send.d.test": { MX: mx.map((exchange) => ({ preference: 10, exchange })), TXT: txt },
});

describe("what does its work is verified, by whatever words", () => {
  check("as it was told", {}, VERIFIED);
  check("in the owner's own record", at(["relay.test"], [`v=spf1 mx include:relay.test -all`]), VERIFIED);
  check("beside other texts", at(["relay.test"], ["site=1", SPF]), VERIFIED);
  const hosted = { "_spf.vendor.test": { TXT: ["v=spf1 include:relay.test -all"] } };
  check("hosted", { ...at(["relay.test"], ["v=spf1 redirect=_spf.vendor.test"]), ...hosted }, VERIFIED);
  check("flattened", at(["relay.test"], ["v=spf1 ip4:192.0.2.9 -all"]), VERIFIED, ["192.0.2.9"]);
  check("open to all: a warning", at(["relay.test"], ["v=spf1 include:relay.test +all"]), VERIFIED);
  check("another host behind ours", at(["relay.test", "z.test"], [SPF]), VERIFIED);
  check("trouble elsewhere", { "d.test": "nxdomain", "_dmarc.d.test": "servfail" }, VERIFIED);
  check("our host has no address", { "relay.test": { TXT: ["v=spf1 ip4:192.0.2.9 -all"] } }, VERIFIED);
  const testing = { "s1._domainkey.d.test": { TXT: [`${KEY}; t=y`] } };
  check("a key in testing: a warning", testing, VERIFIED);
});

describe("what is not there yet is pending", () => {
  check("nothing", { "send.d.test": "nxdomain", "s1._domainkey.d.test": "nxdomain" }, "pending pending pending");
  check("only the MX", at(["relay.test"], ["site=1"]), "verified pending verified");
  check("only the SPF", { "send.d.test": { TXT: [SPF] } }, "pending verified verified");
});

describe("what stands elsewhere, or for every name, is not there yet either", () => {
  const BARE: RecordedZone = { "send.d.test": "nxdomain", "s1._domainkey.d.test": "nxdomain" };
  const PENDING = "pending pending pending";
  check("SPF at the domain itself", { ...BARE, "d.test": { A: ["192.0.2.1"], TXT: [SPF] } }, PENDING);
  /** What a wildcard below the domain makes every name answer that is not there. */
  const wild = (answers: RecordedName, ...names: string[]): RecordedZone =>
    Object.fromEntries(
      ["send", "s1._domainkey", "*", "*._domainkey", ...names].map((label) => [`${label}.d.test`, answers]),
    );
  const mx = [{ preference: 10, exchange: "mail.d.test" }];
  check("a wildcard text", wild({ TXT: ["x"] }), PENDING);
  check("a wildcard SPF record of somebody else", wild({ TXT: ["v=spf1 -all"] }), PENDING);
  check("a wildcard MX", wild({ MX: mx }), PENDING);
  check("a wildcard CNAME", { ...wild({ CNAME: ["lb.test"] }), "lb.test": { A: ["192.0.2.7"] } }, PENDING);
  check(
    "a wildcard CNAME to who has records",
    { ...wild({ CNAME: ["lb.test"] }), "lb.test": { MX: mx, TXT: ["x"] } },
    PENDING,
  );
  const half: RecordedZone = { ...wild({ TXT: ["x"], MX: mx }), "send.d.test": { MX, TXT: [SPF] } };
  check("a wildcard beside what was published", half, "verified verified pending");
  const [other] = [{ ...WHOLE, ...at(["mail.d.test"], [SPF]) }];
  check("a record at the name itself is no wildcard's", other, "failed verified verified");
});

describe("what is there and wrong is failed", () => {
  check("SPF without us", at(["relay.test"], ["v=spf1 mx -all"]), "verified failed verified");
  check("two SPF records", at(["relay.test"], [SPF, "v=spf1 -all"]), "verified failed verified");
  check("an include of ours that has no record", { "relay.test": { A: ["192.0.2.9"] } }, "verified failed verified");
  check(
    "flattened without our address",
    at(["relay.test"], ["v=spf1 ip4:192.0.2.8 -all"]),
    "verified failed verified",
    ["192.0.2.9"],
  );
  check("MX of somebody else", at(["mx.else.test"], [SPF]), "failed verified verified");
  check("null MX", at(["."], [SPF]), "failed verified verified");
  const key = (text: string): RecordedZone => ({ "s1._domainkey.d.test": { TXT: [text] } });
  check("a key that was cut", key(KEY.slice(0, 120)), "verified verified failed");
  check(
    "another's key",
    key("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
    "verified verified failed",
  );
  check("revoked", key("v=DKIM1; p="), "verified verified failed");
  const doubled = { "s1._domainkey.d.test": "nxdomain", "s1._domainkey.d.test.d.test": { TXT: [KEY] } } as const;
  check("the panel added the domain", doubled, "verified verified failed");
});

describe("what could not be found out says nothing", () => {
  for (const how of ["servfail", "timeout", "refused"] as const) {
    check(`the return-path: ${how}`, { "send.d.test": how }, "temporary_failure temporary_failure verified");
    check(`the key: ${how}`, { "s1._domainkey.d.test": how }, "verified verified temporary_failure");
    check(`what ours includes: ${how}`, { "relay.test": how }, "verified temporary_failure verified");
  }
  const macro = at(["relay.test"], ["v=spf1 include:%{i}._spf.vendor.test -all"]);
  check("a macro decides", macro, "verified temporary_failure verified");
  test("no finding at all", () => {
    expect(recordStatuses("d.test", RECORDS, [])).toEqual(["verified", "temporary_failure", "temporary_failure"]);
  });
});

test("what is kept of a check: the trouble, the worst first, so much of it and no more", async () => {
  const kept = troubleIn(
    await look({ ...WHOLE, ...at(["relay.test"], ["v=spf1 mx ?all"]), "s1._domainkey.d.test": "servfail" }),
  );
  expect(kept.map(({ status, code }) => `${status} ${code}`).slice(0, 2)).toEqual([
    "fail spf.not-authorised",
    "indeterminate dns.indeterminate",
  ]);
  expect(kept[0]).toMatchObject({
    name: "send.d.test",
    fix: expect.stringContaining("include:relay.test"),
    rfc: "RFC 7208 §4",
  });
  const one: Finding = {
    code: "spf.syntax",
    status: "warn",
    name: "d.test",
    text: "x".repeat(5000),
    fix: "y".repeat(1001),
    evidence: ["z"],
    rfc: "R",
  };
  const many = troubleIn(Array.from({ length: 50 }, () => one));
  expect(many).toHaveLength(20);
  expect(many[0]).toEqual({ code: "spf.syntax", status: "warn", name: "d.test", text: "x".repeat(1000), rfc: "R" });
});
