/**
 * kill -9 in the middle of 2,000 sends, of workerd, of the relay and of both, three rounds each.
 *
 * To hold: every email that got a 2xx is delivered; an email arrives twice only when its SMTP transaction was open
 * at the kill, that is begun and its outcome not yet in the relay's journal. Those are counted by their `unknown`
 * events, and there are never more of them than connections.
 */
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { startSmtpServer, type ScriptedSmtpServer } from "../support/scripted-smtp-server.ts";
import { startStack, type Stack } from "../support/stack.ts";

const MAILS = 2000;
const CLIENTS = 32;
const CONNECTIONS = 20;

let inbox: ScriptedSmtpServer | undefined;
let stack: Stack | undefined;

afterEach(async () => {
  await stack?.stop();
  await inbox?.close();
});

/** Sends until each mail has its 2xx, again with the same key when there was no answer. */
const sendAll = async (to: Stack): Promise<string[]> => {
  const ids: string[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < MAILS) {
      const index = next++;
      const body = { from: "a@sender.test", to: "user@dest.test", subject: `Mail ${index}`, text: "t".repeat(1500) };
      for (;;) {
        const answer = await to
          .request("POST", "/v1/emails", { body, headers: { "idempotency-key": `mail-${index}` } })
          .catch(() => undefined);
        if (answer?.status === 200) {
          ids.push(String(answer.body["id"]));
          break;
        }
        await wait(50);
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return ids;
};

/** How often each Message-ID was taken by the recipient's server. */
const arrivals = (server: ScriptedSmtpServer): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { raw } of server.messages) {
    const id = /^Message-ID: <([^@]+)@/m.exec(raw.toString("latin1"))?.[1] ?? "";
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
};

const inDoubt = async (from: Stack, ids: readonly string[]): Promise<number> => {
  let count = 0;
  for (const id of ids) if ((await from.events(id)).some(({ type }) => type === "email.unknown")) count += 1;
  return count;
};

const round = async (victims: readonly ("workerd" | "relay")[], killAt: number): Promise<void> => {
  const server = await startSmtpServer();
  inbox = server;
  const running = await startStack({
    env: {
      HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${server.port}?tls=none`,
      HIKYAKU_RETRY: "1,1,1,2,5",
      HIKYAKU_LOG: "warn",
    },
  });
  stack = running;
  const sending = sendAll(running);
  while (server.messages.length < killAt) await wait(1);
  const openAtServer = server.openTransactions;
  for (const victim of victims) running.kill(victim);
  const ids = await sending;
  expect(new Set(ids).size).toBe(MAILS);

  await expect.poll(() => arrivals(server).size, { timeout: 90_000, interval: 100 }).toBe(MAILS);
  // Late repeats, if any, must have the time to come.
  await wait(3000);
  for (const id of ids) await running.eventsUntil(id, "email.delivered");
  const counts = arrivals(server);
  const lost = ids.filter((id) => !counts.has(id)).length;
  const duplicates = [...counts.values()].reduce((sum, count) => sum + count - 1, 0);
  const open = await inDoubt(running, ids);
  console.log(
    `kill -9 of ${victims.join(" and ")} after ${killAt} deliveries: accepted ${ids.length}, lost ${lost}, duplicates ${duplicates}, transactions open at the kill ${open} (at the server ${openAtServer})`,
  );
  expect(lost).toBe(0);
  expect(duplicates).toBeLessThanOrEqual(open);
  expect(open).toBeLessThanOrEqual(victims.includes("relay") ? CONNECTIONS : 0);
};

for (const victims of [["workerd"], ["relay"], ["workerd", "relay"]] as const) {
  describe(`kill -9 of ${victims.join(" and ")} loses nothing`, () => {
    for (const killAt of [150, 600, 1400]) test(`after ${killAt} deliveries`, () => round(victims, killAt));
  });
}
