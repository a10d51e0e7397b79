/**
 * Mail that is to be taken back from a relay that does not answer, has left, or whose pool has died: what is acknowledged
 * holds all the same, and nobody waits longer than a relay's own clock.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CLOSE } from "#contract/relay-protocol.ts";
import type { Pool } from "../../gateway/objects/pool.ts";
import { RECALL_WAIT_MS } from "../../gateway/objects/pool-link.ts";
import { answer, GONE, heldBy, hurry, later, newRelay, suppressing, untilJoined } from "./support/recall-scene.ts";
import { recordLog } from "./support/recorded-log.ts";
import { openAccount, sqlIn, type TestAccount } from "./support/worker-calls.ts";

let account: TestAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});
recordLog();

test("a relay that answers nothing is cut off by its own clock: so long it is waited for, then it is left", async () => {
  const { relay } = await newRelay();
  await heldBy(account, relay, [GONE]);
  const waits = hurry();
  expect(await suppressing(account)).toMatchObject({ status: 200 });
  expect(waits).toEqual([RECALL_WAIT_MS]);
  expect(await relay.untilClosed()).toBe(CLOSE.malformed);
});

test("whoever asks when a relay has not answered waits no more: it is cut off since it was asked", async () => {
  const { relay } = await newRelay();
  await heldBy(account, relay, [GONE]);
  const waits = hurry();
  await suppressing(account);
  await suppressing(account);
  expect(waits).toEqual([RECALL_WAIT_MS]);
});

test("what was leased before the pool was written down is taken back all the same", async () => {
  const { relay } = await newRelay();
  const ks = await heldBy(account, relay, [GONE]);
  await sqlIn(account.stub, "UPDATE lease SET pool = ''");
  await evictDurableObject(account.stub);
  const answered = suppressing(account);
  await relay.until("recall");
  expect(relay.recalled()).toEqual([{ account: account.id, ks }]);
  answer(relay);
  await answered;
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
