/**
 * Who gets the next batch: credit is what the relay says and no more, accounts take turns, and an evicted pool
 * asks before it gives.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { BATCH_LIMIT } from "#contract/relay-protocol.ts";
import { acceptMany, deliveriesOf, leaseTo } from "./support/account-scene.ts";
import { recordLog } from "./support/recorded-log.ts";
import { aMoment, joinRelay, type RelaySocket } from "./support/relay-socket.ts";
import { call, openAccount, openRelay, sendEmail, sqlIn } from "./support/worker-calls.ts";

afterEach(reset);
recordLog();

const pool = () => env.POOL.getByName("default");

/** Waits for `count` deliveries and a moment longer, in which nothing more may come. */
const givenExactly = async (relay: RelaySocket, count: number): Promise<void> => {
  await relay.untilGiven(count);
  await aMoment();
  expect(relay.given()).toHaveLength(count);
};

test("a relay is given no more than its credit", async () => {
  const account = await openAccount();
  await acceptMany(account, 50);
  const relay = await joinRelay((await openRelay()).token, { free: 10 });
  await givenExactly(relay, 10);
  expect(relay.batches().map(({ seq }) => seq)).toEqual([1]);
});

test("credit is set, never added, and counts only what the relay had seen", async () => {
  const account = await openAccount();
  await acceptMany(account, 50);
  const relay = await joinRelay((await openRelay()).token, { free: 10 });
  await givenExactly(relay, 10);
  // Said before the batch had come: its ten are in those ten.
  relay.say({ type: "credit", free: 10, seen: 0 });
  await givenExactly(relay, 10);
  relay.say({ type: "credit", free: 4, seen: 1 });
  relay.say({ type: "credit", free: 4, seen: 1 });
  await givenExactly(relay, 14);
  relay.say({ type: "credit", free: 0, seen: 2 });
  await givenExactly(relay, 14);
  relay.say({ type: "credit", free: 7, seen: 2 });
  await givenExactly(relay, 21);
});

test("a settlement brings credit, and what it brings is used", async () => {
  const account = await openAccount();
  const ks = await acceptMany(account, 3);
  const relay = await joinRelay((await openRelay()).token, { free: 1 });
  for (const seq of [1, 2, 3]) {
    await givenExactly(relay, seq);
    await relay.report(relay.batch(-1), "delivered", 1);
  }
  expect(relay.given()).toEqual(ks);
  expect((await deliveriesOf(account)).map(({ state }) => state)).toEqual(["delivered", "delivered", "delivered"]);
});

test("a batch has at most a hundred deliveries; all mail comes, once and in order", async () => {
  const account = await openAccount();
  const ks = await acceptMany(account, 250);
  const relay = await joinRelay((await openRelay()).token, { free: 1000 });
  await givenExactly(relay, 250);
  expect(Math.max(...relay.batches().map(({ count }) => count))).toBe(BATCH_LIMIT);
  expect(relay.given()).toEqual(ks);
});

test("two relays share the work, each within its credit, and nothing goes to both", async () => {
  const account = await openAccount();
  const ks = await acceptMany(account, 250);
  const [one, two] = [
    await joinRelay((await openRelay()).token, { free: 120 }),
    await joinRelay((await openRelay()).token, { free: 130 }),
  ];
  await givenExactly(one, 120);
  await givenExactly(two, 130);
  expect([...one.given(), ...two.given()].toSorted((a, b) => a - b)).toEqual(ks);
});

test("two accounts with long queues take turns", async () => {
  const accounts = [await openAccount(), await openAccount()];
  for (const account of accounts) await acceptMany(account, 300);
  const relay = await joinRelay((await openRelay()).token, { free: 1000 });
  await givenExactly(relay, 600);
  const turns = relay.batches().map(({ account }) => account);
  expect(turns).toHaveLength(6);
  for (const [index, account] of turns.entries()) expect(account).not.toBe(turns[index + 1]);
});

test("one email of a newcomer waits one turn of an account with a long queue", async () => {
  const [busy, newcomer] = [await openAccount(), await openAccount()];
  await acceptMany(busy, 500);
  await acceptMany(newcomer, 1);
  const relay = await joinRelay((await openRelay()).token, { free: 1000 });
  await givenExactly(relay, 501);
  const turn = relay.batches().findIndex(({ account }) => account === newcomer.id);
  expect(turn).toBeGreaterThanOrEqual(0);
  expect(turn).toBeLessThanOrEqual(1);
});

test("heavy mail pays for its bytes: light mail has more turns", async () => {
  const [heavy, light] = [await openAccount(), await openAccount()];
  await acceptMany(heavy, 60, { content: JSON.stringify({ text: "x".repeat(50_000) }) });
  await acceptMany(light, 400);
  const relay = await joinRelay((await openRelay()).token, { free: 1000 });
  await givenExactly(relay, 460);
  const turns = relay.batches().map(({ account }) => (account === heavy.id ? "heavy" : "light"));
  // A heavy batch is near 1 MB: it takes three turns of 256 KiB more to pay for it.
  expect(turns.slice(0, 5)).toEqual(["heavy", "light", "light", "light", "heavy"]);
});

