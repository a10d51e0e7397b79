/**
 * What an outcome makes of a delivery: finished, to be tried again, or in doubt; and the events that tell it.
 *
 * Pure and total over outcomes. It does not know leases (`lease-book.ts` says whether the outcome may speak)
 * nor rows (the account stores what is decided).
 */
import type { EventData, EventKind } from "#contract/event.ts";
import { bounceOf } from "#contract/hard-bounce.ts";
import type { Outcome } from "#contract/outcome.ts";
import { nextAttemptMs, type RetrySchedule } from "./retry-schedule.ts";

/** A delivery before the outcome: when it could first go, attempts finished so far, whether an earlier one ended in doubt. */
export type OpenDelivery = { acceptedAtMs: number; attempt: number; doubt: boolean };

/** `isRepeat`: of `opened` and `clicked`, its recipient did so before. */
export type NewEvent = { kind: EventKind; atMs: number; data: EventData; isRepeat?: boolean };

/** `dueMs` undefined: settled for good. A released delivery comes back at once and counts no attempt. */
export type Settled = { attempt: number; doubt: boolean; dueMs: number | undefined; events: NewEvent[] };

/** A mail in doubt is tried once more after this long: time for the server to have finished its own work. */
const DOUBT_RETRY_MS = 1000;

export const settle = (
  delivery: OpenDelivery,
  outcome: Outcome,
  schedule: RetrySchedule,
  nowMs: number,
  random: number,
): Settled => {
  if (outcome.kind === "released")
    return { attempt: delivery.attempt, doubt: delivery.doubt, dueMs: nowMs, events: [] };
  const attempt = delivery.attempt + 1;
  const sent: NewEvent[] =
    attempt === 1 ? [{ kind: "sent", atMs: outcome.started_at_ms, data: { attempt, ...pick(outcome, "relay") } }] : [];
  const data = eventData(outcome, attempt);
  const finish = (kind: EventKind, more: EventData = {}): Settled => ({
    attempt,
    doubt: delivery.doubt || outcome.kind === "unknown",
    dueMs: undefined,
    events: [...sent, { kind, atMs: outcome.ended_at_ms, data: { ...data, ...more } }],
  });
  const retry = (kind: EventKind, dueMs: number): Settled => ({
    ...finish(kind, { next_attempt_at: new Date(dueMs).toISOString() }),
    dueMs,
  });

  switch (outcome.kind) {
    case "delivered":
      return finish("delivered");
    case "bounced":
      return finish("bounced", { bounce: bounceOf(outcome) });
    case "failed":
      return finish("failed");
    case "unknown":
      // The message may be there already: once more with the same bytes, never again and again.
      if (delivery.doubt)
        return finish("failed", { reason: `In doubt twice: ${outcome.reason ?? "no reply was seen"}.` });
      return retry("unknown", nowMs + DOUBT_RETRY_MS);
    case "deferred": {
      const dueMs = nextAttemptMs(schedule, attempt, delivery.acceptedAtMs, nowMs, random);
      if (dueMs !== undefined) return retry("delivery_delayed", dueMs);
      return finish("failed", { reason: `Given up after ${attempt} attempts. Last: ${outcome.reason ?? "deferred"}` });
    }
  }
};

const pick = <T extends object, K extends keyof T>(from: T, key: K): Partial<Pick<T, K>> => {
  const picked: Partial<Pick<T, K>> = {};
  if (from[key] !== undefined) picked[key] = from[key];
  return picked;
};

const eventData = (outcome: Outcome, attempt: number): EventData => ({
  attempt,
  ...pick(outcome, "reply"),
  ...pick(outcome, "phase"),
  ...pick(outcome, "reason"),
  ...pick(outcome, "relay"),
  ...pick(outcome, "tls"),
  ...pick(outcome, "transcript"),
  duration_ms: outcome.ended_at_ms - outcome.started_at_ms,
  ...(outcome.host === undefined
    ? {}
    : { route: { host: outcome.host, ...pick(outcome, "ip"), ...pick(outcome, "port") } }),
});
