/**
 * Mail and the list: who is on it when a delivery is leased gets none, whatever was accepted before; a hard bounce puts
 * its address there with the very outcome that says so.
 */
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Outcome } from "#contract/outcome.ts";
import type { Account } from "../../gateway/objects/account.ts";
import { leaseTo } from "./support/account-scene.ts";
import {
  api,
  emailsOf,
  eventsOf,
  leasedOf,
  listOf,
  noticesOf,
  sendTo,
  statesOf,
  suppress,
} from "./support/suppression-scene.ts";
import { call, countIn, goodSend, openAccount, sqlIn, type TestAccount } from "./support/worker-calls.ts";

let account: TestAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(reset);

type Reply = NonNullable<Outcome["reply"]>;
const NO_SUCH_USER: Reply = { code: 550, enhanced: "5.1.1", text: "no such user" };

/** Outcomes of kind `bounced`, in the phase of RCPT. */
const bounced = (lease: number, ks: readonly number[], reply: Reply): string =>
  JSON.stringify(
    ks.map((k) => ({
      ...{ k, lease, kind: "bounced", phase: "rcpt", reply, reason: "refused" },
      ...{ started_at_ms: 1000, ended_at_ms: 1200 },
    })),
  );

const bounceAll = async (reply: Reply): Promise<void> => {
  const { lease, ks } = await leaseTo(account, "one");
  await account.stub.settle("one", bounced(lease, ks, reply));
};

test("who is on the list gets no mail, and an event says why; the others get theirs", async () => {
  await suppress(account, "gone@dest.test");
  await sendTo(account, ["GONE@dest.test", "b@dest.test"]);
  expect(await leasedOf(account)).toEqual(["b@dest.test"]);
  expect(await statesOf(account)).toEqual(["GONE@dest.test suppressed", "b@dest.test queued"]);
  expect(await eventsOf(account, "suppressed")).toEqual([
    {
      suppressed: {
        ...{ type: "OnAccountSuppressionList", reason: "manual" },
        message: "gone@dest.test is on the account's suppression list: it was put there by hand.",
      },
    },
  ]);
});

test("a whole domain, a stream, an end", async () => {
  await suppress(account, "*@whole.test");
  await suppress(account, "news@dest.test", { stream: "bulk" });
  await suppress(account, "for-now@dest.test", { expires_at: new Date(Date.now() + 60_000).toISOString() });
  const all = ["a@whole.test", "a@sub.whole.test", "news@dest.test", "for-now@dest.test"];
  await sendTo(account, all);
  expect(await leasedOf(account)).toEqual(["a@sub.whole.test", "news@dest.test"]);
  await sendTo(account, all, { stream: "bulk" });
  expect(await leasedOf(account)).toEqual(["a@sub.whole.test"]);
  await sqlIn(account.stub, "UPDATE suppression SET expires_ms = ? WHERE expires_ms IS NOT NULL", Date.now() - 1);
  await sendTo(account, all);
  expect(await leasedOf(account)).toEqual(["a@sub.whole.test", "news@dest.test", "for-now@dest.test"]);
});

test("taken off the list, mail goes again", async () => {
  await suppress(account, "a@dest.test");
  await api(account, "DELETE", "/a@dest.test");
  await sendTo(account, "a@dest.test");
  expect(await leasedOf(account)).toEqual(["a@dest.test"]);
});

test("the list holds over an eviction", async () => {
  await suppress(account, "a@dest.test");
  await evictDurableObject(account.stub);
  await sendTo(account, "a@dest.test");
  expect(await leasedOf(account)).toEqual([]);
});

test("a hard bounce suppresses: with the event, for all streams, and its source is named", async () => {
  const id = await sendTo(account, "Gone@dest.test");
  await bounceAll(NO_SUCH_USER);
  const { data } = await listOf(account);
  expect(data).toMatchObject([{ email: "gone@dest.test", origin: "bounce", source_id: id, stream: null }]);
  expect(await noticesOf(account)).toEqual(["suppression.added gone@dest.test"]);
  expect(await eventsOf(account, "bounced")).toMatchObject([
    { bounce: { type: "Permanent", subType: "General", diagnosticCode: ["smtp; 550 5.1.1 no such user"] } },
  ]);
  await sendTo(account, "gone@dest.test", { stream: "bulk" });
  expect(await leasedOf(account)).toEqual([]);
  expect(await eventsOf(account, "suppressed")).toMatchObject([{ suppressed: { reason: "previous_bounce" } }]);
});

