/**
 * The inbound server as a stranger meets it, octet by octet: what ends a message and what does not, and what is refused
 * before DATA.
 */
import { expect, test } from "vitest";
import type { InboundDelivery } from "../../../relay-node/inbound/reception.ts";
import { serverScene as scene } from "./server-scene.ts";

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
