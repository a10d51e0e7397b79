/**
 * Who may speak for a delivery: leases over evictions, and the fence before every settlement.
 *
 * An eviction is what a crash leaves: rows and nothing else. The constructor must make of them what memory knew.
 */
import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import type { OutcomeKind } from "#contract/outcome.ts";
import {
  acceptMany,
  deliveriesOf,
  leaseTo,
  ledgerOf,
  outcomes,
  ringAlarm,
  type DeliveryRow,
  type Leased,
} from "./support/account-scene.ts";
import { recordLog } from "./support/recorded-log.ts";
import { countIn, openAccount, sqlIn, type TestAccount } from "./support/worker-calls.ts";

afterEach(reset);
const log = recordLog();

const APPLIED = (settled: number) => ({ settled, late: 0, malformed: 0 });
const LATE = (late: number) => ({ settled: 0, late, malformed: 0 });

const settle = (account: TestAccount, relay: string, lease: number, ks: readonly number[], kind: OutcomeKind) =>
  account.stub.settle(relay, outcomes(lease, ks, kind));

const states = (rows: DeliveryRow[]): string[] => rows.map(({ state }) => state);

test("outcomes under a lease count after an eviction", async () => {
  const account = await openAccount();
  await acceptMany(account, 3);
  const { lease, ks } = await leaseTo(account, "one");
  await evictDurableObject(account.stub);
  expect(await settle(account, "one", lease, ks, "delivered")).toEqual(APPLIED(3));
  expect(states(await deliveriesOf(account))).toEqual(["delivered", "delivered", "delivered"]);
});

test("what is leased is not leased again after an eviction: the cursor is in the row", async () => {
  const account = await openAccount();
  const all = await acceptMany(account, 5);
  const first = await leaseTo(account, "one", 2);
  await evictDurableObject(account.stub);
  const second = await leaseTo(account, "two");
  expect([...first.ks, ...second.ks]).toEqual(all);
  await evictDurableObject(account.stub);
  expect((await leaseTo(account, "two")).ks).toEqual([]);
});

test("the cursor stays when the newest lease was settled whole", async () => {
  const account = await openAccount();
  await acceptMany(account, 2);
  for (const relay of ["one", "two"]) {
    const { lease, ks } = await leaseTo(account, relay, 1);
    await settle(account, relay, lease, ks, "delivered");
  }
  expect(await countIn(account, "lease")).toBe(1);
  await evictDurableObject(account.stub);
  expect((await leaseTo(account, "one")).ks).toEqual([]);
  const [next] = await acceptMany(account, 1);
  expect((await leaseTo(account, "one")).ks).toEqual([next]);
});

test("of a lease settled in part, only the rest is open after an eviction", async () => {
  const account = await openAccount();
  const [delivered = 0, deferred = 0, open = 0] = await acceptMany(account, 3);
  const { lease } = await leaseTo(account, "one");
  await settle(account, "one", lease, [delivered], "delivered");
  await settle(account, "one", lease, [deferred], "deferred");
  await evictDurableObject(account.stub);
  const before = await ledgerOf(account);
  expect(await settle(account, "one", lease, [delivered, deferred], "bounced")).toEqual(LATE(2));
  expect(await ledgerOf(account)).toEqual(before);
  expect(await settle(account, "one", lease, [open], "bounced")).toEqual(APPLIED(1));
  expect(states(await deliveriesOf(account))).toEqual(["delivered", "delivery_delayed", "bounced"]);
});

test.each([{ evicted: false }, { evicted: true }])(
  "a stream that was looked through in vain gets its next mail (evicted: $evicted)",
  async ({ evicted }) => {
    const account = await openAccount();
    const early = await acceptMany(account, 3);
    expect((await leaseTo(account, "one")).ks).toEqual(early);
    expect((await leaseTo(account, "one")).ks).toEqual([]);
    if (evicted) await evictDurableObject(account.stub);
    const bulk = await acceptMany(account, 2, { stream: "bulk" });
    const late = await acceptMany(account, 2);
    expect((await leaseTo(account, "one")).ks).toEqual(late);
    if (evicted) await evictDurableObject(account.stub);
    expect((await leaseTo(account, "one")).ks).toEqual(bulk);
    expect((await leaseTo(account, "one")).ks).toEqual([]);
  },
);

test("streams of different pools do not pass over each other's mail", async () => {
  const account = await openAccount({ stream_pools: { transactional: "default", bulk: "slow" } });
  const fast = await acceptMany(account, 2);
  expect((await account.stub.lease("slow", "snail", 100)).count).toBe(0);
  const slow = await acceptMany(account, 1, { stream: "bulk" });
  expect((await leaseTo(account, "one")).ks).toEqual(fast);
  expect((await leaseTo(account, "one")).ks).toEqual([]);
  const { lease, count } = await account.stub.lease("slow", "snail", 100);
  expect(count).toBe(1);
  expect(await settle(account, "snail", lease, slow, "delivered")).toEqual(APPLIED(1));
});

test("the alarm writes down how far a stream without mail was looked through", async () => {
  const account = await openAccount();
  const ks = await acceptMany(account, 3);
  const { lease } = await leaseTo(account, "one");
  await leaseTo(account, "one");
  await ringAlarm(account);
  const rows = await sqlIn(account.stub, "SELECT stream, relay, cursor FROM lease ORDER BY stream");
  expect(rows).toEqual([
    { stream: 0, relay: "one", cursor: ks.at(-1) },
    { stream: 1, relay: "", cursor: ks.at(-1) },
  ]);
  await evictDurableObject(account.stub);
  expect(await settle(account, "one", lease, ks, "delivered")).toEqual(APPLIED(3));
  const bulk = await acceptMany(account, 1, { stream: "bulk" });
  expect((await leaseTo(account, "one")).ks).toEqual(bulk);
});

