/**
 * Events handed to endpoints while their webhook, or the whole account, goes: what was erased is not woken again, and a
 * removal is not forgotten; and what one that rests is handed. The rooms are the real ones; their storage and the
 * endpoints are fakes.
 */
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
  const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { dispatch } = scene(pagesOf(4), {
    configure: async () => void calls.push("configure"),
    remove: async () => void calls.push("remove"),
    take: async (_, handed) => {
      calls.push("take");
      asked.resolve();
      await answer.promise;
      calls.push("taken");
      return { upTo: handed.at(-1)?.k ?? 0, restMs: 0 };
    },
  });
  const running = dispatch.run(NOW_MS);
  await asked.promise;
  const closing = dispatch.close();
  answer.resolve();
  await closing;
  await running;
  await dispatch.run(NOW_MS);
  expect(calls).toEqual(["configure", "take", "taken", "remove"]);
});

test("the late answer to an older word does not forget a removal that failed", async () => {
  const answer = Promise.withResolvers<void>();
  const { webhooks, dispatch, id } = scene(pagesOf(0), {
    configure: () => answer.promise,
    remove: () => Promise.reject(new Error("overloaded")),
    take: () => Promise.resolve({ upTo: 0, restMs: 0 }),
  });
  const running = dispatch.run(NOW_MS);
  webhooks.remove(id);
  await dispatch.tell();
  answer.resolve();
  await running;
  expect(webhooks.all()).toHaveLength(1);
  expect(dispatch.nextMs(NOW_MS)).toBeLessThan(Infinity);
});

test.each([
  [0, [4, 4, 4]],
  [3_600_000, [1, 1, 2]],
])(
  "an endpoint that rests for %i ms has %o pages: at once, a moment later, ten seconds later",
  async (restMs, pages) => {
    let taken = 0;
    const { dispatch } = scene(pagesOf(4), {
      configure: () => Promise.resolve(),
      remove: () => Promise.resolve(),
      take: async (_, handed) => {
        taken += 1;
        return { upTo: handed.at(-1)?.k ?? 0, restMs };
      },
    });
    const after: number[] = [];
    for (const laterMs of [0, 1000, 11_000]) {
      await dispatch.run(Date.now() + laterMs);
      after.push(taken);
    }
    expect(after).toEqual(pages);
    if (restMs > 0) expect(dispatch.nextMs(Date.now())).toBeLessThanOrEqual(Date.now() + 10_000);
  },
);