test("an account that cannot lease keeps no other from its mail", async () => {
  const [broken, sound] = [await openAccount(), await openAccount()];
  await acceptMany(broken, 1);
  await acceptMany(sound, 1);
  await sqlIn(broken.stub, "ALTER TABLE lease RENAME TO hidden");
  const relay = await joinRelay((await openRelay()).token);
  await givenExactly(relay, 1);
  expect(relay.batch(0).account).toBe(sound.id);
});

test("bye stops the batches; what is held is still settled", async () => {
  const account = await openAccount();
  const relay = await joinRelay((await openRelay()).token);
  await sendEmail(account);
  await givenExactly(relay, 1);
  relay.say({ type: "bye", done: false });
  await sendEmail(account);
  await givenExactly(relay, 1);
  await relay.report(relay.batch(0), "delivered");
  await givenExactly(relay, 1);
  expect((await deliveriesOf(account)).map(({ state }) => state)).toEqual(["delivered", "queued"]);
  const other = await joinRelay((await openRelay()).token);
  await givenExactly(other, 1);
});

test("what was on its way to a relay that is done goes to the next at once", async () => {
  const account = await openAccount();
  const relay = await joinRelay((await openRelay()).token);
  const ks = await acceptMany(account, 2);
  await givenExactly(relay, 2);
  relay.say({ type: "bye", done: true });
  const other = await joinRelay((await openRelay()).token);
  await givenExactly(other, 2);
  expect(other.given().toSorted((a, b) => a - b)).toEqual(ks);
  expect(other.batches().flatMap(({ attempts }) => attempts)).toEqual([1, 1]);
});

test("that an account waits for a relay survives an eviction of the pool", async () => {
  const account = await openAccount();
  await acceptMany(account, 2);
  await evictDurableObject(pool());
  const relay = await joinRelay((await openRelay()).token);
  await givenExactly(relay, 2);
});

test("after both objects were evicted, the open socket is asked for credit and has the next mail", async () => {
  const account = await openAccount();
  const relay = await joinRelay((await openRelay()).token);
  await evictDurableObject(pool());
  await evictDurableObject(account.stub);
  await sendEmail(account);
  await relay.until("credit?");
  await aMoment();
  expect(relay.given()).toEqual([]);
  relay.say({ type: "credit", free: 5, seen: 0 });
  await givenExactly(relay, 1);
  expect(relay.closedWith).toBeUndefined();
});

test("an evicted pool knows who waits and goes on counting batches where the relay says", async () => {
  const account = await openAccount();
  const relay = await joinRelay((await openRelay()).token, { free: 2 });
  await acceptMany(account, 5);
  await givenExactly(relay, 2);
  const { seq } = relay.batch(-1);
  await evictDurableObject(pool());
  relay.say({ type: "credit", free: 1, seen: seq });
  await givenExactly(relay, 3);
  expect(relay.batch(-1).seq).toBe(seq + 1);
  // The relay had not seen that batch when it said this.
  relay.say({ type: "credit", free: 1, seen: seq });
  await givenExactly(relay, 3);
});

test("the settlement of mail leased before an eviction is taken after it", async () => {
  const account = await openAccount();
  const relay = await joinRelay((await openRelay()).token);
  await acceptMany(account, 2);
  await relay.untilGiven(2);
  await evictDurableObject(pool());
  await evictDurableObject(account.stub);
  for (const batch of relay.batches()) await relay.report(batch, "delivered");
  expect((await deliveriesOf(account)).map(({ state }) => state)).toEqual(["delivered", "delivered"]);
});

test("a socket that hangs up is given nothing more, and its mail comes back only by word of the relay", async () => {
  const account = await openAccount();
  const { token } = await openRelay();
  const relay = await joinRelay(token, { free: 1 });
  const [held = 0] = await acceptMany(account, 2);
  await givenExactly(relay, 1);
  relay.hangUp();
  await aMoment();
  expect((await leaseTo(account, "another", 100)).ks).not.toContain(held);
});

test("an account with a long queue of suppressed mail is asked again at once, in turn with the others", async () => {
  const [account, other] = [await openAccount(), await openAccount()];
  const body = { email: "*@dest.test" };
  await call("POST", "/v1/suppressions", { token: account.token, body });
  await acceptMany(account, 1, { recipients: ["gone@dest.test"] });
  await sqlIn(
    account.stub,
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
     INSERT INTO delivery SELECT k + i, k, i || '@dest.test', 0, 0, 0, 0, 'queued', 0, '[]' FROM n, (SELECT k FROM email)`,
  );
  await evictDurableObject(account.stub);
  const [behind] = await acceptMany(account, 1);
  const [others] = await acceptMany(other, 1);
  const relay = await joinRelay((await openRelay()).token, { free: 1000 });
  await givenExactly(relay, 2);
  expect(relay.given()).toEqual([others, behind]);
});
