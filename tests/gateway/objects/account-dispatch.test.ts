/**
 * Events handed to endpoints while their webhook, or the whole account, goes: what was erased is not woken again, and a
 * removal is not forgotten. The rooms are the real ones; their storage and the endpoints are fakes.
 */
import { setTimeout as wait } from "node:timers/promises";
import { expect, test } from "vitest";
import type { AccountEvents } from "../../../gateway/objects/account-events.ts";
import { AccountDispatch, type EndpointCalls } from "../../../gateway/objects/account-dispatch.ts";
import { AccountWebhooks } from "../../../gateway/objects/account-webhooks.ts";

const ACCOUNT = "jmsgjxn0m34g";
const NOW_MS = Date.parse("2026-11-24T12:00:00Z");
const K = NOW_MS * 1024;

/** Answers no row to any statement: the room keeps what it needs in memory. */
const noRows = { toArray: () => [], [Symbol.iterator]: () => [][Symbol.iterator]() };
// What the rooms call of these two, and no more.
const sql = { exec: () => noRows } as unknown as ConstructorParameters<typeof AccountWebhooks>[0];
const pagesOf = (pages: number): AccountEvents => {
  let page = 0;
  const run = () => {
    page += 1;
    const event = { object: "event", id: `e${page}`, rank: 0, created_at: "", type: "email.sent", data: {} };
    return { events: [{ k: K + page, atMs: NOW_MS, event }], last: K + page, more: page < pages };
  };
  return { run } as unknown as AccountEvents;
};

const scene = (events: AccountEvents, endpoint: EndpointCalls) => {
  const webhooks = new AccountWebhooks(sql, ACCOUNT);
  const request = { endpoint: "https://hooks.example.com/", events: ["email.sent" as const] };
  const created = webhooks.create(request, { secret: "s", signingKey: "k", publicKey: "p" }, K);
  if (typeof created !== "string") throw new Error(created.message);
  const dispatch = new AccountDispatch({
    account: ACCOUNT,
    webhooks,
    events,
    endpointOf: () => endpoint,
    onGathered: () => {},
  });
  return { webhooks, dispatch, id: created };
};

test("an account that is closed in the middle of a hand-over wakes no endpoint that was erased", async () => {
  const calls: string[] = [];
  const said = async (call: string): Promise<void> => {
    calls.push(call);
    await wait(5);
  };
  const { dispatch } = scene(pagesOf(4), {
    configure: () => said("configure"),
    remove: () => said("remove"),
    take: async (_, handed) => {
      await said("take");
      return { upTo: handed.at(-1)?.k ?? 0 };
    },
  });
  const running = dispatch.run(NOW_MS);
  await wait(12);
  await dispatch.close();
  await running;
  await dispatch.run(NOW_MS);
  expect(calls.at(-1)).toBe("remove");
  expect(calls.filter((call) => call === "remove")).toHaveLength(1);
  expect(calls.filter((call) => call === "take").length).toBeLessThan(4);
});

test("the late answer to an older word does not forget a removal that failed", async () => {
  const answer = Promise.withResolvers<void>();
  const { webhooks, dispatch, id } = scene(pagesOf(0), {
    configure: () => answer.promise,
    remove: () => Promise.reject(new Error("overloaded")),
    take: () => Promise.resolve({ upTo: 0 }),
  });
  const running = dispatch.run(NOW_MS);
  webhooks.remove(id);
  await dispatch.tell();
  answer.resolve();
  await running;
  expect(webhooks.all()).toHaveLength(1);
  expect(dispatch.nextMs(NOW_MS)).toBeLessThan(Infinity);
});
