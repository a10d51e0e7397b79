/**
 * 100,000 events to one endpoint that fails three times in ten by chance, and kill -9 of the gateway three times on the
 * way, while events are still being made.
 *
 * To hold: every event arrives at least once, by its id, and the ids that arrive are those the service lists.
 */
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { startStack, type Stack } from "../support/stack.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

const EVENTS = 100_000;
const A_REQUEST = 1000;
const KILLS = [0.15, 0.45, 0.75];
const FAILING = 0.3;

let stack: Stack | undefined;
let receiver: WebhookReceiver | undefined;

afterEach(async () => {
  await stack?.stop();
  await receiver?.close();
});

/** Asks until there is an answer: the same request again changes nothing. */
const insist = async (to: Stack, method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
  for (;;) {
    const answer = await to.request(method, path, { body }).catch(() => undefined);
    if (answer?.status === 200) return answer.body;
    await wait(100);
  }
};

/** Each suppressed address is an event. */
const makeEvents = async (to: Stack): Promise<void> => {
  for (let first = 0; first < EVENTS; first += A_REQUEST) {
    const emails = Array.from({ length: A_REQUEST }, (_, index) => `r${first + index}@dest.test`);
    await insist(to, "POST", "/v1/suppressions/batch/add", { emails });
  }
};

const listedIds = async (from: Stack): Promise<string[]> => {
  const ids: string[] = [];
  for (let after = ""; ;) {
    const page = await insist(from, "GET", `/v1/events?limit=100&types=suppression.added${after}`);
    for (const { id } of page["data"] as { id: string }[]) ids.push(id);
    if (page["has_more"] !== true) return ids;
    after = `&after=${String(page["next"])}`;
  }
};

test(`${EVENTS} events, three failures in ten, three kills: each arrives`, async () => {
  const taking = await WebhookReceiver.start(() => (Math.random() < FAILING ? 500 : 200), { keep: false });
  receiver = taking;
  const running = await startStack({
    env: { HIKYAKU_ALLOW_PRIVATE: "1", HIKYAKU_WEBHOOK_RETRY: "1,1,2,...", HIKYAKU_RELAYS: "1", HIKYAKU_LOG: "warn" },
  });
  stack = running;
  await insist(running, "POST", "/v1/webhooks", { endpoint: taking.url, events: ["suppression.added"] });
  const startedAt = Date.now();
  const making = makeEvents(running);
  for (const share of KILLS) {
    while (taking.taken.size < EVENTS * share) await wait(5);
    running.kill("workerd");
  }
  await making;
  const madeAt = Date.now();
  await expect.poll(() => taking.taken.size, { timeout: 280_000, interval: 200 }).toBe(EVENTS);
  const seconds = (Date.now() - startedAt) / 1000;
  const listed = await listedIds(running);
  const missing = listed.filter((id) => !taking.taken.has(id)).length;
  const repeats = [...taking.taken.values()].reduce((sum, count) => sum + count - 1, 0);
  console.log(
    `${EVENTS} events made in ${(madeAt - startedAt) / 1000} s, all arrived after ${seconds} s: requests ${taking.requests}, listed ${listed.length}, missing ${missing}, repeats ${repeats}`,
  );
  expect(listed).toHaveLength(EVENTS);
  expect(new Set(listed).size).toBe(EVENTS);
  expect(missing).toBe(0);
});
