/**
 * The inbound server as a stranger meets it, octet by octet: what ends a message and what does not, what is refused
 * before DATA, and the limits of connections, time, commands, mistakes and memory.
 */
import { expect, test } from "vitest";
import { INBOUND_LIMITS, type InboundLimits } from "../../../relay-node/inbound/limits.ts";
import type { Desk, InboundDelivery, SmtpReply } from "../../../relay-node/inbound/reception.ts";
import { makeSelfSigned } from "../../../relay-node/inbound/self-signed.ts";
import { startInboundServer } from "../../../relay-node/inbound/server.ts";
import { atEnd, SILENT } from "../delivery/relay-scene.ts";
import { SmtpVisitor } from "./smtp-visitor.ts";

const TAKEN: SmtpReply = { code: 250, text: "2.0.0 Taken" };
const certificate = makeSelfSigned("mx.test", Date.now());

/** Answers by local part; `ok` and all others with an answer are its own. */
const desk = (taken: InboundDelivery[], answers: Record<string, SmtpReply>, wanted?: Desk["wanted"]): Desk => ({
  owns: async ({ localPart, domain }) => {
    if (localPart === "unknown") return "unknown";
    return localPart in answers && ["here.test", "xn--exmple-cua.test", ""].includes(domain) ? "yes" : "no";
  },
  wanted: wanted ?? { bytes: 100_000, beyond: "cut" },
  take: async (delivery) => {
    taken.push({ ...delivery, bytes: Buffer.from(delivery.bytes) });
    return answers[delivery.recipient.split("@")[0] ?? ""] ?? TAKEN;
  },
});

const ANSWERS = {
  ok: TAKEN,
  other: TAKEN,
  postmaster: TAKEN,
  later: { code: 451, text: "4.3.0 Later" },
  never: { code: 550, text: "5.7.1 Never" },
};

const scene = async (limits: Partial<InboundLimits> = {}, wanted?: Desk["wanted"]) => {
  const taken: InboundDelivery[] = [];
  const server = await startInboundServer({
    ...{ host: "127.0.0.1", port: 0, name: "mx.test", certificate, log: SILENT },
    limits: { ...INBOUND_LIMITS, ...limits },
    desks: [desk(taken, ANSWERS, wanted)],
  });
  const visitors: SmtpVisitor[] = [];
  atEnd(async () => {
    for (const visitor of visitors) visitor.close();
    await server.close();
  });
  const visit = async (localAddress?: string): Promise<SmtpVisitor> => {
    const visitor = await SmtpVisitor.to(server.port, localAddress);
    visitors.push(visitor);
    return visitor;
  };
  return { server, taken, visit };
};

const textOf = ({ bytes }: InboundDelivery): string => Buffer.from(bytes).toString("latin1");

test("a message ends at CRLF.CRLF and at nothing else", async () => {
  const { taken, visit } = await scene();
  /** One octet sequence between text and a command that must not be one; as one packet and as many. */
  const check = async (sequence: string): Promise<void> => {
    for (const isSplit of [false, true]) {
      const visitor = await visit();
      expect(await visitor.toData("ok@here.test")).toMatch(/^354 /);
      const smuggled = `MAIL FROM:<evil@a.test>\r\nRCPT TO:<other@here.test>\r\nDATA\r\nSubject: smuggled`;
      const octets = `Subject: first${sequence}${smuggled}\r\n.\r\n`;
      for (const part of isSplit ? octets : [octets]) visitor.say(part);
      expect(await visitor.reply(), JSON.stringify(sequence)).toMatch(/^250 /);
      expect(await visitor.ask("NOOP")).toMatch(/^250 /);
      const [delivery, ...others] = taken.splice(0);
      expect(others).toEqual([]);
      expect(delivery && textOf(delivery)).toContain("Subject: smuggled");
      visitor.close();
    }
  };
  await check("\n.\r\n");
  await check("\r.\r\n");
  await check("\n.\n");
  await check("\r\n.\n");
  await check("\r\n.\r");
  await check("\r.\r");
  await check("\n.\r");
  await check("\r\n\0.\r\n");
  await check("\r\n..\r\n");
  await check(" .\r\n");
});

