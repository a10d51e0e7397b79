/**
 * When a deferred delivery is tried again: a list of delays, by attempt.
 *
 * `60,300,900` means three retries and then the end; a list that ends in `...` repeats its last delay until
 * the mail is three days old (RFC 5321 §4.5.4.1 asks for at least 4-5 days of *some* retry; senders of today
 * want to know sooner, and operators can set it). A tenth of jitter keeps a burst from coming back as a burst.
 */
const MAX_AGE_MS = 3 * 24 * 3600 * 1000;

export type RetrySchedule = { delaysMs: number[]; repeatsLast: boolean };

/** Parses the setting; `invalid` says what is wrong with it. */
export const parseRetrySchedule = (
  text: string,
): { kind: "schedule"; schedule: RetrySchedule } | { kind: "invalid"; reason: string } => {
  const spelled = text
    .replaceAll("…", ",...")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const repeatsLast = spelled.at(-1) === "...";
  const delaysMs = (repeatsLast ? spelled.slice(0, -1) : spelled).map((part) => Number(part) * 1000);
  if (delaysMs.length === 0 || delaysMs.some((delay) => !Number.isFinite(delay) || delay < 0))
    return { kind: "invalid", reason: `"${text}" is not a list of seconds such as 60,300,900 or 60,300,...` };
  return { kind: "schedule", schedule: { delaysMs, repeatsLast } };
};

/**
 * The time of the next attempt in ms since the epoch, or `undefined` when `attempt` (counted from 1, just
 * failed) was the last. `random` is in [0, 1).
 */
export const nextAttemptMs = (
  schedule: RetrySchedule,
  attempt: number,
  acceptedAtMs: number,
  nowMs: number,
  random: number,
): number | undefined => {
  const listed = schedule.delaysMs[attempt - 1];
  const delayMs = listed ?? (schedule.repeatsLast ? schedule.delaysMs.at(-1) : undefined);
  if (delayMs === undefined) return undefined;
  if (schedule.repeatsLast && nowMs + delayMs - acceptedAtMs > MAX_AGE_MS) return undefined;
  return Math.round(nowMs + delayMs * (1 + 0.1 * random));
};
