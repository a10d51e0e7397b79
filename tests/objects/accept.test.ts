/**
 * Accepting sends: what arrives in one turn is one commit, the answer follows the rows, and one idempotency
 * key is one email whatever happens in between.
 *
 * Concurrent sends go to the object itself: vitest's runtime forbids what the Worker does to send them
 * together (a promise resolved by another request); the journeys send them over real HTTP.
 */
import { exports } from "cloudflare:workers";
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { idFormatter, K_PER_MS } from "#contract/ids.ts";
import { INLINE_CONTENT_LIMIT } from "#contract/relay-protocol.ts";
import { IDEMPOTENCY_MS } from "../../gateway/objects/account-intake.ts";
import { acceptMany, leaseTo, ringAlarm, sendCall, visitorOf } from "./support/account-scene.ts";
import {
  call,
  countIn,
  goodSend,
  openAccount,
  openRelay,
  sendEmail,
  sqlIn,
  type TestAccount,
} from "./support/worker-calls.ts";

afterEach(reset);

/** How many transactions the account makes while `work` runs. */
const transactionsDuring = async (account: TestAccount, work: () => Promise<unknown>): Promise<number> => {
  const spy = await runInDurableObject(account.stub, (_, { storage }) => vi.spyOn(storage, "transactionSync"));
  await work();
  return spy.mock.calls.length;
};

test("a hundred sends of one turn are one transaction", async () => {
  const account = await openAccount();
  expect(await transactionsDuring(account, () => acceptMany(account, 100))).toBe(1);
  expect(await countIn(account, "email")).toBe(100);
  expect(await countIn(account, "part")).toBe(100);
  expect(await countIn(account, "delivery")).toBe(100);
});

test("sends of many callers at once share transactions", async () => {
  const account = await openAccount();
  const one = await sendCall(account);
  const sends = () => Promise.all(Array.from({ length: 50 }, () => account.stub.accept([one])));
  expect(await transactionsDuring(account, sends)).toBeLessThan(25);
  expect(await countIn(account, "email")).toBe(50);
});

test("an email takes as many keys as it has recipients, and its deliveries have them", async () => {
  const account = await openAccount();
  const recipients = ["a@inbox.test", "b@inbox.test", "c@inbox.test"];
  const [one = 0, two = 0] = await acceptMany(account, 2, { recipients });
  expect(two).toBeGreaterThanOrEqual(one + 3);
  expect(await sqlIn(account.stub, "SELECT k, email, rcpt FROM delivery ORDER BY k")).toEqual(
    [one, two].flatMap((email) => recipients.map((rcpt, index) => ({ k: email + index, email, rcpt }))),
  );
});

test("the answer comes when the rows are there, not before", async () => {
  const account = await openAccount();
  const send = await sendCall(account);
  await runInDurableObject(account.stub, async (instance, { storage }) => {
    const rows = () => storage.sql.exec("SELECT k FROM email").toArray().length;
    const answer = instance.accept([send]).then((accepted) => ({ accepted, rowsThen: rows() }));
    expect(rows()).toBe(0);
    expect(await answer).toMatchObject({ accepted: [{ answer: { kind: "accepted" } }], rowsThen: 1 });
  });
});

test("a commit that fails answers nobody with success, stores nothing and frees the keys", async () => {
  const account = await openAccount();
  const send = await sendCall(account, {}, { key: "once", fingerprint: "f" });
  await runInDurableObject(account.stub, async (instance, { storage }) => {
    storage.sql.exec("ALTER TABLE delivery RENAME TO hidden");
    await expect(instance.accept([send, send])).rejects.toThrow(/delivery/);
    expect(storage.sql.exec("SELECT k FROM email").toArray()).toEqual([]);
    expect(storage.sql.exec("SELECT k FROM part").toArray()).toEqual([]);
    storage.sql.exec("ALTER TABLE hidden RENAME TO delivery");
    expect(await instance.accept([send])).toMatchObject([{ answer: { kind: "accepted" } }]);
    expect(storage.sql.exec("SELECT k FROM email").toArray()).toHaveLength(1);
  });
});

test("fifty calls at once with one key are one email with one id", async () => {
  const account = await openAccount();
  const one = await sendCall(account, {}, { key: "order-1", fingerprint: "one" });
  const answers = (await Promise.all(Array.from({ length: 50 }, () => account.stub.accept([one])))).flat();
  expect(answers).toHaveLength(50);
  expect(answers).toEqual(
    answers.map(() => ({ rate: expect.any(Object), answer: { kind: "accepted", ids: [expect.any(String)] } })),
  );
  expect(new Set(answers.map(({ answer }) => answer.kind === "accepted" && answer.ids[0])).size).toBe(1);
  expect(await countIn(account, "email")).toBe(1);
  expect(await countIn(account, "delivery")).toBe(1);
});

test("another body under a key is refused, while the first is under way and after", async () => {
  const account = await openAccount();
  const one = await sendCall(account, {}, { key: "order-1", fingerprint: "one" });
  const two = await sendCall(account, {}, { key: "order-1", fingerprint: "two" });
  const refused = { answer: { kind: "problem", code: "invalid_idempotent_request" } };
  expect(await account.stub.accept([one, two])).toMatchObject([{ answer: { kind: "accepted" } }, refused]);
  expect(await account.stub.accept([two])).toMatchObject([refused]);

  await sendEmail(account, {}, "order-2");
  const answer = await call("POST", "/v1/emails", {
    token: account.token,
    headers: { "idempotency-key": "order-2" },
    body: goodSend({ subject: "Another" }),
  });
  expect(answer).toMatchObject({ status: 409, body: { statusCode: 409, name: "invalid_idempotent_request" } });
  expect(await countIn(account, "email")).toBe(2);
});

