/**
 * Mail that is to be taken back from a relay that does not answer, has left, is joining again, or whose pool has died:
 * what is acknowledged holds all the same.
 */
import { env } from "cloudflare:workers";
import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CLOSE } from "#contract/relay-protocol.ts";
import { Account } from "../../gateway/objects/account.ts";
import type { Pool } from "../../gateway/objects/pool.ts";
import { RECALL_WAIT_MS } from "../../gateway/objects/pool-link.ts";
import { answer, GONE, heldBy, isSettled, newRelay, suppressing } from "./support/recall-scene.ts";
import { recordLog } from "./support/recorded-log.ts";
import { connectRelay, joinRelay } from "./support/relay-socket.ts";
import { openAccount, type TestAccount } from "./support/worker-calls.ts";

let account: TestAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});
recordLog();

/** What a relay is waited for passes in a moment; how long it would have been, each time. */
const hurry = (): number[] => {
  const waits: number[] = [];
  const shorten = (ms = 0): number => {
    // What others wait for is shorter.
    if (ms > 6000) waits.push(ms);
    return ms > 6000 ? 20 : ms;
  };
  const [real, wait] = [setTimeout, scheduler.wait.bind(scheduler)];
  vi.spyOn(globalThis, "setTimeout").mockImplementation((run, ms, ...args) => real(run, shorten(ms), ...args));
  vi.spyOn(scheduler, "wait").mockImplementation((ms, options) => wait(shorten(ms), options));
  return waits;
};

const realNow = Date.now.bind(Date);
/** From here on it is so much later. */
const later = (ms: number): void => void vi.spyOn(Date, "now").mockImplementation(() => realNow() + ms);

const untilJoined = (count: number): Promise<void> =>
  expect.poll(async () => (await env.POOL.getByName("default").relays()).length).toBe(count);

test("a relay that answers nothing is cut off by its own clock: so long it is waited for, then it is left", async () => {
  const { relay } = await newRelay();
  await heldBy(account, relay, [GONE]);
  const waits = hurry();
  expect(await suppressing(account)).toMatchObject({ status: 200 });
  expect(waits).toEqual([RECALL_WAIT_MS]);
  expect(await relay.untilClosed()).toBe(CLOSE.malformed);
});

test("a relay that has left is waited for as long as it may not know it; one that is long gone is not", async () => {
  const { relay } = await newRelay();
  await heldBy(account, relay, [GONE]);
  later(2 * RECALL_WAIT_MS);
  relay.hangUp();
  await untilJoined(0);
  const waits = hurry();
  await suppressing(account);
  expect(waits).toEqual([expect.closeTo(RECALL_WAIT_MS, -3)]);
  later(4 * RECALL_WAIT_MS);
  await suppressing(account);
  expect(waits).toHaveLength(1);
});

test("a socket that is closing is as good as gone", async () => {
  const { id } = await newRelay();
  later(2 * RECALL_WAIT_MS);
  const waits = hurry();
  await runInDurableObject(env.POOL.getByName("default"), async (pool: Pool, context) => {
    for (const socket of context.getWebSockets(id)) socket.close(1001);
    await pool.recall(account.id, [{ relay: id, ks: [1] }]);
  });
  expect(waits).toEqual([expect.closeTo(RECALL_WAIT_MS, -3)]);
});

test("a pool that died in between has lost its relays: they are waited for, for they may not know", async () => {
  const { relay } = await newRelay();
  await heldBy(account, relay, [GONE]);
  const waits = hurry();
  later(2 * RECALL_WAIT_MS);
  const answered = suppressing(account);
  await relay.until("recall");
  await runInDurableObject(env.POOL.getByName("default"), (_, context) => context.abort("the pool dies")).catch(
    () => {},
  );
  expect(await answered).toMatchObject({ status: 200 });
  expect(waits).toEqual([RECALL_WAIT_MS, expect.closeTo(RECALL_WAIT_MS, -3)]);
});

test("a relay that comes back is told before its welcome what it holds and must not begin", async () => {
  const { relay: before, token } = await newRelay({ free: 3 });
  const ks = await heldBy(account, before, [GONE, "b@dest.test", GONE]);
  const { relay: another } = await newRelay();
  await heldBy(account, another, [GONE]);
  before.hangUp();
  await untilJoined(1);
  hurry();
  await suppressing(account);
  const holding = [{ account: account.id, ks }];
  const after = await joinRelay(token, { recalls: true, holding });
  expect(after.heard().slice(0, 2)).toEqual(["recall", "welcome"]);
  expect(after.recalled()).toEqual([{ account: account.id, ks: [ks[0], ks[2]] }]);
  const older = await joinRelay(token, { holding });
  expect(older.heard()[0]).toBe("welcome");
});

test("what is suppressed while a relay is joining is told it before its welcome too", async () => {
  const { relay: before, token } = await newRelay();
  const ks = await heldBy(account, before, [GONE]);
  const gate = { isOpen: false, isAsked: false };
  // eslint-disable-next-line typescript/unbound-method -- called as the account's own
  const { reconcile } = Account.prototype;
  vi.spyOn(Account.prototype, "reconcile").mockImplementation(async function (this: Account, ...args) {
    const reply = await reconcile.apply(this, args);
    gate.isAsked = true;
    while (!gate.isOpen) await scheduler.wait(5);
    return reply;
  });
  const after = await connectRelay(token);
  after.sayHello({ recalls: true, holding: [{ account: account.id, ks }] });
  await expect.poll(() => gate.isAsked).toBe(true);
  const answered = suppressing(account);
  await after.until("recall");
  expect(after.count("welcome")).toBe(0);
  expect(await isSettled(answered)).toBe(false);
  answer(after);
  gate.isOpen = true;
  await answered;
});
