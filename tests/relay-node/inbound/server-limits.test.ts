/** The inbound server and those who want too much of it: size, memory, recipients, commands, mistakes, time, connections. */
import { expect, test } from "vitest";
import type { Desk, InboundDelivery } from "../../../relay-node/inbound/reception.ts";
import { answeringDesk, serverScene as scene } from "./server-scene.ts";

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

test("48 MB cost what is wanted of them, and nobody waits for them", async () => {
  const { taken, visit } = await scene({ heldBytes: 1_000_000 });
  const visitor = await visit();
  await visitor.toData("ok@here.test");
  for (let at = 0; at < 48; at++)
    visitor.say("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".repeat(20_000));
  const other = await visit();
  await other.toData("ok@here.test");
  expect(await other.ask("Subject: small\r\n.")).toMatch(/^250 /);
  visitor.say("\r\n.\r\n");
  expect(await visitor.reply()).toMatch(/^250 /);
  expect(taken.map(({ bytes }) => bytes.length).toSorted((a, b) => a - b)).toEqual([16, 100_000]);
});

test("memory: what has no room is put off, and the room comes back", async () => {
  const { visit } = await scene({ heldBytes: 100_000 }, { bytes: 60_000, beyond: "cut" });
  const first = await visit();
  await first.toData("ok@here.test");
  first.say("x".repeat(70_000));
  const another = async (): Promise<string> => {
    const visitor = await visit();
    await visitor.toData("ok@here.test");
    return visitor.ask(`${"x".repeat(60_000)}\r\n.`);
  };
  // As soon as the first's octets have come.
  await expect.poll(another).toMatch(/^452 4\.3\.1 /);
  expect(await first.ask("\r\n.")).toMatch(/^250 /);
  expect(await another()).toMatch(/^250 /);
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

test("a desk that wants a few recipients puts off the others, and no other desk's", async () => {
  const reports: InboundDelivery[] = [];
  const few: Desk = {
    ...answeringDesk(reports, {}),
    owns: async ({ domain }) => (domain === "bounce.test" ? "yes" : "no"),
    recipients: 2,
  };
  const { taken, visit } = await scene({}, undefined, [few]);
  const visitor = await visit();
  await visitor.reply();
  for (const line of ["EHLO c.test", "MAIL FROM:<>"]) await visitor.ask(line);
  const check = async (address: string, expected: RegExp): Promise<void> =>
    expect(await visitor.ask(`RCPT TO:<${address}>`), address).toMatch(expected);
  await check("a@bounce.test", /^250 /);
  await check("b@bounce.test", /^250 /);
  await check("b@bounce.test", /^250 /);
  await check("c@bounce.test", /^452 4\.5\.3 /);
  await check("ok@here.test", /^250 /);
  await check("other@here.test", /^250 /);
  await visitor.ask("DATA");
  expect(await visitor.ask("Subject: x\r\n.")).toMatch(/^250 /);
  expect(reports.map(({ recipient }) => recipient)).toEqual(["a@bounce.test", "b@bounce.test"]);
  expect(taken.map(({ recipient }) => recipient)).toEqual(["ok@here.test", "other@here.test"]);
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
  await expect.poll(async () => (await visit()).reply()).toMatch(/^220 /);
});

test("with 1,000 idle connections a new client is answered at once", async () => {
  const { taken, visit } = await scene({ connectionsPerNetwork: 5000 });
  const idle = await Promise.all(Array.from({ length: 1000 }, () => visit()));
  for (const visitor of idle) expect(await visitor.reply()).toMatch(/^220 /);
  const visitor = await visit();
  await visitor.toData("ok@here.test");
  expect(await visitor.ask("Subject: x\r\n.")).toMatch(/^250 /);
  expect(taken).toHaveLength(1);
  // It waited for none of them.
  expect(idle.filter(({ isClosed }) => isClosed)).toEqual([]);
});
