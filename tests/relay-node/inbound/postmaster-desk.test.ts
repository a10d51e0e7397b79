/**
 * Mail to the operator: which addresses, what is a report and what goes on to whoever reads letters, and that 250 is said
 * only when the operator's own server has said it.
 */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { Carrier } from "../../../relay-node/delivery/attempt.ts";
import { createLetterForward, type LetterForwardOptions } from "../../../relay-node/inbound/letter-forward.ts";
import { Allowance, MessageBytes } from "../../../relay-node/inbound/message-bytes.ts";
import { takeMessage } from "../../../relay-node/inbound/message-intake.ts";
import { createPostmasterDesk } from "../../../relay-node/inbound/postmaster-desk.ts";
import type { SmtpReply } from "../../../relay-node/inbound/reception.ts";
import { createReportReader } from "../../../relay-node/inbound/report-desk.ts";
import type { Told } from "../../../relay-node/inbound/report-post.ts";
import { openConnection } from "../../../relay-node/smtp/connection.ts";
import { DEFAULT_TIMEOUTS } from "../../../relay-node/smtp/timeouts.ts";
import { startSmtpServer } from "../../support/scripted-smtp-server.ts";
import type { Script } from "../../support/scripted-smtp-answers.ts";
import { atEnd, SILENT } from "../delivery/relay-scene.ts";

const LETTER = "From: ann@ann.test\r\nSubject: Your server\r\n\r\n.Hello.\r\n";
const client = { ip: "192.0.2.1", helo: "mx.ann.test", isSecure: true };
const vector = (name: string): string =>
  readFileSync(new URL(`../../vectors/bounces/${name}.eml`, import.meta.url), "latin1");
const timeouts = { ...DEFAULT_TIMEOUTS, dotMs: 1500 };

const scene = async (
  script: Script = {},
  told: Told = "unproved",
  carrier?: LetterForwardOptions["carrier"],
  extensions?: readonly string[],
) => {
  const server = await startSmtpServer({ script, ...(extensions && { extensions }) });
  atEnd(() => server.close());
  const forward = createLetterForward({
    to: { address: "ops@ops.test", domain: "ops.test", utf8: false },
    ...{ name: "relay.test", mxPort: 1, nowMs: () => 0, log: SILENT },
    routes: new Map([["ops.test", { host: server.host, port: server.port, tls: "none" }]]),
    resolver: {
      resolveMx: () => Promise.resolve({ kind: "no-domain" }),
      resolveAddresses: () => Promise.resolve({ kind: "no-domain" }),
    },
    carrier: carrier ?? new Carrier(openConnection, { heloName: "relay.test", timeouts }, Date.now),
  });
  const read = createReportReader({ post: { tell: () => Promise.resolve(told) }, log: SILENT });
  const desk = createPostmasterDesk({ domains: ["bounce.test", "relay.test"], read, forward });
  const take = (raw: string, mailFrom = "ann@ann.test"): Promise<SmtpReply> =>
    desk.take({ recipient: "postmaster@bounce.test", mailFrom, bytes: Buffer.from(raw, "latin1"), client });
  return { server, desk, take };
};

test("postmaster and abuse of the bounce domain and of the relay itself", async () => {
  const { desk } = await scene();
  const check = async (localPart: string, domain: string, expected: string): Promise<void> =>
    expect(await desk.owns({ localPart, domain }), `${localPart}@${domain}`).toBe(expected);
  for (const name of ["postmaster", "abuse"])
    for (const domain of ["bounce.test", "relay.test"]) await check(name, domain, "yes");
  await check("postmaster", "", "yes");
  await check("abuse", "", "no");
  await check("postmaster", "shop.test", "no");
  await check("fbl", "bounce.test", "no");
});

test("a letter goes on as it came, below its trace, and nothing comes back for it", async () => {
  const { server, take } = await scene();
  expect(await take(LETTER)).toMatchObject({ code: 250 });
  expect(server.messages).toMatchObject([{ mailFrom: "", rcptTo: ["ops@ops.test"] }]);
  expect(server.messages[0]?.raw.toString()).toMatch(
    /^Received: from mx\.ann\.test \(\[192\.0\.2\.1\]\)\r\n\tby relay\.test with ESMTPS id [0-9a-f]{16};\r\n\tThu, 01 Jan 1970 00:00:00 \+0000\r\nFrom: ann@ann\.test\r\nSubject: Your server\r\n\r\n\.Hello\.\r\n$/,
  );
});