test("bounce and send at once: what was accepted before the bounce is settled gets no mail after it", async () => {
  await sendTo(account, "gone@dest.test");
  const { lease, ks } = await leaseTo(account, "one");
  await sendTo(account, ["gone@dest.test", "b@dest.test"]);
  await account.stub.settle("one", bounced(lease, ks, NO_SUCH_USER));
  expect(await leasedOf(account)).toEqual(["b@dest.test"]);
  expect(await statesOf(account)).toEqual([
    "gone@dest.test bounced",
    "gone@dest.test suppressed",
    "b@dest.test queued",
  ]);
});

test("what a relay gives back after a bounce, and what is to be tried again, is suppressed", async () => {
  await sendTo(account, "gone@dest.test");
  await sendTo(account, "gone@dest.test");
  await sendTo(account, "gone@dest.test");
  const { lease, ks } = await leaseTo(account, "one");
  const [first = 0, second = 0, third = 0] = ks;
  const times = { started_at_ms: 1000, ended_at_ms: 1200 };
  const text = JSON.stringify([
    ...JSON.parse(bounced(lease, [first], NO_SUCH_USER)),
    { k: second, lease, kind: "released", ...times },
    { k: third, lease, kind: "deferred", ...times },
  ]);
  expect(await account.stub.settle("one", text)).toMatchObject({ settled: 3 });
  await sqlIn(account.stub, "UPDATE delivery SET due = 1 WHERE due > 1");
  await evictDurableObject(account.stub);
  expect(await leasedOf(account)).toEqual([]);
  expect(await statesOf(account)).toEqual([
    "gone@dest.test bounced",
    "gone@dest.test suppressed",
    "gone@dest.test suppressed",
  ]);
});

test("policy, a full mailbox and content suppress nobody", async () => {
  const replies: Reply[] = [
    { code: 550, enhanced: "5.7.1", text: "user unknown" },
    { code: 552, enhanced: "5.2.2", text: "mailbox full" },
    { code: 554, enhanced: "5.6.0", text: "content" },
    { code: 550, text: "no" },
  ];
  for (const reply of replies) {
    await sendTo(account, "a@dest.test");
    await bounceAll(reply);
  }
  expect(await statesOf(account)).toEqual(replies.map(() => "a@dest.test bounced"));
  expect(await emailsOf(account)).toEqual([]);
});

test("a settlement that fails suppresses nobody, and its mail goes on", async () => {
  await sendTo(account, "gone@dest.test");
  const { lease, ks } = await leaseTo(account, "one");
  // The list is written, then the events cannot be.
  await sqlIn(account.stub, "ALTER TABLE event RENAME TO gone");
  const settle = (object: Account) => object.settle("one", bounced(lease, ks, NO_SUCH_USER));
  await runInDurableObject(account.stub, (object) => expect(settle(object)).rejects.toThrow("event"));
  await sqlIn(account.stub, "ALTER TABLE gone RENAME TO event");
  expect(await emailsOf(account)).toEqual([]);
  await runInDurableObject(account.stub, settle);
  expect(await emailsOf(account)).toEqual(["gone@dest.test"]);
});

test("a bounce of an address that was taken off the list puts it there again", async () => {
  for (const _ of [1, 2]) {
    await sendTo(account, "gone@dest.test");
    await bounceAll(NO_SUCH_USER);
    expect(await emailsOf(account)).toEqual(["gone@dest.test"]);
    await api(account, "DELETE", "/gone@dest.test");
  }
});

