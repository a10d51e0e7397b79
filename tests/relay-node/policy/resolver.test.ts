/** Node's resolver behind the port, against a DNS server on loopback. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createResolver, parseDnsServers } from "../../../relay-node/policy/resolver.ts";
import { type DnsServer, startDnsServer, type Zone } from "../../support/dns-server.ts";
import { PATIENCE_MS } from "../../support/patience.ts";

const ZONE: Zone = {
  "d.test": {
    mx: [
      [10, "mx1.test"],
      [20, "mx2.test"],
    ],
    a: ["192.0.2.9"],
  },
  "null.test": { mx: [[0, "."]] },
  "plain.test": { a: ["192.0.2.1", "192.0.2.2"], aaaa: ["2001:db8::1"] },
  "six.test": { aaaa: ["2001:db8::6"] },
  "alias.test": { cname: "plain.test" },
  "broken.test": "servfail",
  "closed.test": "refused",
  "mute.test": "never",
  "many.test": { mx: Array.from({ length: 60 }, (_, at) => [at, `mx${at}.a-rather-long-name.many.test`] as const) },
  "text.test": { txt: ["v=spf1 -all"] },
};

let server: DnsServer;
beforeAll(async () => {
  server = await startDnsServer(ZONE);
});
afterAll(() => server.close());
beforeEach(() => {
  server.questions.length = 0;
});

const resolver = (nowMs = () => 0, timeoutMs = PATIENCE_MS) =>
  createResolver({ servers: [server.address], timeoutMs, tries: 1, nowMs });

test("MX answers", async () => {
  const { resolveMx } = resolver();
  const records = [
    { preference: 10, exchange: "mx1.test" },
    { preference: 20, exchange: "mx2.test" },
  ];
  const answer = await resolveMx("d.test");
  expect(answer.kind === "mx" && answer.records.toSorted((a, b) => a.preference - b.preference)).toEqual(records);
  expect(await resolveMx("null.test")).toEqual({ kind: "mx", records: [{ preference: 0, exchange: "" }] });
  expect(await resolveMx("plain.test")).toEqual({ kind: "no-data" });
  expect(await resolveMx("gone.test")).toEqual({ kind: "no-domain" });
  expect(await resolveMx("broken.test")).toEqual({ kind: "failed", reason: "the name server failed (SERVFAIL)" });
  expect(await resolveMx("closed.test")).toEqual({ kind: "failed", reason: "the name server refused" });
  expect(await resolver(() => 0, 300).resolveMx("mute.test")).toEqual({ kind: "failed", reason: "no answer in time" });
});

test("an answer too big for UDP comes by TCP", async () => {
  const answer = await resolver().resolveMx("many.test");
  expect(answer.kind === "mx" && answer.records.length).toBe(60);
});

test("address answers, IPv4 first, through a CNAME", async () => {
  const { resolveAddresses } = resolver();
  const plain = { kind: "addresses", addresses: ["192.0.2.1", "192.0.2.2", "2001:db8::1"] };
  expect(await resolveAddresses("plain.test")).toEqual(plain);
  expect(await resolveAddresses("alias.test")).toEqual(plain);
  expect(await resolveAddresses("six.test")).toEqual({ kind: "addresses", addresses: ["2001:db8::6"] });
  expect(await resolveAddresses("text.test")).toEqual({ kind: "no-data" });
  expect(await resolveAddresses("gone.test")).toEqual({ kind: "no-domain" });
  expect(await resolveAddresses("broken.test")).toMatchObject({ kind: "failed" });
});

test("no server there", async () => {
  const gone = await startDnsServer({});
  await gone.close();
  const { resolveMx } = createResolver({ servers: [gone.address], timeoutMs: 300, tries: 1, nowMs: () => 0 });
  expect(await resolveMx("d.test")).toMatchObject({ kind: "failed" });
});

test("answers are kept for a minute, missing ones for half of it, and questions under way are shared", async () => {
  let nowMs = 0;
  const { resolveMx } = resolver(() => nowMs);
  const asked = async (domain: string): Promise<number> => {
    await resolveMx(domain);
    return server.questions.length;
  };
  await Promise.all([resolveMx("d.test"), resolveMx("d.test"), resolveMx("d.test")]);
  expect(server.questions).toEqual(["MX d.test"]);
  nowMs = 59_999;
  expect(await asked("d.test")).toBe(1);
  nowMs = 60_000;
  expect(await asked("d.test")).toBe(2);

  expect(await asked("gone.test")).toBe(3);
  nowMs += 29_999;
  expect(await asked("gone.test")).toBe(3);
  nowMs += 1;
  expect(await asked("gone.test")).toBe(4);
});

test("the setting", () => {
  expect(parseDnsServers("")).toEqual({ kind: "servers", servers: [] });
  expect(parseDnsServers("127.0.0.1:5353, 9.9.9.9,[::1]:53,::1")).toEqual({
    kind: "servers",
    servers: ["127.0.0.1:5353", "9.9.9.9", "[::1]:53", "::1"],
  });
  for (const server of ["dns.test", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:", "300.0.0.1:53", "[127.0.0.1]:53"])
    expect(parseDnsServers(`9.9.9.9,${server}`), server).toMatchObject({
      kind: "invalid",
      problems: [expect.stringContaining(server)],
    });
});
