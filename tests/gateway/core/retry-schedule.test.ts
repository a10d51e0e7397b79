/** When a deferred delivery is tried again: the list as operators write it, its end, and its jitter. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { nextAttemptMs, parseRetrySchedule, type RetrySchedule } from "../../../gateway/core/retry-schedule.ts";

const ACCEPTED_MS = 1_790_000_000_000;
const DAY_MS = 24 * 3600 * 1000;

test("a list of seconds; dots at its end repeat the last", () => {
  const check = (text: string, delaysMs: number[], repeatsLast: boolean): void =>
    expect(parseRetrySchedule(text), text).toEqual({ kind: "schedule", schedule: { delaysMs, repeatsLast } });
  check("60,300,900", [60_000, 300_000, 900_000], false);
  check("60", [60_000], false);
  check(" 60 , 300 ", [60_000, 300_000], false);
  check("0.5,0", [500, 0], false);
  check("60,300,...", [60_000, 300_000], true);
  check("60,300, ...", [60_000, 300_000], true);
  check("60,300…", [60_000, 300_000], true);
  check("60,300,…", [60_000, 300_000], true);
  check("60…", [60_000], true);
});

test("what is no such list is told with its text", () => {
  const check = (text: string): void => {
    const reason = expect.stringContaining(`"${text}"`);
    expect(parseRetrySchedule(text), text).toEqual({ kind: "invalid", reason });
  };
  for (const text of ["", " ", ",", "...", "…", "soon", "60,soon", "60;300", "-1", "60,-300", "Infinity", "NaN"])
    check(text);
  for (const text of ["60,...,300", "60..", "60...", "60 300"]) check(text);
});

const check = (schedule: RetrySchedule, attempt: number, ageMs: number, expectedDelayMs: number | undefined): void => {
  const nowMs = ACCEPTED_MS + ageMs;
  const next = nextAttemptMs(schedule, attempt, ACCEPTED_MS, nowMs, 0);
  expect(next === undefined ? undefined : next - nowMs, `attempt ${attempt} at ${ageMs}`).toBe(expectedDelayMs);
};

test("a list has as many retries as delays, however old the mail", () => {
  const schedule = { delaysMs: [60_000, 300_000], repeatsLast: false };
  check(schedule, 1, 0, 60_000);
  check(schedule, 2, 60_000, 300_000);
  check(schedule, 3, 360_000, undefined);
  check(schedule, 2, 30 * DAY_MS, 300_000);
  check({ delaysMs: [0], repeatsLast: false }, 1, 0, 0);
});

test("a list that repeats goes on until the mail would be three days old", () => {
  const schedule = { delaysMs: [60_000, 300_000], repeatsLast: true };
  check(schedule, 1, 0, 60_000);
  check(schedule, 3, 0, 300_000);
  check(schedule, 500, 2 * DAY_MS, 300_000);
  check(schedule, 500, 3 * DAY_MS - 300_000, 300_000);
  check(schedule, 500, 3 * DAY_MS - 300_000 + 1, undefined);
  check(schedule, 1, 3 * DAY_MS, undefined);
});

test("the default schedule ends, in its third day", () => {
  const parsed = parseRetrySchedule("60,300,900,3600,7200,14400…");
  if (parsed.kind === "invalid") throw new Error(parsed.reason);
  const times: number[] = [];
  let nowMs: number | undefined = ACCEPTED_MS;
  for (let attempt = 1; nowMs !== undefined && attempt < 1000; attempt++) {
    times.push(nowMs - ACCEPTED_MS);
    nowMs = nextAttemptMs(parsed.schedule, attempt, ACCEPTED_MS, nowMs, 0);
  }
  expect(times.slice(0, 4)).toEqual([0, 60_000, 360_000, 1_260_000]);
  expect(times.at(-1)).toBeLessThanOrEqual(3 * DAY_MS);
  expect(times.at(-1)).toBeGreaterThan(3 * DAY_MS - 14_400_000);
});

test("jitter adds less than a tenth, and never makes a retry early", () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 14_400_000 }), random, (delayMs, random) => {
      const next = nextAttemptMs({ delaysMs: [delayMs], repeatsLast: false }, 1, ACCEPTED_MS, ACCEPTED_MS, random);
      expect(next).toSatisfy(Number.isInteger);
      expect(next).toBeGreaterThanOrEqual(ACCEPTED_MS + delayMs);
      expect(next).toBeLessThanOrEqual(ACCEPTED_MS + Math.ceil(delayMs * 1.1));
    }),
  );
  const half = nextAttemptMs({ delaysMs: [60_000], repeatsLast: false }, 1, ACCEPTED_MS, ACCEPTED_MS, 0.5);
  expect(half).toBe(ACCEPTED_MS + 63_000);
});
