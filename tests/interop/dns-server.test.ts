/**
 * Against a real authoritative server, Knot: what it serves arrives as it stands in the zone, and a plan published by
 * DNS UPDATE makes the check of the domain pass. Who has another key, or an old plan, changes nothing.
 */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkDomain, type DomainReport } from "#dns/check.ts";
import type { SendingDomain } from "#dns/sending-domain.ts";
import { formatZoneFile } from "#dns/export/zone-file.ts";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import { SOME_SUFFIXES } from "../dns-tools/support/some-suffixes.ts";
import { sendingRecords } from "#dns/requirement.ts";
import type { RecordType, Resolve } from "#dns/resolver.ts";
import { txtRecord as txt, zoneResolver, type Change, type MailRecord, type Zone } from "#dns/zone.ts";
import { boundedRun } from "#resolvers/bounded.ts";
import { publish, type Publication, type UpdateOptions } from "#resolvers/dns-update.ts";
import type { TsigKey } from "#resolvers/tsig.ts";
import { freePort } from "../bench/processes.ts";
import { cname, mx } from "../dns-tools/lib/plan-steps.ts";
import { run, type Run } from "../gateway/cli/fake-api.ts";
import { knotd, startKnot, type Knot } from "../support/knot.ts";
import { RSA_2048, RSA_4096 } from "../dns-tools/support/public-keys.ts";

const KEY: TsigKey = {
  name: "Writer.key",
  algorithm: "hmac-sha512",
  secretBase64: Buffer.alloc(32, 7).toString("base64"),
};
/** The server knows this one, and lets it change nothing. */
const READER: TsigKey = {
  name: "reader.key",
  algorithm: "hmac-sha256",
  secretBase64: Buffer.alloc(32, 8).toString("base64"),
};

const octets = (...strings: number[][]): Uint8Array[] => strings.map((string) => Uint8Array.from(string));

/** Whatever is hard to carry. */
const AWKWARD: readonly MailRecord[] = [
  { name: "octets.test", type: "TXT", data: octets([0xff, 0, 0x22, 0x5c, 0x3b, 0x0a, 0x80], [], [0x20, 0]) },
  txt("long.test", `v=DKIM1; k=rsa; p=${RSA_4096}`),
  // Above 1232 octets, the answer does not go by UDP.
  ...Array.from({ length: 20 }, (_, at) => txt("many.test", `${at} ${"x".repeat(120)}`)),
  cname("a.chain.test", "b.chain.test"),
  cname("b.chain.test", "c.chain.test"),
  txt("c.chain.test", "the end"),
  cname("dead.test", "nowhere.test"),
  txt("*.wild.test", "any"),
  txt("own.wild.test", "own"),
  mx("null.test", ".", 0),
];

/** What is not the sender's of the domain d.test, and an SPF record and a key that are to go. */
const SENDING: readonly MailRecord[] = [
  mx("d.test", "mail.d.test"),
  txt("d.test", "site=abc"),
  txt("d.test", "v=spf1 mx -all"),
  txt("send.d.test", "v=spf1 -all"),
  cname("s1._domainkey.d.test", "gone.test"),
  txt("spf.relay.test", "v=spf1 ip4:192.0.2.0/24 ~all"),
];
const MAIL_ZONE = [...AWKWARD, ...SENDING];
const HOSTS = ["d.test", "mail.d.test", "e.test", "bounce.relay.test"];
const ZONE: Zone = [...MAIL_ZONE, ...HOSTS.map((name) => ({ name, type: "A", data: "192.0.2.1" }) as const)];

const add = (to: MailRecord, beside: readonly MailRecord[] = []): Change => ({
  kind: "add",
  purpose: "SPF",
  to,
  beside,
});

const replace = (from: readonly MailRecord[], to: MailRecord, beside: readonly MailRecord[] = []): Change => ({
  kind: "replace",
  purpose: "SPF",
  from,
  to,
  beside,
});

const zoneText = (): string =>
  ["$TTL 300", "@ SOA ns hostmaster 1 3600 600 86400 60", "@ NS ns", "ns A 127.0.0.1"]
    .concat(
      HOSTS.map((name) => `${name}. A 192.0.2.1`),
      // Another TTL than what is published has.
      formatZoneFile(MAIL_ZONE.map((record) => add(record))).replaceAll(" 3600 IN ", " 300 IN "),
    )
    .join("\n");

