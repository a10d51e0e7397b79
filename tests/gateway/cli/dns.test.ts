/**
 * `hikyaku dns` and `hikyaku dkim` by hand of a domain owner: against a DNS server on loopback, from nothing to green.
 */
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { DomainReport } from "#dns/check.ts";
import type { JsonChange } from "#dns/export/json.ts";
import { type DnsServer, startDnsServer, type Zone } from "../../support/dns-server.ts";
import { run, type Run } from "./fake-api.ts";

const EMPTY: Zone = {
  "d.test": { a: ["192.0.2.1"], txt: ["v=spf1 mx -all", "a=1"], mx: [[10, "mail.d.test"]] },
  "mail.d.test": { a: ["192.0.2.2"] },
  "spf.relay.test": { txt: ["v=spf1 ip4:192.0.2.0/24 -all"] },
};

let dns: DnsServer;
let cwd: string;

beforeEach(async () => {
  dns = await startDnsServer(EMPTY);
  cwd = mkdtempSync(join(tmpdir(), "hikyaku-dns-"));
});
afterEach(async () => {
  await dns.close();
});

const cli = (...args: string[]): Promise<Run> => run(args, {}, cwd);
const SENDING = ["--selector", "s1", "--dkim-key", "s1.pem", "--include", "spf.relay.test"];
const ask = (verb: string, ...more: string[]): Promise<Run> =>
  cli("dns", verb, "d.test", "--dns", dns.address, ...SENDING, ...more);

/** The zone with what a plan says, as an owner would publish it. */
const publish = (zone: Zone, changes: readonly JsonChange[]): Zone => {
  const next: Zone = structuredClone(zone);
  for (const change of changes) {
    if (change.action !== "add" && change.action !== "replace") continue;
    const { name, value } = change.record;
    const at = next[name] ?? {};
    if (typeof at === "string") throw new Error(`${name} fails`);
    const gone = change.action === "replace" ? change.from.map((record) => record.value) : [];
    next[name] = { ...at, txt: [...(at.txt ?? []).filter((text) => !gone.includes(text)), value] };
  }
  return next;
};

test("from nothing to green: make a key, plan, publish, check; a second plan has nothing to do", async () => {
  expect(await cli("dkim", "new", "--domain", "d.test", "--out", "s1.pem")).toMatchObject({ exit: 0 });
  expect(statSync(join(cwd, "s1.pem")).mode & 0o777).toBe(0o600);

  const before = await ask("check", "--json");
  expect(before.exit).toBe(1);
  expect((JSON.parse(before.out) as DomainReport).findings.map(({ code, status }) => `${status} ${code}`)).toEqual([
    "fail spf.not-authorised",
    "fail dkim.missing",
    "fail dmarc.missing",
    "pass mx.missing",
  ]);

  const plan = await ask("plan", "--json", "--rua", "mailto:dmarc@d.test");
  expect(plan.exit).toBe(0);
  const { changes } = JSON.parse(plan.out) as { changes: JsonChange[] };
  expect(changes.map(({ action, purpose }) => `${action} ${purpose}`)).toEqual([
    "add DKIM",
    "replace SPF",
    "add DMARC",
  ]);
  dns.rezone(publish(EMPTY, changes));

  const after = await ask("check");
  expect(after).toMatchObject({ exit: 0, err: "" });
  expect(after.out).toMatch(/^d\.test: (✓ pass|! warn)\n/);
  expect(after.out).not.toMatch(/fail|unknown/);
  const again = await ask("plan", "--rua", "mailto:dmarc@d.test");
  expect(again).toMatchObject({ exit: 0, out: expect.stringContaining("d.test: nothing to publish") });
});

