/** The account's room for recalls over a pool that is data: what it costs when nothing is held, and when pools fail. */
import { expect, test, vi } from "vitest";
import { type HeldDelivery, LeaseBook } from "../../gateway/core/lease-book.ts";
import { AccountRecall, type Recall } from "../../gateway/objects/account-recall.ts";
import { ALL_STREAMS } from "../../gateway/objects/account-suppressions.ts";
import { recordLog } from "./support/recorded-log.ts";

const log = recordLog();

const held = (k: number, rcpt: string, more: Partial<HeldDelivery> = {}): HeldDelivery => ({
  ...{ k, rcpt, pool: "default", relay: "north", stream: 0 },
  ...more,
});

/** `fails`: how many of the next calls of a pool reject. `isSilent`: relays that never answer. */
const scene = (deliveries: readonly HeldDelivery[], fails = 0, isSilent = (_relay: string) => false) => {
  const book = new LeaseBook();
  for (const { k, rcpt, ...holder } of deliveries)
    book.add({ ...holder, id: 100 + k, atMs: 0, deliveries: [{ k, rcpt }] });
  const walk = vi.spyOn(book, "held");
  const told: { pool: string; recalls: Recall[] }[] = [];
  const kept: Promise<void>[] = [];
  const recall = new AccountRecall({
    account: "0123456789ab",
    queue: { inHand: book, pools: () => new Set(["default", "bulk"]) },
    suppressions: { blocked: () => new Map() },
    tell: async (pool, recalls) => {
      told.push({ pool, recalls });
      fails -= 1;
      if (fails >= 0) throw new Error("the pool is gone");
      if (recalls.some(({ relay }) => isSilent(relay))) await new Promise(() => {});
    },
    waitUntil: (promise) => kept.push(promise),
  });
  return { recall, told, kept, book, walk };
};

test("by pool and relay, once for all that was noted in a turn", async () => {
  const { recall, told, kept } = scene([
    held(1, "A@one.test"),
    held(2, "b@two.test", { relay: "south" }),
    held(3, "c@one.test", { pool: "bulk", stream: 1 }),
    held(4, "d@two.test"),
    held(5, "a@one.test"),
  ]);
  recall.note("*@one.test", ALL_STREAMS);
  recall.note("a@one.test", 0);
  recall.note("b@two.test", 0);
  recall.noteForgotten(held(6, "e@two.test"));
  await recall.done;
  expect(told).toEqual([
    {
      pool: "default",
      recalls: [
        { relay: "north", ks: [1, 5, 6] },
        { relay: "south", ks: [2] },
      ],
    },
    { pool: "bulk", recalls: [{ relay: "north", ks: [3] }] },
  ]);
  expect(kept).toHaveLength(1);
  await recall.done;
  expect(told).toHaveLength(2);
});

test("only for a whole domain is all that is held walked through", async () => {
  const { recall, told, walk } = scene([held(1, "A@one.test"), held(2, "b@one.test"), held(3, "a@one.test")]);
  recall.note("a@one.test", 0);
  recall.note("nobody@one.test", 0);
  await recall.done;
  expect(walk).not.toHaveBeenCalled();
  recall.note("*@one.test", 0);
  await recall.done;
  expect(walk).toHaveBeenCalledOnce();
  expect(told.map(({ recalls }) => recalls)).toEqual([
    [{ relay: "north", ks: [1, 3] }],
    [{ relay: "north", ks: [1, 2, 3] }],
  ]);
});

test("what was leased before the pool was written down is told to every pool that its relay may be in", async () => {
  const { recall, told } = scene([held(1, "a@one.test", { pool: "" })]);
  recall.note("a@one.test", 0);
  await recall.done;
  expect(told).toEqual(["default", "bulk"].map((pool) => ({ pool, recalls: [{ relay: "north", ks: [1] }] })));
});

test("nobody waits for what others have noted; who notes the same again does", async () => {
  const silent = [held(1, "a@one.test"), held(2, "b@one.test", { relay: "south" })];
  const { recall, told, book } = scene(silent, 0, (relay) => relay === "north");
  const isDone = (done: Promise<void>): Promise<boolean> =>
    Promise.race([done.then(() => true), new Promise<boolean>((resolve) => setTimeout(resolve, 10, false))]);
  book.settle(1);
  recall.noteForgotten(held(1, "a@one.test"));
  const first = recall.done;
  expect(await isDone(first)).toBe(false);
  recall.note("b@one.test", 0);
  expect(await isDone(recall.done)).toBe(true);
  // Who notes nothing has nothing to wait for.
  expect(await isDone(recall.done)).toBe(true);
  // Nobody's in the book, and its relay holds it still.
  book.settle(2);
  recall.note("a@one.test", 0);
  expect(await isDone(recall.done)).toBe(false);
  expect(told.map(({ recalls }) => recalls)).toEqual([
    [{ relay: "north", ks: [1] }],
    [{ relay: "south", ks: [2] }],
    [{ relay: "north", ks: [1] }],
  ]);
});

test("while nothing is held nothing is kept, whatever is suppressed", async () => {
  const { recall, told, kept } = scene([]);
  recall.note("a@one.test", ALL_STREAMS);
  await recall.done;
  expect([told, kept]).toEqual([[], []]);
});

test("a pool that fails is asked once more; one that fails again is logged, and holds up nobody", async () => {
  const { recall, told } = scene([held(1, "a@one.test")], 3);
  recall.note("a@one.test", 0);
  await recall.done;
  expect(told).toHaveLength(2);
  expect(log).toEqual([expect.stringContaining("account.recall-failed")]);
  expect(log.join()).not.toContain("a@one.test");
  recall.note("a@one.test", 0);
  await recall.done;
  expect(told).toHaveLength(4);
  expect(log).toHaveLength(1);
});
