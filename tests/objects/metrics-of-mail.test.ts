/** What became of mail, counted with the events that tell it: bounces by their kind, people once, machines never. */
import { env } from "cloudflare:workers";
import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { MetricsReply } from "#contract/metrics.ts";
import type { Feedback } from "../../gateway/objects/account-feedback.ts";
import { openRooms } from "../../gateway/objects/account-rooms.ts";
import { leaseTo } from "./support/account-scene.ts";
import { leasedOf, sendTo, suppress } from "./support/suppression-scene.ts";
import { call, openAccount, type TestAccount } from "./support/worker-calls.ts";

afterEach(reset);

const TIMES = { started_at_ms: Date.now(), ended_at_ms: Date.now() };

/** Sends one and lets it end so; its `k`. */
const deliver = async (account: TestAccount, outcome: object, to = "a@dest.test"): Promise<number> => {
  await sendTo(account, to);
  const { lease, ks } = await leaseTo(account, "one");
  await account.stub.settle("one", JSON.stringify(ks.map((k) => ({ k, lease, ...TIMES, ...outcome }))));
  return ks[0] ?? 0;
};

const totalsOf = async ({ token }: TestAccount) =>
  MetricsReply.parse((await call("GET", "/v1/emails/metrics", { token })).body).totals;

test("bounces by kind, and who was suppressed was not sent to", async () => {
  const account = await openAccount();
  const refuse = (code: number, enhanced: string, text: string) =>
    deliver(account, { kind: "bounced", phase: "rcpt", reply: { code, enhanced, text } }, `${enhanced}@dest.test`);
  await refuse(550, "5.1.1", "no such user");
  await refuse(552, "5.2.2", "full");
  await refuse(550, "5.0.0", "no");
  await deliver(account, { kind: "delivered" });
  await suppress(account, "gone@dest.test");
  await sendTo(account, "gone@dest.test");
  expect(await leasedOf(account)).toEqual([]);
  expect(await totalsOf(account)).toMatchObject({
    ...{ sent: 4, delivered: 1, suppressed: 1, bounced: 3, bounced_permanent: 1, bounced_transient: 1 },
    ...{ bounced_undetermined: 1, bounce_rate: 0.75, delivery_rate: 0.25 },
  });
});

test("opens and clicks of people, each recipient once in the rates; complaints and unsubscribes once at all", async () => {
  const account = await openAccount();
  const [one, two] = [await deliver(account, { kind: "delivered" }), await deliver(account, { kind: "delivered" })];
  const person: Feedback = { kind: "opened", data: { visit: { user_agent: "Mail" } } };
  const machine: Feedback = { kind: "opened", data: { visit: { user_agent: "Proxy", bot: "prefetch" } } };
  const told: [number, Feedback][] = [
    [one, machine],
    [one, person],
    [one, person],
    [two, person],
    [two, machine],
    [one, { ...person, kind: "clicked" }],
    [one, { ...person, kind: "clicked" }],
    [one, { kind: "complained", data: {} }],
    [one, { kind: "complained", data: {} }],
    [two, { kind: "unsubscribed", data: {} }],
    [two, { kind: "unsubscribed", data: {} }],
  ];
  await runInDurableObject(account.stub, (_, ctx) => {
    const { rooms } = openRooms(ctx, env, Date.now(), () => undefined);
    for (const [k, feedback] of told) rooms.feedback.take(k, feedback, Date.now());
  });
  expect(await totalsOf(account)).toMatchObject({
    ...{ sent: 2, opened: 3, unique_opened: 2, clicked: 2, unique_clicked: 1, complained: 1, unsubscribed: 1 },
    ...{ open_rate: 1, click_rate: 0.5, complaint_rate: 0.5, unsubscribe_rate: 0.5 },
  });
});

test("a complaint of the sandbox is counted, and the next mail to it goes", async () => {
  const account = await openAccount();
  const k = await deliver(account, { kind: "delivered" }, "complained@sandbox.test");
  const reports = [k, await deliver(account, { kind: "delivered" }, "real@dest.test")];
  await runInDurableObject(account.stub, (_, ctx) => {
    const { rooms } = openRooms(ctx, env, Date.now(), () => undefined);
    for (const each of reports) rooms.feedback.take(each, { kind: "complained", data: {} }, Date.now());
    const blocked = rooms.suppressions.blocked(["complained@sandbox.test", "real@dest.test"], 0, Date.now());
    expect([...blocked.keys()]).toEqual(["real@dest.test"]);
  });
  expect(await totalsOf(account)).toMatchObject({ complained: 2 });
});
