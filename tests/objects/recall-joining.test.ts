/**
 * A relay that joins, holding mail that it must not begin any more: it is told before its welcome, whatever has become of
 * the mail meanwhile, and what it answers is heard however long its hello takes.
 */
import { reset } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Account } from "../../gateway/objects/account.ts";
import {
  answer,
  bounceOf,
  GONE,
  heldBy,
  hurry,
  isSettled,
  newRelay,
  suppressing,
  untilJoined,
} from "./support/recall-scene.ts";
import { recordLog } from "./support/recorded-log.ts";
import { aMoment, connectRelay, joinRelay, type RelaySocket } from "./support/relay-socket.ts";
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

/** It comes back with these in its hands. */
const comeBack = (token: string, ks: number[], more: object = {}): Promise<RelaySocket> =>
  joinRelay(token, { recalls: true, holding: [{ account: account.id, ks }], ...more });

const expectTold = (relay: RelaySocket, ks: number[]): void => {
  expect(relay.heard().slice(0, 2)).toEqual(["recall", "welcome"]);
  expect(relay.recalled()).toEqual([{ account: account.id, ks }]);
};

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

/** It was gone for so long that what it held went back to the queue. */
const returnAll = async (relay: RelaySocket, id: string): Promise<void> => {
  relay.hangUp();
  await untilJoined(0);
  await account.stub.reconcile("default", id, []);
};

test("what went back to the queue and was suppressed there", async () => {
  const { id, relay, token } = await newRelay();
  const ks = await heldBy(account, relay, [GONE, "b@dest.test"]);
  await returnAll(relay, id);
  await suppressing(account);
  const after = await comeBack(token, ks);
  expectTold(after, ks);
  // One of them it gets anew.
  await after.untilGiven(1);
  expect(after.given()).toEqual([ks[1]]);
});

test("what another relay was leased meanwhile", async () => {
  const { id, relay, token } = await newRelay();
  const ks = await heldBy(account, relay, [GONE]);
  await returnAll(relay, id);
  const { relay: another } = await newRelay();
  await another.untilGiven(1);
  expectTold(await comeBack(token, ks), ks);
  const older = await comeBack(token, ks, { recalls: undefined });
  expect(older.heard()[0]).toBe("welcome");
});

test("what bounced by mail while it was away", async () => {
  const { relay, token } = await newRelay();
  const ks = await heldBy(account, relay, [GONE]);
  relay.hangUp();
  await untilJoined(0);
  hurry();
  expect(await account.stub.takeReports([bounceOf(ks[0] ?? 0, GONE)])).toEqual(["recorded"]);
  expectTold(await comeBack(token, ks), ks);
});

test.each([
  { who: "the same process", epoch: "first", isAnswered: true },
  { who: "another process", epoch: "second", isAnswered: false },
])("$who that joins while a recall waits for its answer: answered $isAnswered", async ({ epoch, isAnswered }) => {
  const { relay, token } = await newRelay();
  const ks = await heldBy(account, relay, [GONE]);
  const answered = account.stub.takeReports([bounceOf(ks[0] ?? 0, GONE)]);
  await relay.until("recall");
  const after = await connectRelay(token);
  after.sayHello({ recalls: true, epoch, holding: [{ account: account.id, ks }] });
  await after.until("welcome");
  expectTold(after, ks);
  // The other's process may be there still, and does not know.
  expect(await isSettled(answered)).toBe(isAnswered);
});

/** Answers of accounts to a hello wait until `open`. */
const holdUpHellos = (): { asked: () => number; open: () => void } => {
  const gate = { isOpen: false, asked: 0 };
  // eslint-disable-next-line typescript/unbound-method -- called as the account's own
  const { reconcile } = Account.prototype;
  vi.spyOn(Account.prototype, "reconcile").mockImplementation(async function (this: Account, ...args) {
    const reply = await reconcile.apply(this, args);
    gate.asked += 1;
    while (!gate.isOpen) await scheduler.wait(5);
    return reply;
  });
  return { asked: () => gate.asked, open: () => (gate.isOpen = true) };
};

test("what is suppressed while it is joining; its answer is heard however long its hello takes", async () => {
  const { relay: before, token } = await newRelay();
  const ks = await heldBy(account, before, [GONE]);
  const { asked, open } = holdUpHellos();
  const after = await connectRelay(token);
  after.sayHello({ recalls: true, holding: [{ account: account.id, ks }] });
  await expect.poll(asked).toBe(1);
  const answered = suppressing(account);
  await after.until("recall");
  expect(await isSettled(answered)).toBe(false);
  answer(after);
  await answered;
  expect(after.count("welcome")).toBe(0);
  open();
  await after.until("welcome");
});

test("accounts are asked side by side, but not all at once; a hello that is overtaken asks no more", async () => {
  const { token } = await newRelay();
  const { asked, open } = holdUpHellos();
  const holding = Array.from({ length: 50 }, (_, at) => ({ account: at.toString(16).padStart(12, "0"), ks: [1] }));
  const relay = await connectRelay(token);
  relay.sayHello({ recalls: true, holding });
  await expect.poll(asked).toBe(20);
  await aMoment();
  expect(asked()).toBe(20);
  const newer = await connectRelay(token);
  newer.sayHello({ recalls: true });
  await relay.untilClosed();
  open();
  await newer.until("welcome");
  await aMoment();
  expect([asked(), relay.count("welcome")]).toEqual([20, 0]);
});