test("a send that asks for it is refused with the addresses, and nothing of it is stored", async () => {
  await suppress(account, "gone@dest.test");
  await suppress(account, "*@whole.test", { stream: "bulk" });
  const to = ["b@dest.test", "GONE@dest.test", "a@whole.test"];
  const send = (fields: object, key?: string) =>
    call("POST", "/v1/emails", {
      ...{ token: account.token, body: goodSend({ to, on_suppressed: "refuse", ...fields }) },
      ...(key !== undefined && { headers: { "idempotency-key": key } }),
    });
  const text = (who: string) => `Nothing was sent, for these recipients are suppressed: ${who}.`;
  const refused = (who: string) => ({
    status: 422,
    body: { statusCode: 422, name: "validation_error", message: text(who) },
  });
  expect(await send({}, "one")).toEqual(refused("GONE@dest.test"));
  expect(await send({ stream: "bulk" })).toEqual(refused("GONE@dest.test, a@whole.test"));
  for (const table of ["email", "part", "delivery", "idem", "event"]) expect(await countIn(account, table)).toBe(0);
  // The key was not used up.
  await api(account, "DELETE", "/gone@dest.test");
  expect((await send({}, "one")).status).toBe(200);
  expect(await leasedOf(account)).toEqual(to);
  expect((await send({ to: ["gone@dest.test"], on_suppressed: "event" })).status).toBe(200);
  expect((await send({ on_suppressed: "shout" })).status).toBe(400);
});

test("in a batch: strict refuses all, permissive says which was left out; a bulk tells by events only", async () => {
  await suppress(account, "gone@dest.test");
  const batch = [goodSend(), goodSend({ to: "gone@dest.test", on_suppressed: "refuse" })];
  const post = (validation: string) =>
    call("POST", "/v1/emails/batch", {
      ...{ token: account.token, headers: { "x-batch-validation": validation }, body: batch },
    });
  expect(await post("strict")).toMatchObject({
    ...{ status: 422, body: { message: expect.stringMatching(/^\[1\] Nothing was sent.*gone@dest\.test/) } },
  });
  expect(await countIn(account, "email")).toBe(0);
  expect(await post("permissive")).toMatchObject({
    ...{
      status: 200,
      body: { data: [{}], errors: [{ index: 1, message: expect.stringContaining("gone@dest.test") }] },
    },
  });
  const bulk = (shared: object) =>
    call("POST", "/v1/emails/bulk", {
      token: account.token,
      raw: `${JSON.stringify({ from: "a@shop.test", subject: "s", text: "t", ...shared })}\n{"to":"gone@dest.test"}\n`,
    });
  expect(await bulk({ on_suppressed: "refuse" })).toMatchObject({
    ...{ status: 400, body: { message: expect.stringContaining("on_suppressed") } },
  });
  expect((await bulk({})).status).toBe(200);
  expect(await leasedOf(account)).toEqual(["reader@inbox.test"]);
});

test("a long queue of suppressed mail is told in turns, each row looked at once, and mail behind it goes", async () => {
  await suppress(account, "*@dest.test");
  await sendTo(account, "first@dest.test");
  // As if so many more had been accepted.
  const depth = 3000;
  await sqlIn(
    account.stub,
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
     INSERT INTO delivery SELECT k + i, k, i || '@dest.test', 0, 0, 0, 0, 'queued', 0, '[]' FROM n, (SELECT k FROM email)`,
    depth,
  );
  await evictDurableObject(account.stub);
  await sendTo(account, "b@inbox.test");
  const read = await runInDurableObject(account.stub, (_, { storage }) => vi.spyOn(storage.sql, "exec"));
  const first = await account.stub.lease("default", "one", 100);
  expect([first.count, first.more]).toEqual([0, true]);
  expect(await leasedOf(account)).toEqual(["b@inbox.test"]);
  const rows = await runInDurableObject(account.stub, () =>
    read.mock.results.reduce((sum, { type, value }) => sum + (type === "return" ? value.rowsRead : 0), 0),
  );
  expect(rows).toBeLessThan(30 * depth);
  expect(await sqlIn(account.stub, "SELECT state, COUNT(*) AS n FROM delivery GROUP BY 1 ORDER BY 1")).toEqual([
    { state: "queued", n: 1 },
    { state: "suppressed", n: depth + 1 },
  ]);
});
