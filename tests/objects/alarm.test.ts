/**
 * The alarm: whatever was lost on the way, somebody looks again. It repeats announcements, wakes deferred
 * mail, takes back what dead relays hold, and survives its own failures.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { RELAY_DEAD_AFTER_MS, RELAY_GRACE_MS } from "#contract/relay-protocol.ts";
import { acceptMany, alarmInMs, deliveriesOf, leaseTo, outcomes, ringAlarm } from "./support/account-scene.ts";
import { recordLog } from "./support/recorded-log.ts";
import { aMoment, joinRelay } from "./support/relay-socket.ts";
import { openAccount, openRelay, sendEmail, sqlIn, type TestAccount } from "./support/worker-calls.ts";

afterEach(reset);
const log = recordLog();

const pool = () => env.POOL.getByName("default");
const GONE_MS = RELAY_DEAD_AFTER_MS + RELAY_GRACE_MS;

test("an accepted email arms the alarm; without mail there is none", async () => {
  const account = await openAccount();
  expect(await alarmInMs(account)).toBeUndefined();
  await sendEmail(account);
  expect(await alarmInMs(account)).toBeLessThanOrEqual(10_000);
});

test("when all mail is settled the alarm is not armed again", async () => {
  const account = await openAccount();
  await acceptMany(account, 1);
  const { lease, ks } = await leaseTo(account, "one");
  await account.stub.settle("one", outcomes(lease, ks, "delivered"));
  await runDurableObjectAlarm(account.stub);
  expect(await alarmInMs(account)).toBeUndefined();
});

test("an announcement that was lost is said again by the alarm", async () => {
  const account = await openAccount();
  await sendEmail(account);
  // The pool crashed before it wrote down that the account waits.
  await sqlIn(pool(), "DELETE FROM waiting");
  await evictDurableObject(pool());
  const relay = await joinRelay((await openRelay()).token);
  await aMoment();
  expect(relay.given()).toEqual([]);
  await ringAlarm(account);
  await relay.untilGiven(1);
});

test("an account that was evicted with mail in the queue announces it by its alarm", async () => {
  const account = await openAccount();
  await sendEmail(account);
  await sqlIn(pool(), "DELETE FROM waiting");
  await evictDurableObject(pool());
  await evictDurableObject(account.stub);
  const relay = await joinRelay((await openRelay()).token);
  await runDurableObjectAlarm(account.stub);
  await relay.untilGiven(1);
});

test("a deferred delivery waits until it is due and is leased again as the next attempt", async () => {
  const account = await openAccount();
  const relay = await joinRelay((await openRelay()).token);
  await sendEmail(account);
  await relay.untilGiven(1);
  const { ks } = relay.batch(0);
  await relay.report(relay.batch(0), "deferred");
  const [waiting] = await deliveriesOf(account);
  // HIKYAKU_RETRY begins with 60 s; a tenth of jitter comes on top.
  const waitMs = (waiting?.due ?? 0) - Date.now();
  expect(waitMs).toBeGreaterThan(55_000);
  expect(waitMs).toBeLessThanOrEqual(66_000);
  await runDurableObjectAlarm(account.stub);
  await aMoment();
  expect(relay.given()).toHaveLength(1);
  const alarmMs = (await alarmInMs(account)) ?? Infinity;
  expect(Math.abs(alarmMs - ((waiting?.due ?? 0) - Date.now()))).toBeLessThan(20_000);

  await sqlIn(account.stub, "UPDATE delivery SET due = ?", Date.now() - 1);
  await evictDurableObject(account.stub);
  await runDurableObjectAlarm(account.stub);
  await relay.untilGiven(2);
  expect(relay.batch(1)).toMatchObject({ ks, attempts: [2] });
});

test("the runtime's own alarm wakes a delivery in doubt after a second", async () => {
  const account = await openAccount();
  const relay = await joinRelay((await openRelay()).token);
  await sendEmail(account);
  await relay.untilGiven(1);
  const { ks } = relay.batch(0);
  await relay.report(relay.batch(0), "unknown");
  await expect.poll(() => relay.given().length).toBe(2);
  expect(relay.batch(1)).toMatchObject({ ks, attempts: [2] });
});

test("an alarm that fails is recorded and comes again", async () => {
  const account = await openAccount();
  await sendEmail(account);
  // The first look after a start sweeps idempotency keys.
  await sqlIn(account.stub, "ALTER TABLE idem RENAME TO hidden");
  await runDurableObjectAlarm(account.stub);
  expect(log.join("\n")).toContain("account.alarm-failed");
  expect(await alarmInMs(account)).toBeGreaterThan(5000);

  await sqlIn(account.stub, "ALTER TABLE hidden RENAME TO idem");
  await sqlIn(pool(), "DELETE FROM waiting");
  await evictDurableObject(pool());
  const relay = await joinRelay((await openRelay()).token);
  await ringAlarm(account);
  await relay.untilGiven(1);
});

/** Makes all leases look given so long ago, to an account that has just started. */
const ageLeases = async (account: TestAccount, ageMs: number): Promise<void> => {
  await sqlIn(account.stub, "UPDATE lease SET at_ms = ?", Date.now() - ageMs);
  await evictDurableObject(account.stub);
};

const MARGIN_MS = 30_000;
const SILENCES: [what: string, leasedAgoMs: number, seenAgoMs: number | undefined, returns: boolean][] = [
  ["leased a moment ago, never seen", 0, undefined, false],
  ["leased not quite long enough ago, never seen", GONE_MS - MARGIN_MS, undefined, false],
  ["leased long ago, never seen", GONE_MS + MARGIN_MS, undefined, true],
  ["leased long ago, seen not quite long enough ago", 2 * GONE_MS, GONE_MS - MARGIN_MS, false],
  ["leased long ago, seen long ago", 2 * GONE_MS, GONE_MS + MARGIN_MS, true],
];

test.each(SILENCES)("a relay %s", async (_, leasedAgoMs, seenAgoMs, returns) => {
  const account = await openAccount();
  const ks = await acceptMany(account, 2);
  const first = await leaseTo(account, "one");
  if (seenAgoMs !== undefined)
    await sqlIn(pool(), "INSERT INTO relay (id, seen_ms) VALUES ('one', ?)", Date.now() - seenAgoMs);
  await ageLeases(account, leasedAgoMs);
  await ringAlarm(account);

  const second = await leaseTo(account, "two");
  expect(second.ks).toEqual(returns ? ks : []);
  const settled = await account.stub.settle("one", outcomes(first.lease, ks, "delivered"));
  expect(settled).toMatchObject(returns ? { settled: 0, late: 2 } : { settled: 2, late: 0 });
});

test("a relay whose socket is open keeps its leases, however old", async () => {
  const account = await openAccount();
  const relay = await joinRelay((await openRelay()).token);
  await acceptMany(account, 2);
  await relay.untilGiven(2);
  await ageLeases(account, 10 * GONE_MS);
  await ringAlarm(account);
  expect((await leaseTo(account, "another")).ks).toEqual([]);
});