test("what follows the message in its packet are commands, in their order", async () => {
  const { taken, visit } = await scene();
  const visitor = await visit();
  await visitor.reply();
  const mail = (subject: string): string =>
    `MAIL FROM:<>\r\nRCPT TO:<ok@here.test>\r\nDATA\r\nSubject: ${subject}\r\n\r\n..dot\r\n.\r\n`;
  visitor.say(`EHLO client.test\r\n${mail("one")}${mail("two")}junk\r\nQUIT\r\n`);
  const replies: string[] = [];
  for (let reply = await visitor.reply(); reply !== ""; reply = await visitor.reply()) replies.push(reply.slice(0, 3));
  const each = ["250", "250", "354", "250"];
  expect(replies).toEqual(["250", ...each, ...each, "500", "221"]);
  expect(taken.map(textOf)).toEqual(["Subject: one\r\n\r\n.dot\r\n", "Subject: two\r\n\r\n.dot\r\n"]);
});

test("a message that breaks off is handed to nobody", async () => {
  const { taken, visit } = await scene();
  const visitor = await visit();
  await visitor.toData("ok@here.test");
  visitor.say("Subject: first\r\n\r\nbody\r\n");
  await new Promise((resolve) => setTimeout(resolve, 100));
  visitor.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(taken).toEqual([]);
});

test("who is not ours is refused before DATA", async () => {
  const { visit, taken } = await scene();
  const visitor = await visit();
  await visitor.reply();
  await visitor.ask("EHLO client.test");
  await visitor.ask("MAIL FROM:<>");
  const check = async (line: string, expected: RegExp): Promise<void> =>
    expect(await visitor.ask(line), line).toMatch(expected);
  await check("RCPT TO:<ok@elsewhere.test>", /^550 5\.1\.1 /);
  await check("RCPT TO:<nobody@here.test>", /^550 5\.1\.1 /);
  await check("RCPT TO:<ok@[127.0.0.1]>", /^550 5\.1\.1 /);
  await check("RCPT TO:<unknown@here.test>", /^451 4\.4\.3 /);
  await check("RCPT TO:<>", /^501 /);
  await check("DATA", /^503 /);
  await check("RCPT TO:<OK@Here.Test>", /^250 /);
  await check("RCPT TO:<ok@xn--exmple-cua.test>", /^250 /);
  await check("RCPT TO:<Postmaster>", /^250 /);
  await check("AUTH PLAIN AGEAYg==", /^500 /);
  expect(taken).toEqual([]);
});

test("null senders and others; a client says who it is; STARTTLS by a certificate of our own", async () => {
  const { taken, visit } = await scene();
  const visitor = await visit();
  await visitor.reply();
  expect(await visitor.ask("EHLO client.test")).toMatch(/^250 SIZE 50000000/);
  expect(await visitor.ask("STARTTLS")).toMatch(/^220 /);
  await visitor.secure();
  for (const mailFrom of ["", "Person@Sender.Test"]) {
    await visitor.ask("EHLO client.test");
    await visitor.ask(`MAIL FROM:<${mailFrom}>`);
    await visitor.ask("RCPT TO:<ok@here.test>");
    await visitor.ask("DATA");
    expect(await visitor.ask("Subject: x\r\n.")).toMatch(/^250 2\.0\.0 Taken/);
  }
  expect(taken.map(({ mailFrom, client }) => ({ mailFrom, client }))).toEqual(
    ["", "Person@Sender.Test"].map((mailFrom) => ({
      ...{ mailFrom, client: { ip: "127.0.0.1", helo: "client.test", isSecure: true } },
    })),
  );
});

test("what was said in the clear behind STARTTLS was never said", async () => {
  const { visit } = await scene();
  const visitor = await visit();
  await visitor.reply();
  await visitor.ask("EHLO client.test");
  visitor.say("STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@a.test>\r\n");
  expect(await visitor.reply()).toMatch(/^220 /);
  await visitor.secure();
  expect(await visitor.ask("MAIL FROM:<>")).toMatch(/^503 /);
  await visitor.ask("EHLO client.test");
  expect(await visitor.ask("MAIL FROM:<>")).toMatch(/^250 /);
});

