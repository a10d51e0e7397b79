/**
 * What comes back by mail: a server takes a message and bounces it later, a reader says that it is spam. It comes to
 * the relay over SMTP and is told as an event; the address gets no more mail. A forgery changes nothing.
 */
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ReceivedMessage, type ScriptedSmtpServer, startSmtpServer } from "../support/scripted-smtp-server.ts";
import { type Event, startStack, type Stack } from "../support/stack.ts";

let mx: ScriptedSmtpServer;
let stack: Stack;
let port: number;

beforeAll(async () => {
  mx = await startSmtpServer();
  stack = await startStack({
    env: {
      HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${mx.port}?tls=none`,
      HIKYAKU_INBOUND: "127.0.0.1:0",
      HIKYAKU_RELAYS: "2",
    },
  });
  port = Number(/"event":"inbound\.listening","host":"127\.0\.0\.1","port":(\d+)/.exec(stack.log)?.[1]);
});

afterAll(async () => {
  await stack?.stop();
  await mx?.close();
});

/** Sends a mail and waits until the server has it; what it got, and the email's id. */
const deliver = async (to: string, fields: object = {}): Promise<{ id: string; message: ReceivedMessage }> => {
  const id = await stack.send({ to, ...fields });
  await stack.eventsUntil(id, "email.delivered");
  const message = mx.messages.find(({ rcptTo }) => rcptTo.includes(to));
  if (!message) throw new Error(`no message for ${to}`);
  return { id, message };
};

const report = (type: string, part: string, fields: string, message: ReceivedMessage): string =>
  [
    "From: MAILER-DAEMON@mx.dest.test",
    "Subject: a report",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=${type}; boundary=b`,
    ...["", "--b", "Content-Type: text/plain", "", "See below."],
    ...["--b", `Content-Type: ${part}`, "", fields],
    ...["--b", "Content-Type: text/rfc822-headers", "", message.raw.toString().split("\r\n\r\n")[0], "--b--", ""],
  ].join("\r\n");

const bounceOf = (message: ReceivedMessage, action = "failed", status = "5.1.1"): string =>
  report(
    "delivery-status",
    "message/delivery-status",
    `Reporting-MTA: dns; mx.dest.test\r\n\r\nFinal-Recipient: rfc822; ${message.rcptTo[0]}\r\nAction: ${action}\r\n` +
      `Status: ${status}\r\nDiagnostic-Code: smtp; 550 ${status} no such user`,
    message,
  );

/** As Yahoo and Gmail do: nobody is named. */
const complaintOf = (message: ReceivedMessage): string =>
  report(
    "feedback-report",
    "message/feedback-report",
    "Feedback-Type: abuse\r\nUser-Agent: Loop/1.0\r\nVersion: 1",
    message,
  );

/** The reply to the message, or the refusal. */
const sendIn = async (from: string, to: string, raw: string): Promise<string> => {
  const client = createTransport({ host: "127.0.0.1", port, name: "mx.dest.test", tls: { rejectUnauthorized: false } });
  try {
    return (await client.sendMail({ envelope: { from, to }, raw })).response;
  } catch (error) {
    return error instanceof Error && "response" in error ? String(error.response) : String(error);
  } finally {
    client.close();
  }
};

const suppressedOf = (events: readonly Event[]): unknown => events.find(({ type }) => type === "email.suppressed");

test("a bounce that comes later is an event, and the address gets no more mail", async () => {
  const { id, message } = await deliver("ghost@dest.test");
  expect(await sendIn("", message.mailFrom, bounceOf(message))).toMatch(/^250 2\.0\.0 /);
  // Once the bounce is taken, no mail leaves any more.
  const next = await stack.send({ to: "ghost@dest.test" });
  expect(suppressedOf(await stack.eventsUntil(next, "email.suppressed"))).toMatchObject({
    suppressed: { reason: "previous_bounce" },
  });
  expect((await stack.events(id)).at(-1)).toMatchObject({
    ...{ type: "email.bounced", recipient: "ghost@dest.test", by_mail: true },
    bounce: { type: "Permanent", subType: "General", diagnosticCode: ["smtp; 550 5.1.1 no such user"] },
  });
  // Its sender was not sure that we had it.
  expect(await sendIn("", message.mailFrom, bounceOf(message))).toMatch(/^250 /);
  expect((await stack.events(id)).filter(({ type }) => type === "email.bounced")).toHaveLength(1);
});

test("a complaint without any address finds its mail, and ends the stream to its reader", async () => {
  const { id, message } = await deliver("reader@dest.test");
  expect(message.raw.toString()).toMatch(
    /^Feedback-ID: [0-9a-z]+\.[0-9a-z]{16}:transactional:[0-9a-z]{12}:hikyaku\r$/m,
  );
  expect(await sendIn("loop@provider.test", "fbl@bounce.localhost", complaintOf(message))).toMatch(/^250 /);
  const events = await stack.eventsUntil(id, "email.complained");
  expect(events.at(-1)).toMatchObject({ complaint: { feedback_type: "abuse", user_agent: "Loop/1.0" } });
  const next = await stack.send({ to: "reader@dest.test" });
  expect(suppressedOf(await stack.eventsUntil(next, "email.suppressed"))).toMatchObject({
    suppressed: { reason: "previous_complaint" },
  });
});

test("news of a delay changes nothing, and neither does an absence note", async () => {
  const { id, message } = await deliver("slow@dest.test");
  expect(await sendIn("", message.mailFrom, bounceOf(message, "delayed", "4.4.1"))).toMatch(/^250 /);
  const note = "From: slow@dest.test\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n";
  expect(await sendIn("slow@dest.test", message.mailFrom, note)).toMatch(/^250 /);
  expect((await stack.events(id)).map(({ type }) => type)).toEqual(["email.queued", "email.sent", "email.delivered"]);
});

test("a forgery is refused, a stranger too, and nothing is changed", async () => {
  const { id, message } = await deliver("safe@dest.test");
  const forged = message.mailFrom.replace(/\.(.)([0-9a-z]{15})@/, (_, first: string, rest: string) =>
    first === "0" ? `.1${rest}@` : `.0${rest}@`,
  );
  expect(await sendIn("", forged, bounceOf(message))).toMatch(/^550 5\.7\.1 /);
  expect(await sendIn("", "ghost@bounce.localhost", bounceOf(message))).toMatch(/^550 5\.1\.1 /);
  expect(await sendIn("a@b.test", "fbl@elsewhere.test", complaintOf(message))).toMatch(/^550 5\.1\.1 /);
  expect(await sendIn("person@dest.test", message.mailFrom, "Subject: hello\r\n\r\nAre you there?\r\n")).toMatch(
    /^550 5\.7\.1 Only reports/,
  );
  expect((await stack.events(id)).map(({ type }) => type)).toEqual(["email.queued", "email.sent", "email.delivered"]);
});

test("the sandbox complains, and bounces later, by the same way", async () => {
  const complained = await stack.send({ to: "complained+journey@sandbox.test" });
  const types = (await stack.eventsUntil(complained, "email.complained")).map(({ type }) => type);
  expect(types).toEqual(["email.queued", "email.sent", "email.delivered", "email.complained"]);
  const bounced = await stack.send({ to: "bounced+later@sandbox.test" });
  expect((await stack.eventsUntil(bounced, "email.bounced")).at(-1)).toMatchObject({ by_mail: true });
});
