/** The account's room for recalls over a pool that is data: what it costs when nothing is held, and when pools fail. */
import { expect, test } from "vitest";
import type { HeldDelivery } from "../../gateway/core/lease-book.ts";
import { AccountRecall, type Recall } from "../../gateway/objects/account-recall.ts";
import { ALL_STREAMS } from "../../gateway/objects/account-suppressions.ts";
import { recordLog } from "./support/recorded-log.ts";

const log = recordLog();

const held = (k: number, rcpt: string, more: Partial<HeldDelivery> = {}): HeldDelivery => ({
  ...{ k, rcpt, pool: "default", relay: "north", stream: 0 },
  ...more,
});

/** `fails`: how many of the next calls of a pool reject. */
const scene = (deliveries: readonly HeldDelivery[], fails = 0) => {
  const told: { pool: string; recalls: Recall[] }[] = [];
  const kept: Promise<void>[] = [];
  const recall = new AccountRecall({
    account: "0123456789ab",
    queue: { held: () => deliveries, heldCount: deliveries.length },
    suppressions: { blocked: () => new Map() },
    tell: async (pool, recalls) => {
      told.push({ pool, recalls });
      fails -= 1;
      if (fails >= 0) throw new Error("the pool is gone");
    },
    waitUntil: (promise) => kept.push(promise),
  });
  return { recall, told, kept };
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
        { relay: "north", ks: [6, 1, 5] },
        { relay: "south", ks: [2] },
      ],
    },
    { pool: "bulk", recalls: [{ relay: "north", ks: [3] }] },
  ]);
  expect(kept).toHaveLength(1);
  await recall.done;
  expect(told).toHaveLength(2);
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