test("one reply for all recipients: again, else taken, else refused", async () => {
  const { visit } = await scene();
  const check = async (recipients: string[], expected: RegExp): Promise<void> => {
    const visitor = await visit();
    await visitor.reply();
    for (const line of ["EHLO c.test", "MAIL FROM:<>"]) await visitor.ask(line);
    for (const local of recipients) await visitor.ask(`RCPT TO:<${local}@here.test>`);
    await visitor.ask("DATA");
    expect(await visitor.ask("Subject: x\r\n."), recipients.join()).toMatch(expected);
    visitor.close();
  };
  await check(["never"], /^550 5\.7\.1 Never/);
  await check(["never", "ok"], /^250 /);
  await check(["ok", "later", "never"], /^451 4\.3\.0 Later/);
});

test("recipients of one mail that was begun anew are not the earlier one's", async () => {
  const { taken, visit } = await scene();
  const visitor = await visit();
  await visitor.reply();
  for (const line of ["EHLO c.test", "MAIL FROM:<>", "RCPT TO:<never@here.test>", "RSET"]) await visitor.ask(line);
  for (const line of ["MAIL FROM:<>", "RCPT TO:<ok@here.test>", "RCPT TO:<ok@here.test>", "DATA"])
    await visitor.ask(line);
  expect(await visitor.ask("Subject: x\r\n.")).toMatch(/^250 /);
  expect(taken.map(({ recipient }) => recipient)).toEqual(["ok@here.test"]);
});

test("size: told, refused at MAIL, refused as it comes; only what is wanted is kept", async () => {
  const limits = { messageBytes: 300_000 };
  const { taken, visit } = await scene(limits);
  const told = await visit();
  await told.reply();
  await told.ask("EHLO c.test");
  expect(await told.ask("MAIL FROM:<> SIZE=300001")).toMatch(/^552 /);
  const long = await visit();
  await long.toData("ok@here.test");
  long.say("x".repeat(299_000));
  expect(await long.ask("\r\n.")).toMatch(/^250 /);
  expect(taken[0]?.bytes.length).toBe(100_000);
  const endless = await visit();
  await endless.toData("ok@here.test");
  endless.say("x".repeat(400_000));
  expect(await endless.reply()).toMatch(/^552 5\.3\.4 /);
  expect(await endless.reply()).toBe("");
  const whole = await scene(limits, { bytes: 1000, beyond: "refuse" });
  const refused = await whole.visit();
  await refused.toData("ok@here.test");
  expect(await refused.ask(`${"x".repeat(1001)}\r\n.`)).toMatch(/^552 5\.3\.4 /);
  expect(whole.taken).toEqual([]);
});

test("48 MB cost what is wanted of them, and nobody waits for them", { timeout: 30_000 }, async () => {
  const { taken, visit } = await scene({ heldBytes: 1_000_000 });
  const visitor = await visit();
  await visitor.toData("ok@here.test");
  for (let at = 0; at < 48; at++)
    visitor.say("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".repeat(20_000));
  const other = await visit();
  await other.toData("ok@here.test");
  expect(await other.ask("Subject: small\r\n.")).toMatch(/^250 /);
  visitor.say("\r\n.\r\n");
  expect(await visitor.reply(20_000)).toMatch(/^250 /);
  expect(taken.map(({ bytes }) => bytes.length).toSorted((a, b) => a - b)).toEqual([16, 100_000]);
});

test("memory: what has no room is put off, and the room comes back", async () => {
  const { visit } = await scene({ heldBytes: 100_000 }, { bytes: 60_000, beyond: "cut" });
  const first = await visit();
  await first.toData("ok@here.test");
  first.say("x".repeat(70_000));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const second = await visit();
  await second.toData("ok@here.test");
  expect(await second.ask(`${"x".repeat(60_000)}\r\n.`)).toMatch(/^452 4\.3\.1 /);
  expect(await first.ask("\r\n.")).toMatch(/^250 /);
  const third = await visit();
  await third.toData("ok@here.test");
  expect(await third.ask(`${"x".repeat(60_000)}\r\n.`)).toMatch(/^250 /);
});

