/**
 * What one try to deliver an event means for the event: done, to be tried again at a time, or given up.
 *
 * Only a 2xx is success; a redirect is none (Standard Webhooks), since it could lead anywhere. The delays are those of
 * `retry-schedule.ts`. What a try means for the endpoint as a whole is in `endpoint-breaker.ts`.
 */
import { nextAttemptMs, type RetrySchedule } from "./retry-schedule.ts";

/** `status` 0: there was no reply. `retryAfterMs`: how long the endpoint asked to be left alone. */
export type WebhookReply = { status: number; retryAfterMs?: number | undefined };

export type Verdict = { kind: "success" } | { kind: "again"; dueMs: number } | { kind: "failed" };

const LONGEST_RETRY_AFTER_MS = 24 * 3600 * 1000;

export const isSuccess = ({ status }: WebhookReply): boolean => status >= 200 && status <= 299;

/** `attempt` counts from 1 since the event was handed over or replayed at `sinceMs`; `random` is in [0, 1). */
export const judgeTry = (
  schedule: RetrySchedule,
  { attempt, sinceMs }: { attempt: number; sinceMs: number },
  reply: WebhookReply,
  nowMs: number,
  random: number,
): Verdict => {
  if (isSuccess(reply)) return { kind: "success" };
  const dueMs = nextAttemptMs(schedule, attempt, sinceMs, nowMs, random);
  if (dueMs === undefined) return { kind: "failed" };
  return { kind: "again", dueMs: Math.max(dueMs, nowMs + (reply.retryAfterMs ?? 0)) };
};

/**
 * What a `retry-after` asks for (RFC 9110 §10.2.3: seconds or a date), a day at most. Of 429 and 503 only (RFC 6585
 * §4, RFC 9110 §15.6.4); `undefined`: nothing that could be understood.
 */
export const readRetryAfter = (status: number, header: string | null, nowMs: number): number | undefined => {
  if ((status !== 429 && status !== 503) || header === null) return undefined;
  const text = header.trim();
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), LONGEST_RETRY_AFTER_MS);
};
