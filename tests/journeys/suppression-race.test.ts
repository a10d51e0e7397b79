/**
 * Bounce and send at once, over the whole service: many sends to an address that its server refuses for good, while the
 * first bounce is on its way. Once that is told, no mail to it begins any more: what was waiting is told as suppressed.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSmtpServer, type ScriptedSmtpServer } from "../support/scripted-smtp-server.ts";
import { startStack, type Stack } from "../support/stack.ts";

const SENDS = 300;
/** Connections to one destination at most (`relay-node/settings.ts`): so many transactions may be open at the bounce. */
const CONNECTIONS = 20;

let server: ScriptedSmtpServer;
let stack: Stack;
beforeAll(async () => {
  server = await startSmtpServer({ recipients: { "gone@dest.test": { rcpt: "550 5.1.1 no such user" } } });
  stack = await startStack({
    env: { HIKYAKU_ROUTES: `dest.test=smtp://${server.host}:${server.port}`, HIKYAKU_LOG: "warn" },
  });
});
afterAll(async () => {
  await stack?.stop();
  await server?.close();
});

const tries = (): number => server.commands.filter((line) => line.startsWith("RCPT TO:<gone@dest.test>")).length;
const totals = async (): Promise<Record<string, number>> => {
  const { body } = await stack.request("GET", "/v1/emails/metrics");
  return body["totals"] as Record<string, number>;
};

test("of many sends to a dead address few are tried, and none after the bounce is told", async () => {
  const first = await stack.send({ to: "gone@dest.test" });
  const sending = Array.from({ length: SENDS - 1 }, () => stack.send({ to: "gone@dest.test" }));
  await stack.eventsUntil(first, "email.bounced");
  const atBounce = tries();
  await Promise.all(sending);
  const ended = async (): Promise<number> => {
    const { bounced = 0, suppressed = 0 } = await totals();
    return bounced + suppressed;
  };
  await expect.poll(ended).toBe(SENDS);
  const { sent = 0, bounced = 0, bounced_permanent = 0 } = await totals();
  expect([sent, bounced_permanent]).toEqual([bounced, bounced]);
  expect(tries()).toBe(bounced);
  // What was open on other connections when the bounce was told, and what was in a batch on its way; no more.
  expect(tries() - atBounce).toBeLessThanOrEqual(2 * CONNECTIONS);
  const { body } = await stack.request("GET", "/v1/suppressions/gone%40dest.test");
  expect(body).toMatchObject({ origin: "bounce", email: "gone@dest.test" });
});

test("after that not one more, whoever sends and however; taken off the list it is tried again", async () => {
  const before = tries();
  const id = await stack.send({ to: ["gone@dest.test", "there@dest.test"], stream: "bulk" });
  const events = await stack.eventsUntil(id, "email.delivered");
  expect(events.map(({ type, recipient }) => `${recipient} ${type}`)).toContain("gone@dest.test email.suppressed");
  const answer = await stack.request("POST", "/v1/emails", {
    body: { from: "a@b.test", to: "GONE@dest.test", subject: "s", text: "t", on_suppressed: "refuse" },
  });
  expect(answer).toMatchObject({ status: 422, body: { message: expect.stringContaining("GONE@dest.test") } });
  expect(tries()).toBe(before);
  await stack.request("DELETE", "/v1/suppressions/gone%40dest.test");
  await stack.eventsUntil(await stack.send({ to: "gone@dest.test" }), "email.bounced");
  expect(tries()).toBe(before + 1);
});