test("a key is the account's own", async () => {
  const [one, two] = [await openAccount(), await openAccount()];
  const ids = [await sendEmail(one, {}, "order-1"), await sendEmail(two, { subject: "Another" }, "order-1")];
  expect(new Set(ids).size).toBe(2);
});

test("a key is remembered over an eviction", async () => {
  const account = await openAccount();
  const id = await sendEmail(account, {}, "order-1");
  await evictDurableObject(account.stub);
  expect(await sendEmail(account, {}, "order-1")).toBe(id);
  expect(await countIn(account, "email")).toBe(1);
});

/** Makes the key older by so many ms. */
const age = async (account: TestAccount, ms: number): Promise<unknown> =>
  sqlIn(account.stub, "UPDATE idem SET k = k - ?", ms * K_PER_MS);

test("a key counts for 24 hours and then makes a new email", async () => {
  const account = await openAccount();
  const id = await sendEmail(account, {}, "order-1");
  const minuteMs = 60_000;
  await age(account, IDEMPOTENCY_MS - minuteMs);
  const [row] = await sqlIn<{ k: number }>(account.stub, "SELECT k FROM idem");
  expect(await sendEmail(account, {}, "order-1")).toBe(idFormatter(account.id)(row?.k ?? 0));
  await age(account, minuteMs);
  const anew = await sendEmail(account, { subject: "Another" }, "order-1");
  expect(anew).not.toBe(id);
  expect(await sendEmail(account, { subject: "Another" }, "order-1")).toBe(anew);
  expect(await countIn(account, "email")).toBe(2);
});

test("the alarm sweeps keys older than 24 hours and no others", async () => {
  const account = await openAccount();
  await sendEmail(account, {}, "old");
  await age(account, IDEMPOTENCY_MS);
  await sendEmail(account, {}, "young");
  await ringAlarm(account);
  expect(await sqlIn(account.stub, "SELECT key FROM idem")).toEqual([{ key: "young" }]);
});

test("keys of rows never repeat after an eviction, even when the clock goes back", async () => {
  const account = await openAccount();
  await acceptMany(account, 1);
  const futureK = (Date.now() + 3_600_000) * K_PER_MS;
  await sqlIn(account.stub, "UPDATE email SET k = ?, rcpts = 3", futureK);
  await evictDurableObject(account.stub);
  const ks = await acceptMany(account, 2);
  expect(ks[0]).toBeGreaterThanOrEqual(futureK + 3);
});

test("content too large for a batch is kept in chunks that a relay fetches whole", async () => {
  const account = await openAccount();
  const { token } = await openRelay();
  // A surrogate pair lies over the border of two chunks, whatever its parity.
  const text = `${"x".repeat(INLINE_CONTENT_LIMIT * 5)}${"🍃".repeat(300_000)}`;
  await sendEmail(account, { text });
  const [email] = await sqlIn<{ part: number; chunks: number }>(account.stub, "SELECT part, chunks FROM email");
  expect(email?.chunks).toBeGreaterThan(1);
  expect((await leaseTo(account, "relay")).ks).toHaveLength(1);
  expect(await countIn(account, "staged")).toBe(0);
  const response = await exports.default.fetch(
    `https://gateway.test/relay/accounts/${account.id}/parts/${email?.part}?chunks=${email?.chunks}`,
    { headers: { authorization: `Bearer ${token}` } },
  );
  expect(await response.json()).toEqual({ text });
});

test("staged content that no email named within an hour is swept; what an email names stays", async () => {
  const account = await openAccount();
  const visitor = await visitorOf(account);
  await sendEmail(account, { text: "x".repeat(INLINE_CONTENT_LIMIT * 5) });
  const named = await countIn(account, "part");
  const of = { from: undefined, sender: undefined, recipients: [], idempotency: undefined };
  const stage = (chunks: string[]) =>
    account.stub.stage(visitor, { part: undefined, total: chunks.length, offset: 0, chunks, of });
  await stage(["young"]);
  await stage(["old", "and its second chunk"]);
  const hourK = 3_600_000 * K_PER_MS;
  await sqlIn(account.stub, "UPDATE part SET k = k - ? WHERE body LIKE 'old%' OR body LIKE 'and%'", hourK);
  await sqlIn(account.stub, "UPDATE staged SET k = k - ? WHERE chunks = 2", hourK);
  await ringAlarm(account);
  expect(await countIn(account, "part")).toBe(named + 1);
  expect(await countIn(account, "staged")).toBe(1);
});

test("large content of a send that is refused whatever it holds is not kept", async () => {
  const large = { text: "x".repeat(INLINE_CONTENT_LIMIT * 3) };
  const strict = await openAccount({ allowed_senders: "domains" });
  const full = await openAccount({ limits: { recipients_per_10_minutes: 1 } });
  await sendEmail(full);
  for (const [account, status] of [
    [strict, 403],
    [full, 429],
  ] as const) {
    const parts = await countIn(account, "part");
    expect(await call("POST", "/v1/emails", { token: account.token, body: goodSend(large) })).toMatchObject({ status });
    expect(await countIn(account, "part")).toBe(parts);
    expect(await countIn(account, "staged")).toBe(0);
  }
});

test("a key that is used again stages nothing again", async () => {
  const account = await openAccount();
  const send = () => sendEmail(account, { text: "x".repeat(INLINE_CONTENT_LIMIT * 3) }, "once");
  const id = await send();
  const parts = await countIn(account, "part");
  expect(await send()).toBe(id);
  expect(await countIn(account, "part")).toBe(parts);
  expect(await countIn(account, "staged")).toBe(0);
});
