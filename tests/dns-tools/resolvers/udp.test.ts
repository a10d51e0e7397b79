/** The UDP resolver against a server on loopback that answers or fails; for one that lies, see the hostile test. */
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import type { Answer as WireRecord } from "dns-packet";
import { describe, expect, test } from "vitest";
import { parseDnsServer, udpResolver, type DnsServer } from "#resolvers/udp.ts";
import { PATIENCE_MS } from "../../support/patience.ts";
import { respond, silent, startScriptedDnsServer, type Asked, type Script } from "../support/scripted-dns-server.ts";
import { GOOD, TIMEOUT_MS, good, startUdpScene, texts, truncated } from "../support/udp-scene.ts";

const AD = 0x0020;
const AA = 0x0400;
const RA = 0x0080;

const { server, ask } = await startUdpScene();

describe("questions", () => {
  test("want recursion, validation and answers of 1232 octets", async () => {
    server.script = { ...silent, udp: good };
    expect(texts(await ask())).toEqual(["good"]);
    expect(server.questions[0]?.query).toMatchObject({
      type: "query",
      flag_rd: true,
      flag_ad: true,
      questions: [{ name: "d.test", type: "TXT" }],
      additionals: [{ type: "OPT", udpPayloadSize: 1232 }],
    });
  });

  test("each has an id and a port of its own", async () => {
    server.script = { ...silent, udp: good };
    for (let at = 0; at < 20; at++) await ask();
    const distinct = (of: (asked: Asked) => unknown): number => new Set(server.questions.map(of)).size;
    expect(distinct(({ query }) => query.id)).toBeGreaterThan(17);
    expect(distinct(({ port }) => port)).toBeGreaterThan(17);
  });

  test("a name that fits no DNS message is not asked; without servers nothing is", async () => {
    server.script = { ...silent, udp: good };
    const resolve = udpResolver({ servers: [server], timeoutMs: TIMEOUT_MS });
    for (const name of ["", "a..test", "test.", `${"x".repeat(64)}.test`, "exämple.test"])
      expect(await resolve(name, "TXT"), name).toMatchObject({ kind: "servfail" });
    expect(server.questions).toEqual([]);
    expect(await ask([])).toEqual({ kind: "servfail", reason: "no resolver is set" });
  });
});

describe("answers", () => {
  test("AD says authenticated; codes", async () => {
    const coded = async (code: number): Promise<string> => {
      server.script = { ...silent, udp: (asked) => asked.send(respond(asked, [], { flags: 0x0180 | code })) };
      return (await ask()).kind;
    };
    expect(await coded(0)).toBe("nodata");
    expect(await coded(3)).toBe("nxdomain");
    expect(await coded(5)).toBe("refused");
    expect(await coded(2)).toBe("servfail");
    expect(await coded(1)).toBe("servfail");
    server.script = { ...silent, udp: (asked) => asked.send(respond(asked, GOOD, { flags: 0x0180 | AD })) };
    expect(await ask()).toMatchObject({ authenticated: true });
  });

  test("the question may come back in another case", async () => {
    server.script = {
      ...silent,
      udp: (asked) => asked.send(respond(asked, GOOD, { questions: [{ name: "D.Test", type: "TXT" }] })),
    };
    expect(texts(await ask())).toEqual(["good"]);
  });

  test("a server that does not look things up for us has not said that nothing is there", async () => {
    const said = async (flags: number, answers: WireRecord[] = []): Promise<string> => {
      server.script = { ...silent, udp: (asked) => asked.send(respond(asked, answers, { flags: 0x0100 | flags })) };
      return (await ask()).kind;
    };
    const alias: WireRecord = { type: "CNAME", name: "d.test", ttl: 1, data: "elsewhere.example" };
    expect(await said(0)).toBe("servfail");
    expect(await said(AA, [alias])).toBe("servfail");
    expect(await said(AA)).toBe("nodata");
    expect(await said(AA | 3)).toBe("nxdomain");
    expect(await said(RA)).toBe("nodata");
    expect(await said(RA, [alias])).toBe("nodata");
    expect(await said(0, GOOD)).toBe("records");
  });
});

test("a datagram that is lost is sent again, the same", async () => {
  server.script = { ...silent, udp: (asked) => server.questions.length === 2 && good(asked) };
  expect(texts(await ask([server], 3000))).toEqual(["good"]);
  const [first, second] = server.questions;
  expect([second?.query.id, second?.port]).toEqual([first?.query.id, first?.port]);
});