describe.skipIf(knotd === undefined)("a real Knot", () => {
  let knot: Knot;
  let port: number;
  let folder: string;
  let resolve: Resolve;
  beforeAll(async () => {
    knot = await startKnot(zoneText(), [KEY, READER]);
    ({ port, folder, resolve } = knot);
  });
  afterAll(async () => {
    await knot?.stop();
  });

  const { signal } = new AbortController();
  const send = (changes: readonly Change[], options: Partial<UpdateOptions> = {}): Promise<Publication> =>
    publish(changes, {
      zone: "test",
      server: { address: "127.0.0.1", port },
      key: KEY,
      nowSeconds: Math.floor(Date.now() / 1000),
      timeoutMs: 1_000,
      ...options,
    });
  /** What is at a name, whatever the order. */
  const look = async (by: Resolve, name: string, type: RecordType): Promise<unknown> => {
    const answer = await by(name, type);
    if (answer.kind !== "records") return answer;
    const { aliases, records } = answer;
    return { aliases, records: records.map((record) => JSON.stringify(record)).toSorted() };
  };
  const serial = (): Promise<unknown> => look(resolve, "test", "SOA");

  test("our resolver sees what the zone has", async () => {
    const questions: [string, RecordType][] = [
      ...MAIL_ZONE.map(({ name, type }): [string, RecordType] => [name, type]),
      ["a.chain.test", "TXT"],
      ["dead.test", "TXT"],
      ["some.wild.test", "TXT"],
      ["deep.down.wild.test", "TXT"],
      ["own.wild.test", "MX"],
      ["below.own.wild.test", "TXT"],
      ["chain.test", "TXT"],
      ["d.test", "A"],
      ["nobody.test", "A"],
    ];
    const byZone = zoneResolver(ZONE, 300);
    for (const [name, type] of questions)
      expect(await look(resolve, name, type), `${name} ${type}`).toEqual(await look(byZone, name, type));
  });

  test("only the key that may change the zone does", async () => {
    const before = await serial();
    const changes = [add(txt("new.test", "x"))];
    const otherSecret = { ...KEY, secretBase64: Buffer.alloc(32, 9).toString("base64") };
    const cases: [Partial<UpdateOptions>, number, string][] = [
      [{ key: otherSecret }, 9, "has another secret for the key"],
      [{ key: { ...KEY, name: "unknown.key" } }, 9, "does not know the key"],
      [{ key: READER }, 9, "or not as one that may change the zone"],
      [{ nowSeconds: 1_000_000_000 }, 9, "has a clock that is too far from ours"],
      [{ zone: "other.example" }, 9, "is not the primary server"],
    ];
    for (const [options, rcode, reason] of cases)
      expect(await send(changes, options), reason).toEqual({
        kind: "refused",
        rcode,
        reason: expect.stringContaining(reason),
      });
    expect(await serial()).toEqual(before);
    expect(await resolve("new.test", "TXT")).toEqual({ kind: "nxdomain" });
  });

  describe("behind somebody who changes what it answers", () => {
    let between: Server;
    let betweenPort: number;
    let change: (answer: Buffer) => Uint8Array;
    beforeAll(async () => {
      betweenPort = await freePort();
      between = createServer((client) => {
        const server = connect(port, "127.0.0.1");
        client.on("data", (chunk) => server.write(chunk)).on("error", () => server.destroy());
        server.on("data", (chunk) => client.write(change(chunk))).on("error", () => client.destroy());
        client.on("close", () => server.destroy());
      }).listen(betweenPort, "127.0.0.1");
      await once(between, "listening");
    });
    afterAll(() => void between.close());
    const check = (title: string, name: string, by: typeof change, reason: string): void => {
      test(title, async () => {
        change = by;
        expect(await send([add(txt(name, "x"))], { server: { address: "127.0.0.1", port: betweenPort } })).toEqual(
          reason === "" ? { kind: "done" } : { kind: "failed", reason: expect.stringContaining(reason) },
        );
        expect((await resolve(name, "TXT")).kind, "it is there, so its reason must not deny it").toBe("records");
      });
    };
    check("nothing", "p0.test", (answer) => answer, "");
    check("without a signature", "p1.test", (answer) => bare(answer), "did not sign its answer: it may have been done");
    check("another byte of the signature", "p2.test", (answer) => flip(answer, -8), "its signature is wrong: it may");
    check("another flag", "p3.test", (answer) => flip(answer, 5), "its signature is wrong: it may");
    check("another id", "p4.test", (answer) => flip(answer, 2), "sent what is no answer to the update: it may");
    check("all of it", "p7.test", () => new Uint8Array(), "did not answer in time: it may have been done");
    check("cut", "p5.test", (answer) => cut(answer, 20), "it is not a whole DNS message: it may");
    check("more behind it", "p6.test", (answer) => cut(answer, answer.length + 1), "its end is not where it should be");
  });

  test("a plan published makes the check pass, and leaves nothing to plan", async () => {
    const key = { selector: "s1", algorithm: "rsa-sha256", publicKeyBase64: RSA_2048 } as const;
    const spf = "v=spf1 include:spf.relay.test ~all";
    const requirement: Requirement = {
      domain: "d.test",
      records: sendingRecords({ returnPath: "send", selectors: [key], spf, bounceHost: "bounce.relay.test" }),
      apexSpf: spf,
      dmarc: { policy: "quarantine", rua: "mailto:dmarc@d.test" },
    };
    const sending: SendingDomain = {
      ...{ domain: "d.test", returnPath: "send.d.test", selectors: [{ selector: "s1", key }] },
      ...{ includes: ["spf.relay.test"], addresses: [], bounceHost: "bounce.relay.test" },
    };
    const checked = (): Promise<DomainReport> => checkDomain(sending, SOME_SUFFIXES, boundedRun(resolve).resolve);
    expect((await checked()).status).toBe("fail");
    const changes = await plan(requirement, resolve, signal);
    expect(changes.map(({ kind }) => kind)).toEqual(["add", "replace", "replace", "replace", "add"]);
    expect(await send(changes)).toEqual({ kind: "done" });
    expect((await checked()).findings.filter(({ status }) => status !== "pass")).toEqual([]);
    const again = await plan(requirement, resolve, signal);
    expect(again.map(({ kind }) => kind)).toEqual(["keep", "keep", "keep", "keep", "keep"]);
    expect(await look(resolve, "d.test", "TXT"), "others stay").toEqual({
      aliases: [],
      records: ["site=abc", "v=spf1 include:spf.relay.test mx -all"]
        .map((text) => JSON.stringify(txt("d.test", text).data))
        .toSorted(),
    });

    const before = await serial();
    expect(await send(again), "what is kept is not sent").toEqual({ kind: "done" });
    expect(await send(changes), "a plan is good for once").toMatchObject({ kind: "refused" });
    expect(await serial()).toEqual(before);
  });

  test("an owner publishes by the command line: shown first, done with --yes, then green", async () => {
    const at = `127.0.0.1:${port}`;
    const keyFile = (algorithm: string): string =>
      `key "${KEY.name}" {\n\talgorithm ${algorithm};\n\tsecret "${KEY.secretBase64}";\n};\n`;
    writeFileSync(join(folder, "writer.key"), keyFile(KEY.algorithm));
    writeFileSync(join(folder, "old.key"), keyFile("hmac-md5"));
    const cli = (...args: string[]): Promise<Run> => run(args, {}, folder);
    await cli("dkim", "new", "--out", "s1.pem");
    const sending = ["e.test", "--ip", "192.0.2.1", "--selector", "s1", "--dkim-key", "s1.pem"];
    const publishing = ["dns", "publish", ...sending, "--server", at, "--zone", "test", "--key-file"];
    expect(await cli(...publishing, "old.key")).toMatchObject({ exit: 2, err: expect.stringContaining("hmac-sha256") });
    expect(await cli(...publishing, "s1.pem")).toMatchObject({ exit: 2, err: expect.stringContaining("is no key") });
    expect(await cli(...publishing, "writer.key")).toMatchObject({
      exit: 1,
      out: expect.stringContaining("e.test: 3 to publish"),
      err: expect.stringContaining("--yes publishes this"),
    });
    const checking = ["dns", "check", ...sending, "--dns", at];
    expect(await cli(...checking)).toMatchObject({ exit: 1 });
    expect(await cli(...publishing, "writer.key", "--yes")).toMatchObject({ exit: 0, err: "hikyaku: published" });
    expect(await cli(...checking)).toMatchObject({ exit: 0 });
    expect(await cli(...publishing, "writer.key", "--yes")).toMatchObject({
      exit: 0,
      out: expect.stringContaining("nothing to publish"),
    });
  });

  test("a plan that saw another zone is refused, all of it", async () => {
    const [one, two, three] = [txt("stale.test", "one"), txt("stale.test", "two"), txt("stale.test", "three")];
    expect(await send([add(one), add(two), add(cname("alias.test", "x.test"))])).toEqual({ kind: "done" });
    const before = await serial();
    const to = txt("stale.test", "new");
    const cases: [string, Change, number][] = [
      ["what is to go is not there", replace([three], to, [one, two]), 8],
      ["what is to go has another case", replace([txt("stale.test", "ONE")], to, [two]), 8],
      ["there is more than was seen", replace([one], to), 8],
      ["there was nothing", add(to), 7],
      ["what was beside is gone", add(to, [one, two, three]), 8],
      ["there is a CNAME now", add(txt("alias.test", "x")), 7],
      ["the CNAME goes elsewhere now", replace([cname("alias.test", "y.test")], txt("alias.test", "x")), 8],
    ];
    for (const [title, change, rcode] of cases)
      expect(await send([add(txt("other.test", "x")), change]), title).toEqual({
        kind: "refused",
        rcode,
        reason: expect.stringContaining("make a new plan"),
      });
    expect(await serial()).toEqual(before);
    expect(await resolve("other.test", "TXT")).toEqual({ kind: "nxdomain" });
    expect(await send([replace([one], to, [two])]), "one that saw this zone").toEqual({ kind: "done" });
    expect(await look(resolve, "stale.test", "TXT")).toEqual(
      await look(zoneResolver([two, to], 300), "stale.test", "TXT"),
    );
  });

  test("whatever octets a record has, it goes when it is to go", async () => {
    for (const from of AWKWARD.filter(({ name }) => !["many.test", "b.chain.test"].includes(name))) {
      const to = txt(from.name, "new");
      expect(await send([replace([from], to)]), from.name).toEqual({
        kind: "done",
      });
      expect(await look(resolve, from.name, "TXT")).toEqual(await look(zoneResolver([to], 300), from.name, "TXT"));
    }
  });
});