/** `moved` was given to one, taken back and given to two; `kept` is with one still, so both rows list `moved`. */
const overlappingLeases = async (account: TestAccount) => {
  const [moved = 0, kept = 0] = await acceptMany(account, 2);
  const older = await leaseTo(account, "one");
  await account.stub.reconcile("default", "one", [kept]);
  const newer = await leaseTo(account, "two");
  return { moved, kept, older, newer };
};

test.each([{ evicted: false }, { evicted: true }])(
  "a delivery that two lease rows list belongs to the newer (evicted: $evicted)",
  async ({ evicted }) => {
    const account = await openAccount();
    const { moved, kept, older, newer } = await overlappingLeases(account);
    expect(newer.ks).toEqual([moved]);
    const rows = await sqlIn<{ ks: string }>(account.stub, "SELECT ks FROM lease ORDER BY id");
    expect(rows.map(({ ks }) => ks)).toEqual([`[${moved},${kept}]`, `[${moved}]`]);
    if (evicted) await evictDurableObject(account.stub);
    expect(await settle(account, "one", older.lease, [moved], "bounced")).toEqual(LATE(1));
    expect(await settle(account, "one", older.lease, [kept], "delivered")).toEqual(APPLIED(1));
    expect(await settle(account, "two", newer.lease, [moved], "delivered")).toEqual(APPLIED(1));
    expect(states(await deliveriesOf(account))).toEqual(["delivered", "delivered"]);
  },
);

test("what was taken back and not leased again is in nobody's hands after an eviction", async () => {
  const account = await openAccount();
  const [back = 0, kept = 0] = await acceptMany(account, 2);
  const { lease } = await leaseTo(account, "one");
  expect(await account.stub.reconcile("default", "one", [kept])).toEqual({ returned: 1, unwanted: [] });
  await evictDurableObject(account.stub);
  expect(await settle(account, "one", lease, [back], "delivered")).toEqual(LATE(1));
  const again = await leaseTo(account, "two");
  expect(again).toMatchObject({ ks: [back], attempts: [1] });
});

type Stale = { relay: string; lease: number };

/** Each makes the settlement `{ relay, lease }` of the first lease's delivery a stale one. */
const STALE: [why: string, make: (account: TestAccount, first: Leased) => Promise<Stale>][] = [
  ["a lease that never was", async (_, { lease }) => ({ relay: "one", lease: lease + 1 })],
  ["the lease of another relay", async (_, { lease }) => ({ relay: "two", lease })],
  [
    "a lease that was taken back",
    async (account, { lease }) => {
      await account.stub.reconcile("default", "one", []);
      return { relay: "one", lease };
    },
  ],
  [
    "a lease that was taken back and given to another relay",
    async (account, { lease }) => {
      await account.stub.reconcile("default", "one", []);
      await leaseTo(account, "two");
      return { relay: "one", lease };
    },
  ],
  [
    "a batch that never left",
    async (account, { lease }) => {
      expect(await account.stub.unleaseTicket("")).toBe(true);
      return { relay: "one", lease };
    },
  ],
];

test.each(STALE)("a settlement under %s changes nothing and is counted late", async (_, make) => {
  const account = await openAccount();
  await acceptMany(account, 1);
  const first = await leaseTo(account, "one");
  const { relay, lease } = await make(account, first);
  const before = await ledgerOf(account);
  for (const kind of ["delivered", "deferred", "bounced", "failed", "unknown", "released"] as const)
    expect(await settle(account, relay, lease, first.ks, kind)).toEqual(LATE(1));
  expect(await ledgerOf(account)).toEqual(before);
  expect(log.filter((line) => line.includes("outcomes.not-applied"))).toHaveLength(6);
});

test.each(["delivered", "deferred", "bounced", "failed", "unknown", "released"] as const)(
  "settling twice as %s is settling once",
  async (kind) => {
    const account = await openAccount();
    await acceptMany(account, 2);
    const { lease, ks } = await leaseTo(account, "one");
    expect(await settle(account, "one", lease, ks, kind)).toEqual(APPLIED(2));
    const before = await ledgerOf(account);
    expect(await settle(account, "one", lease, ks, kind)).toEqual(LATE(2));
    expect(await ledgerOf(account)).toEqual(before);
  },
);

test("an outcome said twice in one frame is one event", async () => {
  const account = await openAccount();
  await acceptMany(account, 1);
  const { lease, ks } = await leaseTo(account, "one");
  await settle(account, "one", lease, [...ks, ...ks], "delivered");
  expect(await sqlIn(account.stub, "SELECT kind FROM event ORDER BY k")).toEqual([
    { kind: "sent" },
    { kind: "delivered" },
  ]);
});

test("an outcome that cannot be read holds up no other", async () => {
  const account = await openAccount();
  await acceptMany(account, 2);
  const { lease, ks } = await leaseTo(account, "one");
  const [good = 0, bad = 0] = ks;
  const text = JSON.stringify([{ k: bad, lease, kind: "eaten" }, ...JSON.parse(outcomes(lease, [good], "delivered"))]);
  expect(await account.stub.settle("one", text)).toEqual({ settled: 1, late: 0, malformed: 1 });
  expect(states(await deliveriesOf(account))).toEqual(["delivered", "queued"]);
});

test("a released delivery goes to the next relay at once and counts no attempt", async () => {
  const account = await openAccount();
  const ks = await acceptMany(account, 1);
  const { lease } = await leaseTo(account, "one");
  await settle(account, "one", lease, ks, "released");
  expect(await leaseTo(account, "two")).toMatchObject({ ks, attempts: [1] });
  expect(await countIn(account, "event")).toBe(0);
});
