/**
 * An endpoint that disables itself: when, what its account hears of it, and how it comes back.
 */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { beforeEach, expect, test, vi } from "vitest";
import { FAILING_LIMIT_MS, FAILURES_TO_OPEN } from "../../gateway/core/endpoint-breaker.ts";
import { Account } from "../../gateway/objects/account.ts";
import {
  ACCOUNT,
  alarmInMs,
  all,
  aMoment,
  attemptsOf,
  configOf,
  detailOf,
  eventsOf,
  evict,
  later,
  openEndpoint,
  openScene,
  refuse,
  ring,
  statesOf,
  type TestEndpoint,
  untilStates,
  untilWritten,
} from "./support/endpoint-scene.ts";

const { receiver, log } = openScene();

type Notice = { account: string; webhook: number; version: number; reason: string };
let notices: Notice[] = [];
let accountAnswers = true;
const owner = () => env.ACCOUNT.getByName(ACCOUNT);

/** An account that keeps what it is told; it does not know the webhook, and need not. */
const listen = (): Promise<void> =>
  runInDurableObject(owner(), (_, { id }) => {
    vi.spyOn(Account.prototype, "webhookDisabled").mockImplementation(async (webhook, version, reason) => {
      if (!accountAnswers) throw new Error("not now");
      notices.push({ account: id.name ?? "", webhook, version, reason });
    });
  });
beforeEach(async () => {
  notices = [];
  accountAnswers = true;
  await listen();
});

const untilDisabled = async (endpoint: TestEndpoint, reason: string): Promise<void> => {
  const { webhook } = await configOf();
  await ring(endpoint);
  expect(notices).toEqual([{ account: ACCOUNT, webhook, version: 1, reason }]);
};

test("410 disables at once, the account hears of it, and what waits goes when it is enabled again", async () => {
  receiver.answer = () => new Response("gone", { status: 410 });
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  await endpoint.take(await configOf(), eventsOf(1));
  await expect.poll(async () => (await attemptsOf(endpoint, event?.id ?? "")).length).toBe(1);
  await untilDisabled(endpoint, "The endpoint answered 410 Gone.");
  expect(log.join("\n")).not.toContain("hooks.example.com");

  // The same word of the account again, and time, change nothing.
  await endpoint.take(await configOf(), eventsOf(1, 1));
  later(3600_000);
  await ring(endpoint);
  await aMoment();
  expect(receiver.received).toHaveLength(1);
  expect(notices).toHaveLength(1);
  expect((await detailOf(endpoint, event?.id ?? "")).next_attempt_at).toBeNull();
  await evict(endpoint);
  await endpoint.configure(await configOf({ status: "disabled", version: 2 }));
  receiver.answer = () => new Response("ok");
  await aMoment();
  expect(receiver.received).toHaveLength(1);

  await endpoint.configure(await configOf({ version: 3 }));
  await untilStates(endpoint, all(2, "success"));
});

test("five days without one success disable it; the account is told until it answers", async () => {
  receiver.answer = refuse;
  accountAnswers = false;
  const endpoint = openEndpoint();
  const waiting = 30;
  await endpoint.take(await configOf(), eventsOf(waiting));
  await untilWritten(endpoint, receiver, FAILURES_TO_OPEN);
  let tried = receiver.received.length;
  for (const moreMs of [FAILING_LIMIT_MS - 3600_000, 3600_000 + 1000]) {
    later(moreMs);
    await ring(endpoint);
    await untilWritten(endpoint, receiver, tried + 1);
    tried = receiver.received.length;
  }

  await ring(endpoint);
  expect(notices).toEqual([]);
  expect(log.join("\n")).toContain("endpoint.alarm-failed");
  const inMs = (await alarmInMs(endpoint)) ?? 0;
  expect(inMs).toBeGreaterThan(0);
  expect(inMs).toBeLessThanOrEqual(10_000);
  // Not told again at once.
  await ring(endpoint);
  accountAnswers = true;
  await ring(endpoint);
  expect(notices).toEqual([]);
  await evict(endpoint);
  await untilDisabled(endpoint, "Every delivery failed for five days.");
  expect(await statesOf(endpoint)).toEqual(all(waiting, "pending"));
});
