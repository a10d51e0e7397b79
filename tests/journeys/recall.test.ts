/**
 * Many mails to one address are in the hands of two relays, at a server that is slow, when the address is suppressed. Once
 * that is acknowledged, to the server that bounced by mail or to the app, no transaction to it begins any more.
 */
import { setTimeout as wait } from "node:timers/promises";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SELF_FENCE_MS } from "#contract/relay-protocol.ts";
import { type ScriptedSmtpServer, startSmtpServer } from "../support/scripted-smtp-server.ts";
import { startStack, type Stack } from "../support/stack.ts";

const SENDS = 400;
const CONNECTIONS = 4;
const RELAYS = 2;

let mx: ScriptedSmtpServer;
let stack: Stack;

beforeAll(async () => {
  mx = await startSmtpServer();
  stack = await startStack({
    env: {
      HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${mx.port}?tls=none`,
      HIKYAKU_INBOUND: "127.0.0.1:0",
      HIKYAKU_RELAYS: `${RELAYS}`,
      HIKYAKU_RELAY_CONNECTIONS: `${CONNECTIONS}`,
    },
  });
  await stack.joined(RELAYS);
});
afterAll(async () => {
  await stack?.stop();
  await mx?.close();
});

const triesTo = (address: string): number =>
  mx.commands.filter((line) => line.startsWith(`RCPT TO:<${address}>`)).length;
const suppressedCount = async (): Promise<number> => {
  const { body } = await stack.request("GET", "/v1/emails/metrics");
  const { suppressed = 0 } = body["totals"] as Record<string, number>;
  return suppressed;
};

/** All are in relays' hands, as many as may be are under way, and the server keeps them so. */
const holdMany = async (address: string): Promise<void> => {
  mx.rescript({}, { [address]: { dot: "silence" } });
  await Promise.all(Array.from({ length: SENDS }, () => stack.send({ to: address })));
  await expect.poll(() => triesTo(address)).toBeGreaterThanOrEqual(RELAYS * CONNECTIONS);
  await wait(500);
};

/** The server lets go; all that is left is told as suppressed, and nothing was begun after the acknowledgement. */
const checkNoneAfter = async (address: string, before: number): Promise<void> => {
  // What was under way was begun before it was acknowledged.
  await wait(200);
  const tries = triesTo(address);
  mx.rescript({});
  mx.disconnectAll();
  await expect.poll(suppressedCount).toBe(before + SENDS);
  expect(triesTo(address) - tries).toBe(0);
};

test("a bounce by mail, acknowledged with 250", async () => {
  const address = "gone@dest.test";
  await stack.eventsUntil(await stack.send({ to: address }), "email.delivered");
  const returnPath = mx.messages[0]?.mailFrom ?? "";
  await holdMany(address);
  const raw = [
    ...["Subject: failed", "MIME-Version: 1.0"],
    ...["Content-Type: multipart/report; report-type=delivery-status; boundary=b", "", "--b"],
    ...["Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.dest.test", ""],
    ...[`Final-Recipient: rfc822; ${address}`, "Action: failed", "Status: 5.1.1", "", "--b--", ""],
  ].join("\r\n");
  const port = Number(/"event":"inbound\.listening","host":"127\.0\.0\.1","port":(\d+)/.exec(stack.log)?.[1]);
  const client = createTransport({ host: "127.0.0.1", port, name: "mx.dest.test", tls: { rejectUnauthorized: false } });
  const { response } = await client.sendMail({ envelope: { from: "", to: returnPath }, raw });
  client.close();
  expect(response).toMatch(/^250 /);
  await checkNoneAfter(address, 0);
});

test("a suppression by the API, answered with 200", async () => {
  const address = "refused@dest.test";
  const before = await suppressedCount();
  await holdMany(address);
  expect((await stack.request("POST", "/v1/suppressions", { body: { email: address } })).status).toBe(200);
  await checkNoneAfter(address, before);
});

test("a relay that cannot hear it is waited for until its own clock has cut it off", { timeout: 60_000 }, async () => {
  const address = "stopped@dest.test";
  const before = await suppressedCount();
  await holdMany(address);
  const relay = stack.pids().relay ?? 0;
  const from = performance.now();
  process.kill(relay, "SIGSTOP");
  const { status } = await stack
    .request("POST", "/v1/suppressions", { body: { email: address } })
    .finally(() => process.kill(relay, "SIGCONT"));
  expect(status).toBe(200);
  expect(performance.now() - from).toBeGreaterThan(SELF_FENCE_MS);
  await checkNoneAfter(address, before);
});
