/**
 * Mail that relays hold when its recipient is suppressed: it is taken back before the suppression is acknowledged,
 * whoever brings it about, and nothing else is.
 */
import { env, exports } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { formatLinkToken, unsubscribeSignedText, unsubscribeUrl } from "#contract/link-token.ts";
import { accountMac } from "../../gateway/core/return-path-key.ts";
import { Account } from "../../gateway/objects/account.ts";
import { Pool } from "../../gateway/objects/pool.ts";
import { outcomes } from "./support/account-scene.ts";
import {
  answer,
  bounceOf,
  complaintOf,
  GONE,
  heldBy,
  isSettled,
  newRelay,
  suppressing,
} from "./support/recall-scene.ts";
import { recordLog } from "./support/recorded-log.ts";
import { aMoment } from "./support/relay-socket.ts";
import { api, importCsv, sendTo, statesOf } from "./support/suppression-scene.ts";
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

test("a suppression is answered when the relay has let go; what it gives back is told as suppressed", async () => {
  const { relay } = await newRelay();
  const ks = await heldBy(account, relay, [GONE, "b@dest.test", "GONE@dest.test"]);
  const answered = suppressing(account);
  await relay.until("recall");
  expect(relay.recalled()).toEqual([{ account: account.id, ks: [ks[0], ks[2]] }]);
  expect(await isSettled(answered)).toBe(false);
  answer(relay);
  expect(await answered).toMatchObject({ status: 200 });
  for (const batch of relay.batches())
    await relay.report(batch, batch.ks.includes(ks[1] ?? 0) ? "delivered" : "released");
  await expect
    .poll(() => statesOf(account))
    .toEqual([`${GONE} suppressed`, "b@dest.test delivered", "GONE@dest.test suppressed"]);
  expect(relay.given()).toEqual(ks);
});

/** What brings it about, and which of the mail that is held comes back. */
const WAYS: [what: string, act: (ks: number[]) => Promise<unknown>, expected: string[]][] = [
  [
    "a batch by hand",
    () => api(account, "POST", "/batch/add", { emails: ["a@one.test", "b@two.test"] }),
    ["a@one.test", "A@one.test", "a@one.test bulk", "b@two.test"],
  ],
  [
    "a whole domain",
    () => suppressing(account, "*@one.test"),
    ["a@one.test", "A@one.test", "a@one.test bulk", "c@one.test"],
  ],
  ["one stream", () => suppressing(account, "a@one.test", { stream: "bulk" }), ["a@one.test bulk"]],
  ["an import", () => importCsv(account, "email\nb@two.test\n"), ["b@two.test"]],
  [
    "a bounce by mail",
    ([k = 0]) => account.stub.takeReports([bounceOf(k, "a@one.test")]),
    ["a@one.test", "A@one.test", "a@one.test bulk"],
  ],
  ["a complaint", ([k = 0]) => account.stub.takeReports([complaintOf(k)]), ["a@one.test", "A@one.test"]],
  ["an unsubscribe", (ks) => account.stub.readerDoes(ks[2] ?? 0, { kind: "unsubscribed" }), ["a@one.test bulk"]],
];

test.each(WAYS)("%s takes back what is held of it, and nothing else", async (_, act, expected) => {
  const { relay } = await newRelay();
  const named = new Map<number, string>();
  for (const name of ["a@one.test", "A@one.test", "a@one.test bulk", "b@two.test", "c@one.test", "d@two.test bulk"]) {
    const [to = "", stream] = name.split(" ");
    const [k = 0] = await heldBy(account, relay, [to], stream);
    named.set(k, name);
  }
  const done = act([...named.keys()]);
  await relay.until("recall");
  expect(await isSettled(done)).toBe(false);
  answer(relay);
  await done;
  expect(new Set(relay.recalled().flatMap(({ ks }) => ks.map((k) => named.get(k))))).toEqual(new Set(expected));
});

test("one click is answered when the relay has let go", async () => {
  const { relay } = await newRelay();
  const [k = 0] = await heldBy(account, relay, [GONE], "bulk");
  const token = { account: account.id, k };
  const mac = await accountMac(env.HIKYAKU_MASTER_KEY, account.id, unsubscribeSignedText(token));
  const click = exports.default.fetch(unsubscribeUrl("https://gateway.test", formatLinkToken(token, mac)), {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: "List-Unsubscribe=One-Click",
  });
  await relay.until("recall");
  expect(await isSettled(click)).toBe(false);
  answer(relay);
  expect((await click).status).toBe(200);
});

test("said again while it is held, it is taken back again: whoever says it may rely on the answer", async () => {
  const { relay } = await newRelay();
  const [k = 0] = await heldBy(account, relay, [GONE]);
  for (const [seq, act] of [
    () => suppressing(account),
    () => suppressing(account),
    () => account.stub.takeReports([bounceOf(k, GONE)]),
  ].entries()) {
    const done = act();
    await relay.until("recall", seq + 1);
    answer(relay);
    await done;
  }
  // Bounced now, the delivery is nobody's; another is held, and the report that is known speaks of that one.
  await api(account, "DELETE", `/${encodeURIComponent(GONE)}`);
  const [other] = await heldBy(account, relay, [GONE]);
  const again = account.stub.takeReports([bounceOf(k, GONE)]);
  await relay.until("recall", 4);
  answer(relay);
  expect(await again).toEqual(["known"]);
  expect(relay.recalled().map(({ ks }) => ks)).toEqual([[k], [k], [k], [other]]);
});