test("what its sender writes smuggles no second message to the operator", async () => {
  const { server, take } = await scene();
  expect(await take(`${LETTER}\n.\nMAIL FROM:<evil@a.test>\r.\r\n`)).toMatchObject({ code: 250 });
  expect(server.messages).toHaveLength(1);
  expect(server.commands.filter((line) => line.startsWith("MAIL"))).toHaveLength(1);
});

test.each<[string, Script, number]>([
  ["taken", {}, 250],
  ["not now", { dot: "451 4.3.0 later" }, 451],
  ["nobody there", { greeting: "disconnect" }, 451],
  ["cut off behind the dot", { dot: "disconnect" }, 451],
  ["silent behind the dot", { dot: "silence" }, 451],
  ["refused as spam", { dot: "550 5.7.1 spam" }, 550],
  ["no such operator", { rcpt: "550 5.1.1 nobody" }, 550],
])("%s: its sender is told so", async (_, script, code) => {
  expect((await (await scene(script)).take(LETTER)).code).toBe(code);
});

test("reports that are proved are told, all else goes on", async () => {
  const check = async (raw: string, mailFrom: string, told: Told, code: number, passedOn: number): Promise<void> => {
    const { server, take } = await scene({}, told);
    expect((await take(raw, mailFrom)).code).toBe(code);
    expect(server.messages, told).toHaveLength(passedOn);
  };
  await check(vector("arf-aol"), "fbl@aol.test", "recorded", 250, 0);
  await check(vector("arf-aol"), "fbl@aol.test", "unavailable", 451, 0);
  await check(vector("arf-aol"), "fbl@aol.test", "unproved", 250, 1);
  await check(vector("oof-gmail"), "person@gmail.test", "recorded", 250, 1);
  await check(LETTER, "", "recorded", 250, 1);
});

test("of what is too long for a letter a complaint is told still, and the rest is refused", async () => {
  const check = async (raw: string, code: number): Promise<void> => {
    const { server, desk } = await scene({}, "recorded");
    const { bytes } = desk.wanted;
    const pieces = [Buffer.from(raw, "latin1"), Buffer.alloc(bytes, "and so on\r\n")];
    const stream = Object.assign(Readable.from(pieces), { sizeExceeded: false });
    const message = new MessageBytes(new Allowance(2 * bytes), bytes);
    const recipients = [{ address: "abuse@bounce.test", desk }];
    expect(await takeMessage(stream, message, recipients, { mailFrom: "ann@ann.test", client })).toMatchObject({
      ...{ kind: "replied", reply: { code } },
    });
    expect(server.messages).toEqual([]);
  };
  await check(vector("arf-aol"), 250);
  await check(LETTER, 552);
});

test("a header in UTF-8 goes to who takes it only", async () => {
  const raw = Buffer.from("From: Zoë <ann@ann.test>\r\n\r\nHello.\r\n").toString("latin1");
  const { server, take } = await scene({}, "unproved", undefined, ["8BITMIME", "SMTPUTF8"]);
  expect((await take(raw)).code).toBe(250);
  expect(server.commands).toContainEqual(expect.stringMatching(/^MAIL FROM:<> .*SMTPUTF8/));
  expect((await (await scene({}, "unproved", undefined, ["8BITMIME"])).take(raw)).code).toBe(550);
  // In the body it is a matter of 8BITMIME alone.
  const { server: plain, take: takePlain } = await scene({}, "unproved", undefined, ["8BITMIME", "SMTPUTF8"]);
  expect((await takePlain("From: ann@ann.test\r\n\r\nH\xe9llo.\r\n")).code).toBe(250);
  expect(plain.commands.join("\n")).not.toContain("SMTPUTF8");
});

test("what goes round in circles, or has no end of a header, goes on no more", async () => {
  const { server, take } = await scene();
  const hops = (count: number): string => "received: from a by b\r\n".repeat(count) + LETTER;
  expect((await take(hops(99))).code).toBe(250);
  expect((await take(hops(100))).code).toBe(554);
  expect((await take("X: y\r\n".repeat(100_000))).code).toBe(552);
  expect(server.messages).toHaveLength(1);
});

test("a few letters at once, and the others come again", async () => {
  const open = Promise.withResolvers<void>();
  const carrier: LetterForwardOptions["carrier"] = {
    attempt: async () => {
      await open.promise;
      return { result: { kind: "delivered", phase: "dot", transcript: [] }, held: undefined };
    },
  };
  const { take } = await scene({}, "unproved", carrier);
  const replies = Array.from({ length: 8 }, () => take(LETTER));
  expect((await Promise.race(replies)).code).toBe(451);
  open.resolve();
  const codes = (await Promise.all(replies)).map(({ code }) => code);
  expect(codes.filter((code) => code === 250)).toHaveLength(5);
  expect((await take(LETTER)).code).toBe(250);
});