test("a plan is written for DNS hosts; the owner's other records stay out of it", async () => {
  await cli("dkim", "new", "--out", "s1.pem");
  const forms: [string, RegExp][] = [
    ["zone", /^_dmarc\.d\.test\. 3600 IN TXT "v=DMARC1; p=none"$/m],
    ["terraform", /resource "cloudflare_dns_record"/],
    ["dnscontrol", /TXT\("_dmarc"/],
    ["octodns", /^'?_dmarc'?:/m],
    ["json", /"action":"add"/],
  ];
  for (const [form, expected] of forms) {
    const made = await ask("plan", "--out", form);
    expect(made.exit, form).toBe(0);
    expect(made.out, form).toMatch(expected);
  }
  // Replacing needs ids of Cloudflare's, which nobody gave.
  expect(await ask("plan", "--out", "cloudflare")).toMatchObject({ exit: 3, err: expect.stringContaining("its id") });
  expect(await ask("plan", "--out", "cloudflare", "--return-path", "send", "--bounce-host", "b.test")).toMatchObject({
    exit: 0,
    out: expect.stringContaining('"posts"'),
  });
  expect(await ask("plan", "--out", "excel")).toMatchObject({ exit: 2 });
});

test("what could not be looked up is unknown, in check and plan", async () => {
  await cli("dkim", "new", "--out", "s1.pem");
  dns.rezone({ ...EMPTY, "s1._domainkey.d.test": "servfail" });
  const plan = await ask("plan");
  expect(plan).toMatchObject({ exit: 3, out: expect.stringContaining("? TXT of s1._domainkey.d.test") });
  dns.rezone({ "d.test": "servfail", "_dmarc.d.test": "refused", "s1._domainkey.d.test": "servfail" });
  const check = await ask("check");
  expect(check).toMatchObject({ exit: 3, out: expect.stringMatching(/^d\.test: \? unknown/) });
  expect(check.out).not.toContain("fail ");
});

test("explain shows costs and steps; align says both editions", async () => {
  dns.rezone({ ...EMPTY, "_dmarc.d.test": { txt: ["v=DMARC1; p=reject; sp=none"] } });
  const explained = await cli("dns", "explain", "d.test", "--dns", dns.address);
  expect(explained).toMatchObject({ exit: 0 });
  expect(explained.out).toContain("mx  [1]");
  expect(explained.out).toContain("1 of 10 look-ups");
  expect(explained.out).toContain("The Organizational Domain is d.test.");
  const record = await cli("dns", "explain", "v=DMARC1; p=quarantine");
  expect(record).toMatchObject({ exit: 0, out: expect.stringMatching(/^ +p +Mail from the domain that fails/) });
  expect(await cli("dns", "explain", "v=DMARC1; p=reject; p=none")).toMatchObject({ exit: 1 });
  const spf = await cli("dns", "explain", "v=spf1 include:spf.relay.test a -all", "--dns", dns.address);
  expect(spf).toMatchObject({ exit: 0, out: expect.stringContaining("this record: `v=spf1 include:spf.relay.test") });
  expect(spf.out).toContain("  spf.relay.test: `v=spf1 ip4:192.0.2.0/24 -all`");
  expect(spf.out).toContain("2 of 10 look-ups");
  expect(await cli("dns", "explain", "v=spf1 ip4:x")).toMatchObject({ exit: 1, out: "" });
  const dkim = await cli("dns", "explain", "v=DKIM1; p=", "--json");
  expect(dkim).toMatchObject({
    exit: 0,
    out: expect.stringContaining('"tag":"p","meaning":"Empty: the key was revoked'),
  });

  const align = (...more: string[]): Promise<Run> =>
    cli("dns", "align", "d.test", "--dns", dns.address, "--json", ...more);
  expect(await align("--dkim", "d.test")).toMatchObject({
    exit: 0,
    out: expect.stringContaining('"rfc9989":{"result":"pass"'),
  });
  expect(await align("--dkim", "other.test")).toMatchObject({ exit: 1 });
});

test("watch tells a fault once it was seen twice, and says no at the end", async () => {
  const args = ["--dns", dns.address, "--every", "0", "--times", "3", "--json"];
  dns.rezone({ ...EMPTY, "_dmarc.d.test": { txt: ["v=DMARC1; p=none"] } });
  const watched = await cli("dns", "watch", "d.test", ...args);
  expect(watched.exit).toBe(0);
  expect(watched.out.split("\n").map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual(["first"]);
  dns.rezone(EMPTY);
  expect(await cli("dns", "watch", "d.test", ...args)).toMatchObject({
    exit: 1,
    out: expect.stringContaining("dmarc.missing"),
  });
  expect(await cli("dns", "watch", "d.test", "--every", "soon")).toMatchObject({ exit: 2 });
});

test("what watch could not find out is unknown, and mends nothing", async () => {
  const watch = (times: string): Promise<Run> =>
    cli("dns", "watch", "d.test", "--dns", dns.address, "--every", "0", "--times", times);
  dns.rezone({ "d.test": "servfail", "_dmarc.d.test": "servfail" });
  const dark = await watch("2");
  expect(dark.exit).toBe(3);
  expect(dark.out).toContain("indeterminate dns.indeterminate d.test");
  dns.rezone({ ...EMPTY, "_dmarc.d.test": { txt: ["v=DMARC1; p=none"] } });
  expect((await watch("1")).exit).toBe(3);
  expect((await watch("2")).exit).toBe(0);
});

test("watch fetches the MTA-STS policy, of a public host", async () => {
  dns.rezone({ ...EMPTY, "_mta-sts.d.test": { txt: ["v=STSv1; id=1"] }, "mta-sts.d.test": { a: ["127.0.0.1"] } });
  const { out } = await cli("dns", "watch", "d.test", "--dns", dns.address, "--every", "0", "--times", "2");
  expect(out).toMatch(/indeterminate mta-sts\.fetch mta-sts\.d\.test: .*mta-sts\.d\.test has no public address/);
});

test("DNS over HTTPS beside DNS: what they disagree on is not known", async () => {
  const other = await startDnsServer({ ...EMPTY, "d.test": { txt: ["v=spf1 -all"], mx: [[10, "mail.d.test"]] } });
  const check = await cli("dns", "check", "d.test", "--dns", dns.address, "--doh", other.dohUrl, "--json");
  await other.close();
  expect((JSON.parse(check.out) as DomainReport).findings).toContainEqual(
    expect.objectContaining({ code: "dns.disagree", status: "indeterminate" }),
  );
});

/** Room for a label of ten characters and no more. */
const LONG = `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(53)}.test`;

test("wrong use is told before anything is looked up", async () => {
  await cli("dkim", "new", "--out", "s1.pem");
  const at = ["--dns", dns.address];
  const cases: [string[], RegExp][] = [
    [
      ["dns", "check", "d.test", ...at, "--include", "me@r.test"],
      /is an email address: give the domain behind its @, r\.test/,
    ],
    [
      ["dns", "check", "d.test", ...at, "--include", "https://r.test/"],
      /"https:\/\/r\.test\/" is not a domain: a label has/,
    ],
    [
      ["dns", "check", LONG, ...at, "--return-path", "a-long-label"],
      /a-long-label\.a.* is not a return-path domain: it has more than 253 octets/,
    ],
    [
      ["dns", "check", LONG, ...at, "--selector", "s1"],
      /s1\._domainkey\.a.* is not a name that the DNS can hold: it has more than 253/,
    ],
    [["dns", "explain", "a=b", ...at], /is not a domain: a label has/],
    [["dns", "check", "192.0.2.1", ...at], /it is an IP address/],
    [["dns", "check", `${"a".repeat(64)}.test`, ...at], /63 octets/],
    [["dns", "check", `${"a.".repeat(130)}test`, ...at], /253 octets/],
    [["dns", "check", "d..test", ...at], /is not a domain/],
    [["dns", "check", "d.test", "--dns", "resolver.test"], /--dns resolver\.test is not/],
    [["dns", "check", "d.test", "--doh", "ftp://x"], /--doh ftp:\/\/x is not/],
    [["dns", "check", "d.test", ...at, "--ip", "relay"], /--ip relay is not/],
    [["dns", "check", "d.test", ...at, "--dkim-key", "s1.pem"], /belongs to a --selector/],
    [["dns", "check", "d.test", ...at, "--selector", "s1", "--dkim-key", "none.pem"], /cannot be read/],
    [["dns", "plan", "d.test", ...at], /--include/],
    [["dns", "plan", "d.test", ...at, "--ip", "::1", "--selector", "s1"], /needs a key/],
    [["dns", "plan", "d.test", ...at, "--ip", "::1", "--return-path", "a.other.test"], /not below d\.test/],
    [["dns", "plan", "d.test", ...at, "--ip", "::1", "--rua", "me@d.test"], /mailto:/],
    [["dkim", "new", "--bits", "512"], /--bits is one of/],
    [["dkim", "new", "--out", "s1.pem"], /cannot be written/],
  ];
  for (const [args, expected] of cases) {
    const done = await cli(...args);
    expect(done, args.join(" ")).toMatchObject({ exit: 2, out: "", err: expect.stringMatching(expected) });
  }
  expect(dns.questions).toEqual([]);
  expect(readFileSync(join(cwd, "s1.pem"), "utf8")).toContain("BEGIN PRIVATE KEY");
});

test("a mailbox, a web address and a host with its port are taken for the domain in them", async () => {
  for (const typed of ["me@d.test", "https://D.test/path", "d.test:25"]) {
    const check = await cli("dns", "check", typed, "--dns", dns.address, "--json");
    expect((JSON.parse(check.out) as DomainReport).domain, typed).toBe("d.test");
  }
  expect((await cli("dns", "align", "me@d.test", "--dns", dns.address, "--json")).out).toContain('"from":"d.test"');
});

test("a name in another script, capitals and a dot at the end are the same domain", async () => {
  const check = await cli("dns", "check", "BÜCHER.Test.", "--dns", dns.address, "--json");
  expect((JSON.parse(check.out) as DomainReport).domain).toBe("xn--bcher-kva.test");
});

test("a policy host without a public address is not asked, and what it serves stays open", async () => {
  for (const address of [
    "127.0.0.1",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "169.254.1.1",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
  ]) {
    dns.rezone({
      "d.test": { a: ["192.0.2.1"], mx: [[10, "mail.d.test"]] },
      "mail.d.test": { a: ["192.0.2.2"] },
      "_mta-sts.d.test": { txt: ["v=STSv1; id=1"] },
      "mta-sts.d.test": { a: [address] },
    });
    const { out } = await cli("dns", "check", "d.test", "--dns", dns.address);
    expect(out, address).toContain("? unknown  mta-sts.fetch  mta-sts.d.test");
    expect(out, address).toContain("could not be fetched (mta-sts.d.test has no public address)");
  }
});