test("a hard bounce that one relay meets takes back what another holds; its outcome waits for nobody", async () => {
  const one = await newRelay({ free: 1 });
  const [first = 0] = await heldBy(account, one.relay, [GONE]);
  const { relay: two } = await newRelay();
  const [second = 0] = await heldBy(account, two, [GONE]);
  const { lease } = one.relay.batch(0);
  const refusal = {
    ...{ phase: "rcpt", reply: { code: 550, enhanced: "5.1.1", text: "no such user" }, reason: "refused" },
  };
  const [outcome]: object[] = JSON.parse(outcomes(lease, [first], "bounced"));
  one.relay.say(
    { type: "settled", seq: 1, free: 0, seen: 1, parts: [{ account: account.id, count: 1 }] },
    JSON.stringify([{ ...outcome, ...refusal }]),
  );
  await one.relay.until("ack");
  await two.until("recall");
  expect(two.recalled()).toEqual([{ account: account.id, ks: [second] }]);
  expect(one.relay.count("recall")).toBe(0);
});

test("each relay is asked for what it holds, and all are waited for", async () => {
  const one = await newRelay({ free: 1 });
  const [first] = await heldBy(account, one.relay, [GONE]);
  const two = await newRelay({ free: 2 });
  const [second] = await heldBy(account, two.relay, [GONE, "b@dest.test"]);
  const three = await newRelay();
  const answered = suppressing(account);
  for (const { relay } of [one, two]) await relay.until("recall");
  answer(one.relay);
  expect(await isSettled(answered)).toBe(false);
  answer(two.relay);
  await answered;
  expect([one, two, three].map(({ relay }) => relay.recalled().map(({ ks }) => ks))).toEqual([
    [[first]],
    [[second]],
    [],
  ]);
});

test("each suppression waits for its own, whatever others wait for", async () => {
  const { relay } = await newRelay();
  const ks = await heldBy(account, relay, ["a@one.test", "b@one.test"]);
  const first = suppressing(account, "a@one.test");
  await relay.until("recall");
  const second = suppressing(account, "b@one.test");
  await relay.until("recall", 2);
  answer(relay);
  await second;
  expect(await isSettled(first)).toBe(false);
  // What relays do not hold, and what is refused, waits for nobody.
  await suppressing(account, "c@one.test");
  expect(await suppressing(account, "no address")).toMatchObject({ status: 400 });
  relay.say({ type: "recalled", seq: 1 });
  await first;
  expect(relay.recalled().map((each) => each.ks)).toEqual([[ks[0]], [ks[1]]]);
});

/** The pool gets no answer to a lease that is written until `open`. */
const holdUpLeases = (): { leased: () => number; open: () => void } => {
  const gate = { isOpen: false, leased: 0 };
  // eslint-disable-next-line typescript/unbound-method -- called as the account's own
  const { lease } = Account.prototype;
  vi.spyOn(Account.prototype, "lease").mockImplementation(async function (this: Account, ...args) {
    const reply = await lease.apply(this, args);
    gate.leased += reply.count;
    while (!gate.isOpen) await scheduler.wait(5);
    return reply;
  });
  return { leased: () => gate.leased, open: () => (gate.isOpen = true) };
};

test("a batch that was leased before and is not sent yet never is, and is not waited for", async () => {
  const { relay } = await newRelay({ free: 0 });
  await sendTo(account, GONE);
  await sendTo(account, "b@dest.test");
  const { leased, open } = holdUpLeases();
  relay.say({ type: "credit", free: 10, seen: 0 });
  await expect.poll(leased).toBe(2);
  const answered = suppressing(account);
  await relay.until("recall");
  answer(relay);
  await answered;
  open();
  await relay.untilGiven(1);
  await relay.report(relay.batch(0), "delivered");
  expect(relay.given()).toHaveLength(1);
  expect(await statesOf(account)).toEqual([`${GONE} suppressed`, "b@dest.test delivered"]);
});

test("a lease of another account that takes long holds up no suppression", async () => {
  const { relay } = await newRelay();
  await heldBy(account, relay, [GONE]);
  const { leased, open } = holdUpLeases();
  await sendTo(await openAccount(), "b@dest.test");
  await expect.poll(leased).toBe(1);
  const answered = suppressing(account);
  await relay.until("recall");
  answer(relay);
  await answered;
  open();
  await relay.untilGiven(2);
  expect(leased()).toBe(1);
});

test("an older relay is not asked: it would not know the frame", async () => {
  const { relay } = await newRelay({ recalls: undefined });
  await heldBy(account, relay, [GONE]);
  expect(await suppressing(account)).toMatchObject({ status: 200 });
  await aMoment();
  expect([relay.count("recall"), relay.closedWith]).toEqual([0, undefined]);
});

test("where relays hold nothing, or nothing of it, no pool is asked", async () => {
  const { relay } = await newRelay();
  const recall = vi.spyOn(Pool.prototype, "recall");
  await suppressing(account);
  await heldBy(account, relay, ["b@dest.test"]);
  await suppressing(account, "c@dest.test");
  await aMoment();
  expect(recall).not.toHaveBeenCalled();
});