test("too many commands, errors or recipients", async () => {
  const { visit } = await scene({ commands: 30, errors: 5, recipients: 2 });
  const idle = await visit();
  await idle.reply();
  idle.say("NOOP\r\n".repeat(10_000));
  let count = 0;
  for (let reply = await idle.reply(); reply !== ""; reply = await idle.reply()) count += 1;
  expect(count).toBeLessThan(200);
  const guesser = await visit();
  await guesser.reply();
  for (const line of ["EHLO c.test", "MAIL FROM:<>"]) await guesser.ask(line);
  const replies: string[] = [];
  for (let at = 0; at < 7; at++) replies.push((await guesser.ask(`RCPT TO:<guess${at}@here.test>`)).slice(0, 3));
  expect(replies).toEqual(["550", "550", "550", "550", "550", "550", "421"]);
  const many = await visit();
  await many.reply();
  for (const line of ["EHLO c.test", "MAIL FROM:<>", "RCPT TO:<ok@here.test>", "RCPT TO:<other@here.test>"])
    await many.ask(line);
  expect(await many.ask("RCPT TO:<postmaster@here.test>")).toMatch(/^452 /);
});

test("time: idle, a message that drips, a session that stays", async () => {
  const idle = await (await scene({ idleMs: 300 })).visit();
  await idle.reply();
  expect(await idle.reply()).toMatch(/^421 /);
  const drips = await (await scene({ dataMs: 300 })).visit();
  await drips.toData("ok@here.test");
  const drip = setInterval(() => drips.say("x"), 20);
  expect(await drips.reply()).toMatch(/^421 4\.4\.2 /);
  clearInterval(drip);
  const stays = await (await scene({ sessionMs: 500 })).visit();
  await stays.reply();
  const stay = setInterval(() => stays.say("NOOP\r\n"), 50);
  let last = "";
  for (let reply = await stays.reply(); reply !== ""; reply = await stays.reply()) last = reply;
  expect(last).toMatch(/^421 4\.4\.2 /);
  clearInterval(stay);
});

test("a network has its share of connections, and gets it back", async () => {
  const { visit } = await scene({ connectionsPerNetwork: 2 });
  const [first, second] = [await visit(), await visit()];
  expect(await first.reply()).toMatch(/^220 /);
  expect(await second.reply()).toMatch(/^220 /);
  expect(await (await visit()).reply()).toMatch(/^421 4\.7\.0 /);
  expect(await (await visit("127.0.0.2")).reply()).toMatch(/^220 /);
  first.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await (await visit()).reply()).toMatch(/^220 /);
});

test("with 1,000 idle connections a new client is answered at once", { timeout: 30_000 }, async () => {
  const { taken, visit } = await scene({ connectionsPerNetwork: 5000 });
  const idle = await Promise.all(Array.from({ length: 1000 }, () => visit()));
  for (const visitor of idle) expect(await visitor.reply()).toMatch(/^220 /);
  const startedMs = performance.now();
  const visitor = await visit();
  await visitor.toData("ok@here.test");
  expect(await visitor.ask("Subject: x\r\n.")).toMatch(/^250 /);
  expect(performance.now() - startedMs).toBeLessThan(3000);
  expect(taken).toHaveLength(1);
});

test("who talks before the greeting, and in HTTP, is shown out", async () => {
  const { taken, visit } = await scene();
  const hasty = await visit();
  hasty.say("EHLO c.test\r\nMAIL FROM:<>\r\n");
  expect(await hasty.reply()).toMatch(/^421 /);
  const browser = await visit();
  await browser.reply();
  expect(await browser.ask("POST / HTTP/1.1")).toMatch(/^421 /);
  const noise = await visit();
  await noise.reply();
  noise.say("\0\xff".repeat(20_000));
  expect(await noise.reply()).toMatch(/^421 /);
  expect(taken).toEqual([]);
});
