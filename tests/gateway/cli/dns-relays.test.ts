/** `hikyaku dns relays` and what `hikyaku doctor` says of it, against a DNS server on loopback. */
import type { Answer as WireRecord } from "dns-packet";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { RelayReport } from "#dns/relay-check.ts";
import {
  respond,
  type ScriptedDnsServer,
  silent,
  startScriptedDnsServer,
} from "../../dns-tools/support/scripted-dns-server.ts";
import { startDnsServer } from "../../support/dns-server.ts";
import { run } from "./fake-api.ts";

/** QR, RD and RA, and NXDOMAIN. */
const NOT_THERE = 0x8183;
const LISTS = ["zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com"];

/** Records by `type name`. */
type Wire = Record<string, string | { preference: number; exchange: string }>;
const GOOD: Wire = {
  "PTR 10.2.0.192.in-addr.arpa": "mx1.relay.test",
  "A mx1.relay.test": "192.0.2.10",
  "TXT bounce.relay.test": "v=spf1 ip4:192.0.2.10 -all",
  "MX bounce.relay.test": { preference: 10, exchange: "mx1.relay.test" },
  "A bounce.relay.test": "192.0.2.10",
  "TXT any.example._report._dmarc.bounce.relay.test": "v=DMARC1",
  ...Object.fromEntries(LISTS.map((zone) => [`A 2.0.0.127.${zone}`, "127.0.0.2"])),
};

let server: ScriptedDnsServer;
let zone: Wire;
beforeAll(async () => {
  server = await startScriptedDnsServer();
});
afterAll(() => server.close());
beforeEach(() => {
  zone = GOOD;
  server.questions = [];
  server.script = {
    ...silent,
    udp: (asked) => {
      const [question] = asked.query.questions ?? [];
      const { type = "A", name = "" } = question ?? {};
      const data = zone[`${type} ${name.toLowerCase()}`];
      const record = { type, name, ttl: 60, data } as WireRecord; // The zone pairs types with their data.
      asked.send(data === undefined ? respond(asked, [], { flags: NOT_THERE }) : respond(asked, [record]));
    },
  };
});

const dnsOf = (): string => `${server.address}:${server.port}`;
const settings = (): Record<string, string> => ({
  HIKYAKU_RELAY_SOURCES: "192.0.2.10=mx1.relay.test",
  HIKYAKU_BOUNCE_DOMAIN: "bounce.relay.test",
  HIKYAKU_DNS: dnsOf(),
});
const asked = (): string[] => server.questions.flatMap(({ query }) => (query.questions ?? []).map(({ name }) => name));

test("the settings of relay and gateway say what to check, and by which resolver", async () => {
  const done = await run(["dns", "relays"], settings());
  expect(done).toMatchObject({ exit: 0, err: "", out: expect.stringMatching(/^relays: ✓ pass\n/) });
  for (const text of [
    "mx1.relay.test, which leads back",
    "lets 192.0.2.10 send",
    "goes to mx1.relay.test",
    "is not on zen",
  ])
    expect(done.out).toContain(text);
});

test("options win over settings; --json is the report; a fault is a no", async () => {
  const options = [
    "--ip",
    "192.0.2.11=mx2.relay.test",
    "--include",
    "spf.relay.test",
    "--bounce-domain",
    "b.relay.test",
  ];
  const done = await run(["dns", "relays", "--dns", dnsOf(), "--json", ...options], {
    ...settings(),
    HIKYAKU_DNS: "127.0.0.1:9",
  });
  const report: RelayReport = JSON.parse(done.out);
  expect(done.exit).toBe(1);
  expect(report.status).toBe("fail");
  expect(report.findings.filter(({ status }) => status === "fail").map(({ code, name }) => `${code} ${name}`)).toEqual([
    "ptr.missing 11.2.0.192.in-addr.arpa",
    "spf.missing spf.relay.test",
    "mx.missing b.relay.test",
  ]);
});

test("the error code of a list is unknown, and no listing", async () => {
  zone = { ...GOOD, "A 2.0.0.127.zen.spamhaus.org": "127.255.255.254" };
  const done = await run(["dns", "relays"], settings());
  expect(done).toMatchObject({ exit: 3, out: expect.stringContaining("does not answer public resolvers") });
  expect(done.out).not.toContain("dnsbl.listed fail");
});

test("over DNS over HTTPS alone no list is asked, and why is said", async () => {
  const doh = await startDnsServer({
    "bounce.relay.test": { txt: ["v=spf1 -all"], mx: [[10, "mx1.relay.test"]], a: ["192.0.2.1"] },
    "mx1.relay.test": { a: ["192.0.2.1"] },
  });
  const bounces = ["dns", "relays", "--bounce-domain", "bounce.relay.test", "--doh", doh.dohUrl];
  const alone = await run(bounces);
  expect(alone).toMatchObject({ exit: 0, out: expect.stringContaining("Over DNS over HTTPS it answers nobody") });
  expect(doh.questions.filter((question) => LISTS.some((list) => question.endsWith(list)))).toEqual([]);
  await run([...bounces, "--ip", "192.0.2.10=mx1.relay.test"], { HIKYAKU_DNS: dnsOf() });
  await doh.close();
  expect(doh.questions.filter((question) => LISTS.some((list) => question.endsWith(list)))).toEqual([]);
  expect(asked()).toContain("10.2.0.192.zen.spamhaus.org");
});

test("wrong use is told before anything is looked up", async () => {
  const cases: [string[], Record<string, string>, RegExp][] = [
    [[], {}, /nothing to check: give --ip/],
    [[], { HIKYAKU_RELAY_SOURCES: "any" }, /nothing to check/],
    [["--ip", "192.0.2.10"], {}, /"192\.0\.2\.10" is not <address>=<host name>/],
    [[], { HIKYAKU_RELAY_SOURCES: "192.0.2.10=a.test,relay" }, /"relay" is not/],
    [["--include", "me@relay.test"], {}, /is an email address/],
    [["--ip", "192.0.2.10=a.test", "--dns", "ns.test"], {}, /--dns ns\.test is not/],
    [["--ip", ...Array.from({ length: 101 }, (_, at) => `192.0.2.${at}=a.test`)], {}, /101 addresses are too many/],
  ];
  for (const [args, env, expected] of cases)
    expect(await run(["dns", "relays", ...args], env), args.join(" ")).toMatchObject({
      exit: 2,
      out: "",
      err: expect.stringMatching(expected),
    });
  expect(asked()).toEqual([]);
});

test("doctor says it, when the relays are told where to send from", async () => {
  const relayLines = async (env: Record<string, string>): Promise<string[]> => {
    const { out } = await run(["doctor", "--url", "http://127.0.0.1:9", "--smtp-probe", "127.0.0.1:9", "--json"], env);
    const { findings }: { findings: { check: string; status: string; text: string }[] } = JSON.parse(out);
    return findings.filter(({ check }) => check === "relay DNS").map(({ status, text }) => `${status} ${text}`);
  };
  expect(await relayLines(settings())).toEqual(["ok names, SPF, bounces and block lists: 192.0.2.10"]);
  expect(await relayLines({ ...settings(), HIKYAKU_RELAY_SOURCES: "any" })).toEqual([]);
  zone = { ...GOOD, "A 10.2.0.192.psbl.surriel.com": "127.0.0.2", "A mx1.relay.test": "192.0.2.99" };
  expect(await relayLines(settings())).toEqual([
    expect.stringMatching(/^fail 192\.0\.2\.10 is called mx1/),
    expect.stringMatching(/^warn 192\.0\.2\.10 is on psbl/),
  ]);
});
