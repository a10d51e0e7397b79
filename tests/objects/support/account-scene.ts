/**
 * An account seen from inside: sends handed over as the Worker does, leases as the pool asks for them, and
 * outcomes as a relay reports them.
 */
import { env } from "cloudflare:workers";
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect } from "vitest";
import { Batch, Outcomes } from "#contract/relay-protocol.ts";
import type { OutcomeKind } from "#contract/outcome.ts";
import { readApiKey, tagKey } from "../../../gateway/core/token.ts";
import type { AcceptCall, SendCall } from "../../../gateway/objects/account-admission.ts";
import type { Idempotency } from "../../../gateway/objects/account-intake.ts";
import type { Visitor } from "../../../gateway/objects/visitor.ts";
import { sqlIn, type TestAccount } from "./worker-calls.ts";

/** The account's own key, as the Worker has read it. */
export const visitorOf = async (account: TestAccount): Promise<Extract<Visitor, { kind: "key" }>> => {
  const claims = await readApiKey(await tagKey(env.HIKYAKU_MASTER_KEY), account.token);
  if (claims === undefined) throw new Error("the account's own key does not read");
  return { kind: "key", ...claims, ip: "192.0.2.1" };
};

/** A send as the Worker hands it to the account; `fields` go over it. */
export const sendCall = async (
  account: TestAccount,
  fields: Partial<SendCall> = {},
  idempotency?: Idempotency,
): Promise<AcceptCall> => ({
  visitor: await visitorOf(account),
  idempotency,
  sends: [
    {
      from: { address: "sender@shop.test", domain: "shop.test" },
      sender: undefined,
      recipients: ["reader@inbox.test"],
      stream: "transactional",
      scheduledMs: undefined,
      refuseSuppressed: false,
      hasUnsubscribePlace: false,
      template: undefined,
      meta: '{"from":"sender@shop.test","to":["reader@inbox.test"],"subject":"Hello"}',
      content: '{"text":"A line."}',
      ...fields,
    },
  ],
});

/** Has `count` emails accepted in one call; their `k`, in order. */
export const acceptMany = async (
  account: TestAccount,
  count: number,
  fields: Partial<SendCall> = {},
): Promise<number[]> => {
  const one = await sendCall(account, fields);
  const answers = await account.stub.accept(Array.from({ length: count }, () => one));
  for (const { answer } of answers) expect(answer.kind).toBe("accepted");
  const rows = await sqlIn<{ k: number }>(account.stub, "SELECT k FROM email ORDER BY k DESC LIMIT ?", count);
  return rows.map(({ k }) => k).toReversed();
};

export type Leased = { lease: number; ks: number[]; attempts: number[]; more: boolean };

/** Leases to a relay of the pool `default`, and reads the batch. */
export const leaseTo = async (account: TestAccount, relay: string, limit = 100): Promise<Leased> => {
  const { lease, batch, count, more } = await account.stub.lease("default", relay, limit);
  if (count === 0) return { lease, ks: [], attempts: [], more };
  const { deliveries } = Batch.parse(JSON.parse(batch));
  expect(deliveries).toHaveLength(count);
  return { lease, ks: deliveries.map(({ k }) => k), attempts: deliveries.map(({ attempt }) => attempt), more };
};

/** A text of outcomes, all of one kind. */
export const outcomes = (lease: number, ks: readonly number[], kind: OutcomeKind): string =>
  JSON.stringify(Outcomes.parse(ks.map((k) => ({ k, lease, kind, started_at_ms: 1000, ended_at_ms: 1200 }))));

export type DeliveryRow = { k: number; state: string; attempt: number; due: number | null };

export const deliveriesOf = (account: TestAccount): Promise<DeliveryRow[]> =>
  sqlIn<DeliveryRow>(account.stub, "SELECT k, state, attempt, due FROM delivery ORDER BY k");

/** Everything that a settlement may change, as one value to compare. */
export const ledgerOf = async (account: TestAccount): Promise<unknown> => ({
  deliveries: await sqlIn(account.stub, "SELECT * FROM delivery ORDER BY k"),
  events: await sqlIn(account.stub, "SELECT * FROM event ORDER BY k"),
  leases: await sqlIn(account.stub, "SELECT * FROM lease ORDER BY id"),
});

/** Milliseconds until the alarm; `undefined`: none is set. */
export const alarmInMs = (account: TestAccount): Promise<number | undefined> =>
  runInDurableObject(account.stub, async (_, { storage }) => {
    const atMs = await storage.getAlarm();
    return atMs === null ? undefined : atMs - Date.now();
  });

/** Runs the alarm now, if the runtime has not just done so, and waits until it has armed the next. */
export const ringAlarm = async (account: TestAccount): Promise<void> => {
  await runDurableObjectAlarm(account.stub);
  await expect.poll(() => alarmInMs(account)).toBeGreaterThan(5000);
};