describe("deadlines", () => {
  test("of a server that says nothing", async () => {
    const fromMs = performance.now();
    expect(await ask([server], TIMEOUT_MS)).toMatchObject({ kind: "timeout" });
    expect(performance.now() - fromMs).toBeGreaterThan(TIMEOUT_MS * 0.9);
    expect(server.questions.length).toBeGreaterThan(1);
    expect(server.questions.length).toBeLessThanOrEqual(3);
  });

  test("the caller's signal ends it, and no other server is asked", async () => {
    const resolve = udpResolver({ servers: [server, server], timeoutMs: 60_000 });
    expect(await resolve("d.test", "TXT", AbortSignal.timeout(50))).toMatchObject({ kind: "timeout" });
    expect(server.questions.length).toBe(1);
    expect(await resolve("d.test", "TXT", AbortSignal.abort())).toMatchObject({ kind: "timeout" });
    expect(server.questions.length).toBe(1);
  });

  test("nothing stays open", async () => {
    const open = (): number =>
      process.getActiveResourcesInfo().filter((name) => /UDP|TCPSocket|Timeout/.test(name)).length;
    const beforeCount = open();
    server.script = { udp: truncated, tcp: () => {} };
    await Promise.all(Array.from({ length: 10 }, () => ask([server], 400)));
    server.script = silent;
    await Promise.all(Array.from({ length: 10 }, () => ask([server], 400)));
    // The server's own ends of the connections close a moment later.
    const lateMs = performance.now() + PATIENCE_MS;
    while (open() > beforeCount && performance.now() < lateMs) await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBeLessThanOrEqual(beforeCount);
  });
});

describe("several servers", () => {
  const closedPort = async (): Promise<DnsServer> => {
    const taken = createServer();
    await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
    const address = taken.address();
    await new Promise((done) => taken.close(done));
    return { address: "127.0.0.1", port: typeof address === "object" && address ? address.port : 1 };
  };
  const firstThen =
    (first: Script["udp"]): Script["udp"] =>
    (asked) =>
      asked.query.id === server.questions[0]?.query.id ? first(asked) : good(asked);
  const coded =
    (code: number): Script["udp"] =>
    (asked) =>
      asked.send(respond(asked, [], { flags: 0x0180 | code }));

  test("the next is asked when one fails, in each way", async () => {
    for (const first of [coded(2), coded(5), truncated, () => {}]) {
      server.questions = [];
      server.script = { ...silent, udp: firstThen(first) };
      expect(texts(await ask([server, server], TIMEOUT_MS))).toEqual(["good"]);
    }
    server.script = { ...silent, udp: good };
    expect(texts(await ask([await closedPort(), server], TIMEOUT_MS))).toEqual(["good"]);
  });

  test("the last failure is told; `not there` is an answer", async () => {
    server.script = { ...silent, udp: firstThen(coded(5)) };
    expect(await ask([server, await closedPort()], TIMEOUT_MS)).toMatchObject({
      kind: "servfail",
      reason: expect.stringContaining("could not be asked"),
    });
    server.questions = [];
    server.script = { ...silent, udp: firstThen(coded(3)) };
    expect(await ask([server, server])).toEqual({ kind: "nxdomain" });
  });
});

const hasIp6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);
test.skipIf(!hasIp6)("IPv6, the address written in whatever way", async () => {
  const six = await startScriptedDnsServer("::1");
  six.script = { ...silent, udp: good };
  const answers = await Promise.all(["::1", "0:0:0:0:0:0:0:1"].map((address) => ask([{ address, port: six.port }])));
  expect(answers.map(texts)).toEqual([["good"], ["good"]]);
  six.script = silent;
  expect(await ask([six], 100)).toMatchObject({ reason: `[::1]:${six.port} did not answer in time` });
  await six.close();
});

describe("parseDnsServer", () => {
  const check = (text: string, expected: DnsServer | undefined): void => {
    test(JSON.stringify(text), () => expect(parseDnsServer(text)).toEqual(expected));
  };
  check("192.0.2.1", { address: "192.0.2.1", port: 53 });
  check("192.0.2.1:5353", { address: "192.0.2.1", port: 5353 });
  check("2001:db8::1", { address: "2001:db8::1", port: 53 });
  check("[2001:db8::1]", { address: "2001:db8::1", port: 53 });
  check("[2001:db8::1]:65535", { address: "2001:db8::1", port: 65_535 });
  for (const text of [
    "",
    "dns.test",
    "dns.test:53",
    "192.0.2.1:",
    "192.0.2.1:0",
    "192.0.2.1:65536",
    "192.0.2.256",
    "[192.0.2.1]:53",
    "[2001:db8::1]53",
    "fe80::1%eth0",
    "[fe80::1%eth0]:53",
    " 192.0.2.1",
    "192.0.2.1,192.0.2.2",
  ])
    check(text, undefined);
});
