/**
 * Records in the words of hosts: the generic ones where nothing is known, a host's own where it has them.
 */
import { expect, test } from "vitest";
import { DNS_HOSTS, formFields } from "#dns/export/host-words.ts";
import { planAsJson } from "#dns/export/json.ts";
import { txtRecord, type MailRecord } from "#dns/zone.ts";
import { cname, mx } from "../plan-steps.ts";

const check = (host: string, record: MailRecord, expected: string[]): void => {
  const [change] = planAsJson([{ kind: "keep", purpose: "SPF", record }]);
  if (change?.action !== "keep") throw new Error("no record");
  const dnsHost = DNS_HOSTS.find(({ name }) => name === host);
  const fields = formFields(change.record, "d.test", dnsHost).map(({ label, text }) => `${label}: ${text}`);
  expect(fields, host).toEqual(expected);
};

const SHORT = txtRecord("_dmarc.d.test", "v=DMARC1; p=none");
const LONG = txtRecord("s1._domainkey.d.test", "x".repeat(300));
const APEX = txtRecord("d.test", "v=spf1 -all");
const BOUNCE = mx("send.d.test", "mx.relay.test");

test("a host that nobody knows", () => {
  check("", SHORT, ["Name: _dmarc", "Type: TXT", "Value: v=DMARC1; p=none", "TTL: 3600"]);
  check("", LONG, ["Name: s1._domainkey", "Type: TXT", `Value: ${"x".repeat(300)}`, "TTL: 3600"]);
  check("", APEX, ["Name: @", "Type: TXT", "Value: v=spf1 -all", "TTL: 3600"]);
  check("", BOUNCE, ["Name: send", "Type: MX", "Priority: 10", "Value: mx.relay.test", "TTL: 3600"]);
  check("", cname("s1._domainkey.d.test", "k.relay.test"), [
    ...["Name: s1._domainkey", "Type: CNAME", "Value: k.relay.test", "TTL: 3600"],
  ]);
});

test("hosts with words and wishes of their own", () => {
  check("Namecheap", SHORT, ["Host: _dmarc", "Type: TXT", "Value: v=DMARC1; p=none", "TTL: 3600"]);
  check("Cloudflare", BOUNCE, ["Name: send", "Type: MX", "Priority: 10", "Mail server: mx.relay.test", "TTL: 3600"]);
  check("Amazon Route 53", LONG, [
    ...["Record name: s1._domainkey", "Type: TXT", `Value: "${"x".repeat(255)}" "${"x".repeat(45)}"`, "TTL: 3600"],
  ]);
  check("Amazon Route 53", BOUNCE, ["Record name: send", "Type: MX", "Value: 10 mx.relay.test", "TTL: 3600"]);
  check("Amazon Route 53", APEX, ["Record name: ", "Type: TXT", 'Value: "v=spf1 -all"', "TTL: 3600"]);
  check("OVHcloud", BOUNCE, ["Sub-domain: send", "Type: MX", "Priority: 10", "Target: mx.relay.test.", "TTL: 3600"]);
});

test("each console is at its host, by https", () => {
  for (const { name, console } of DNS_HOSTS) if (console) expect(console, name).toMatch(/^https:\/\/[a-z.]+\/[\w/]*$/);
  expect(DNS_HOSTS.length).toBeGreaterThanOrEqual(25);
});
