/** Turns between accounts: fair by bytes, and a newcomer waits at most one turn of each other. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue } from "../../../gateway/core/fair-queue.ts";

const QUANTUM = 100;

/** The next `count` turns, each at the cost of its account's batches. */
const turns = (queue: FairQueue, count: number, costs: Record<string, number>): string =>
  Array.from({ length: count }, () => {
    const account = queue.next() ?? "-";
    queue.took(account, costs[account] ?? QUANTUM);
    return account;
  }).join("");

const queueOf = (...accounts: string[]): FairQueue => {
  const queue = new FairQueue(QUANTUM);
  for (const account of accounts) queue.add(account);
  return queue;
};

test("nobody is ready", () => {
  const queue = queueOf();
  expect([queue.next(), queue.size, [...queue.accounts()]]).toEqual([undefined, 0, []]);
  queue.remove("a");
  queue.took("a", 5);
  expect(queue.next()).toBeUndefined();
});

test("equals take turns; to say again that one is ready changes nothing", () => {
  const queue = queueOf("a", "b", "c");
  expect(turns(queue, 4, {})).toBe("abca");
  queue.add("a");
  queue.add("b");
  expect([queue.size, turns(queue, 5, {})]).toEqual([3, "bcabc"]);
});

test("who overdrew sits out until the debt is paid", () => {
  expect(turns(queueOf("a", "b"), 8, { a: 3 * QUANTUM })).toBe("abbbabbb");
  // Half a quantum of debt is paid at its next turn; a whole one and more is not.
  expect(turns(queueOf("a", "b"), 6, { a: 1.5 * QUANTUM })).toBe("ababba");
});

test("alone, even the deepest debt holds nobody up", () => {
  expect(turns(queueOf("a"), 3, { a: 1000 * QUANTUM })).toBe("aaa");
});

test("turns that cost little or nothing save no credit", () => {
  const queue = queueOf("a", "b");
  expect(turns(queue, 20, { a: 0, b: 1 })).toBe("ab".repeat(10));
  // After ten cheap turns an expensive one costs as much as ever.
  expect(turns(queue, 8, { a: 3 * QUANTUM })).toBe("abbbabbb");
});

test("who is removed has no turn, and the others keep theirs", () => {
  const queue = queueOf("a", "b", "c");
  expect(turns(queue, 1, {})).toBe("a");
  queue.remove("b");
  queue.remove("b");
  expect([...queue.accounts()]).toEqual(["c", "a"]);
  queue.took("b", 1000 * QUANTUM);
  expect(turns(queue, 3, {})).toBe("cac");
  queue.add("b");
  expect(turns(queue, 3, {})).toBe("acb");
});

const cost = fc.integer({ min: 1, max: 20 * QUANTUM });
const manyCosts = fc.array(cost, { minLength: 1, maxLength: 8 });

test("a newcomer waits at most one turn of each other account, however long and heavy their queues", () => {
  fc.assert(
    fc.property(manyCosts, fc.nat(50), (costs, before) => {
      const others = costs.map((_, at) => `other${at}`);
      const queue = queueOf(...others);
      const costOf = (account: string): number => costs[others.indexOf(account)] ?? 1;
      const turn = (): string => {
        const account = queue.next() ?? "";
        queue.took(account, costOf(account));
        return account;
      };
      for (let i = 0; i < before; i++) turn();
      queue.add("new");
      const waited: string[] = [];
      for (let account = turn(); account !== "new"; account = turn()) waited.push(account);
      expect(waited).toEqual([...new Set(waited)]);
    }),
  );
});

test("in the long run all who are busy get the same bytes, to within one batch and a quantum", () => {
  fc.assert(
    fc.property(fc.array(cost, { minLength: 2, maxLength: 5 }), (costs) => {
      const accounts = costs.map((_, at) => `account${at}`);
      const queue = queueOf(...accounts);
      const took = accounts.map(() => 0);
      // A turn that costs less than a quantum is what the account has: only heavier ones are weighed.
      const heavy = costs.map((each) => each + QUANTUM);
      for (let turn = 0; turn < 500; turn++) {
        const at = accounts.indexOf(queue.next() ?? "");
        took[at] = (took[at] ?? 0) + (heavy[at] ?? 0);
        queue.took(accounts[at] ?? "", heavy[at] ?? 0);
        expect(Math.max(...took) - Math.min(...took)).toBeLessThanOrEqual(Math.max(...heavy) + 2 * QUANTUM);
      }
    }),
    { numRuns: 50 },
  );
});
