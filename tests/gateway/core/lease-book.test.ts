/** The lease book against a plain map: whatever is leased, settled, taken over or lost, both say the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { LeaseBook, type LeaseRow } from "../../../gateway/core/lease-book.ts";

const rcptOf = (k: number): string => `r${k}@dest.test`;

const row = (id: number, relay: string, ks: readonly number[], more: Partial<LeaseRow> = {}): LeaseRow => ({
  ...{ id, relay, pool: "default", stream: 0, atMs: 1000 + id },
  deliveries: ks.map((k) => ({ k, rcpt: rcptOf(k) })),
  ...more,
});

const bookOf = (...rows: LeaseRow[]): LeaseBook => {
  const book = new LeaseBook();
  for (const each of rows) book.add(each);
  return book;
};

test("a lease speaks for its deliveries, of its relay only, until they are settled", () => {
  const book = bookOf(row(1, "north", [10, 11]));
  expect(book.holds("north", 1, 10)).toBe(true);
  expect(book.holds("south", 1, 10)).toBe(false);
  expect(book.holds("north", 2, 10)).toBe(false);
  expect(book.holds("north", 1, 12)).toBe(false);
  book.settle(10);
  expect(book.holds("north", 1, 10)).toBe(false);
  expect(book.holds("north", 1, 11)).toBe(true);
  expect(book.heldBy(1)).toEqual([11]);
  // Settled twice, or never leased: nothing changes.
  book.settle(10);
  book.settle(99);
  expect(book.heldCount).toBe(1);
});

test("a newer lease wins, and the older one is stale", () => {
  const book = bookOf(row(1, "north", [10, 11]), row(2, "south", [10]));
  expect(book.holds("north", 1, 10)).toBe(false);
  expect(book.holds("south", 2, 10)).toBe(true);
  expect(book.heldBy(1)).toEqual([11]);
  expect(book.heldCount).toBe(2);
});

test("who holds what, and for whom", () => {
  const book = bookOf(row(1, "north", [10, 11]), row(2, "south", [20], { pool: "bulk", stream: 1 }));
  const held = (k: number, relay: string, pool: string, stream: number) => ({
    k,
    relay,
    pool,
    stream,
    rcpt: rcptOf(k),
  });
  expect([...book.held()]).toEqual([
    held(10, "north", "default", 0),
    held(11, "north", "default", 0),
    held(20, "south", "bulk", 1),
  ]);
  expect(book.find(20)).toEqual(held(20, "south", "bulk", 1));
  book.settle(20);
  expect(book.find(20)).toBeUndefined();
  expect([...book.held()].map(({ k }) => k)).toEqual([10, 11]);
});

test("what is held for a recipient, however they are written", () => {
  const deliveries = [
    { k: 10, rcpt: "A@dest.test" },
    { k: 11, rcpt: "b@dest.test" },
    { k: 12, rcpt: "a@dest.test" },
  ];
  const book = bookOf(row(1, "north", [], { deliveries }), row(2, "south", [20]));
  const ks = (name: string): number[] => book.heldFor(name).map(({ k }) => k);
  expect(book.heldFor("a@dest.test")).toEqual([book.find(10), book.find(12)]);
  expect([ks("b@dest.test"), ks("r20@dest.test"), ks("nobody@dest.test")]).toEqual([[11], [20], []]);
  book.settle(10);
  expect(ks("a@dest.test")).toEqual([12]);
  book.settle(12);
  expect(ks("a@dest.test")).toEqual([]);
});

test("an empty lease leaves when it may, and not before", () => {
  const book = bookOf(row(1, "north", [10]), row(2, "north", [20]), row(3, "north", [30]));
  book.settle(10);
  book.settle(20);
  expect(book.takeEmpty((lease) => lease !== 2)).toEqual([1]);
  expect(book.takeEmpty(() => true)).toEqual([2]);
  expect(book.takeEmpty(() => true)).toEqual([]);
  expect(book.heldBy(3)).toEqual([30]);
});

test("lost is what a relay was given in this pool and no longer has", () => {
  const book = bookOf(
    row(1, "north", [10, 11, 12]),
    row(2, "north", [20], { pool: "bulk" }),
    row(3, "south", [30]),
    row(4, "north", [40]),
  );
  expect(book.lost("north", "default", new Set([11]))).toEqual([10, 12, 40]);
  expect(book.lost("north", "bulk", new Set())).toEqual([20]);
  expect(book.lost("north", "default", new Set([10, 11, 12, 40]))).toEqual([]);
  expect(book.lost("north", "other", new Set())).toEqual([]);
  expect(book.lost("east", "default", new Set())).toEqual([]);
  expect(book.pools()).toEqual(new Set(["default", "bulk"]));
  // Asking takes nothing away.
  expect(book.heldCount).toBe(6);
});

test("the time of a relay's newest lease that still holds something", () => {
  const book = bookOf(row(1, "north", [10]), row(2, "north", [20]), row(3, "south", [30]));
  expect(book.relays()).toEqual(
    new Map([
      ["north", 1002],
      ["south", 1003],
    ]),
  );
  book.settle(20);
  book.settle(30);
  expect(book.relays()).toEqual(new Map([["north", 1001]]));
});

// ---- against a model: the leases given, and for each delivery the lease that holds it --------------------

const RELAYS = ["north", "south"];
const POOLS = ["default", "bulk"];
const KS = Array.from({ length: 12 }, (_, k) => k);

const someKs = fc.uniqueArray(fc.constantFrom(...KS), { maxLength: 6 });
const step = fc.oneof(
  fc.record({
    kind: fc.constant("add" as const),
    relay: fc.constantFrom(...RELAYS),
    pool: fc.constantFrom(...POOLS),
    ks: someKs,
  }),
  fc.record({ kind: fc.constant("settle" as const), k: fc.constantFrom(...KS) }),
  fc.record({ kind: fc.constant("takeEmpty" as const), held: fc.boolean() }),
  fc.record({
    kind: fc.constant("lose" as const),
    relay: fc.constantFrom(...RELAYS),
    pool: fc.constantFrom(...POOLS),
    holding: someKs,
  }),
);

test("whatever happens, in whatever order, the book agrees with a map", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const book = new LeaseBook();
      const leases = new Map<number, LeaseRow>();
      const holder = new Map<number, number>();
      const heldBy = (id: number): number[] => KS.filter((k) => holder.get(k) === id);
      let lastId = 0;
      for (const each of steps) {
        switch (each.kind) {
          case "add": {
            lastId += 1;
            const added = row(lastId, each.relay, each.ks, { pool: each.pool });
            book.add(added);
            leases.set(lastId, added);
            for (const k of each.ks) holder.set(k, lastId);
            break;
          }
          case "settle":
            book.settle(each.k);
            holder.delete(each.k);
            break;
          case "takeEmpty": {
            const mayGo = (id: number): boolean => each.held || id % 2 === 0;
            const empty = [...leases.keys()].filter((id) => heldBy(id).length === 0 && mayGo(id));
            expect(book.takeEmpty(mayGo)).toEqual(empty);
            for (const id of empty) leases.delete(id);
            break;
          }
          case "lose": {
            const lost = [...leases.values()]
              .filter(({ relay, pool }) => relay === each.relay && pool === each.pool)
              .flatMap(({ id }) => heldBy(id))
              .filter((k) => !each.holding.includes(k));
            expect(sorted(book.lost(each.relay, each.pool, new Set(each.holding)))).toEqual(sorted(lost));
            for (const k of lost) {
              book.settle(k);
              holder.delete(k);
            }
          }
        }
        expect(book.heldCount).toBe(holder.size);
        expect(sorted(Array.from(book.held(), ({ k }) => k))).toEqual(sorted([...holder.keys()]));
        for (const k of KS) {
          expect(book.find(k)?.relay).toBe(leases.get(holder.get(k) ?? 0)?.relay);
          expect(book.heldFor(rcptOf(k))).toEqual(holder.has(k) ? [book.find(k)] : []);
        }
        const relays = new Map<string, number>();
        for (const { id, relay, atMs } of leases.values()) {
          expect(sorted(book.heldBy(id))).toEqual(heldBy(id));
          if (heldBy(id).length > 0) relays.set(relay, Math.max(atMs, relays.get(relay) ?? 0));
          for (const k of KS)
            for (const asked of RELAYS) expect(book.holds(asked, id, k)).toBe(holder.get(k) === id && asked === relay);
        }
        expect(book.relays()).toEqual(relays);
      }
    }),
    { numRuns: 200 },
  );
});

test("a book rebuilt from its rows, oldest first, is the same book", () => {
  fc.assert(
    fc.property(fc.array(someKs, { maxLength: 10 }), (lists) => {
      const book = bookOf(...lists.map((ks, at) => row(at + 1, "north", ks)));
      // What a row still lists is what its lease holds, when the account has written it back.
      const again = bookOf(...lists.map((_, at) => row(at + 1, "north", book.heldBy(at + 1))));
      for (const [at] of lists.entries()) expect(again.heldBy(at + 1)).toEqual(book.heldBy(at + 1));
      expect(again.heldCount).toBe(book.heldCount);
    }),
  );
});

const sorted = (ks: number[]): number[] => ks.toSorted((a, b) => a - b);