test("what cannot be sent is not", async () => {
  const server = { address: "127.0.0.1", port: await freePort() };
  const cases: [Partial<UpdateOptions>, string][] = [
    [{}, "could not be asked.*nothing was sent"],
    [{ key: { ...KEY, secretBase64: "§" } }, "nothing was sent: the key's secret is not base64"],
    [{ zone: `${"x".repeat(64)}.test` }, "nothing was sent: the DNS cannot hold the name x"],
    [{ zone: "a..test" }, "nothing was sent: the DNS cannot hold the name a..test"],
  ];
  for (const [change, reason] of cases)
    expect(
      await publish([add(txt("a.test", "x"))], {
        ...{ zone: "test", server, key: KEY, nowSeconds: 0, timeoutMs: 500 },
        ...change,
      }),
    ).toEqual({ kind: "failed", reason: expect.stringMatching(reason) });
});

/** With the length before it, as TCP has it. */
const framed = (message: Uint8Array): Uint8Array =>
  Uint8Array.from([message.length >> 8, message.length & 0xff, ...message]);
const flip = (answer: Buffer, at: number): Uint8Array =>
  answer.map((octet, i) => (i === (at + answer.length) % answer.length ? octet ^ 1 : octet));
const cut = (answer: Buffer, octets: number): Uint8Array => {
  const message = new Uint8Array(octets - 2);
  message.set(answer.subarray(2, octets));
  return framed(message);
};
/** Its header alone. */
const bare = (answer: Buffer): Uint8Array =>
  framed(Uint8Array.from([...answer.subarray(2, 6), 0, 0, 0, 0, 0, 0, 0, 0]));
