/** What one try means for its event: done, again at a time, or given up. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRetrySchedule } from "../../../gateway/core/retry-schedule.ts";
import { judgeTry, readRetryAfter } from "../../../gateway/core/webhook-retry.ts";

const NOW_MS = 1_790_000_000_000;
const DAY_MS = 24 * 3600 * 1000;
const SCHEDULE = { delaysMs: [5000, 300_000], repeatsLast: false };

const judge = (status: number, attempt: number, retryAfterMs?: number) =>
  judgeTry(SCHEDULE, { attempt, sinceMs: NOW_MS }, { status, retryAfterMs }, NOW_MS, 0);

test("2xx is success, all else is not: also a redirect, and no reply", () => {
  for (const status of [200, 201, 202, 204, 299]) expect(judge(status, 1), `${status}`).toEqual({ kind: "success" });
  for (const status of [0, 100, 199, 300, 301, 304, 308, 400, 401, 404, 410, 429, 500, 503, 599])
    expect(judge(status, 1), `${status}`).toEqual({ kind: "again", dueMs: NOW_MS + 5000 });
});

test("as many tries again as there are delays", () => {
  expect(judge(500, 2)).toEqual({ kind: "again", dueMs: NOW_MS + 300_000 });
  expect(judge(500, 3)).toEqual({ kind: "failed" });
  expect(judge(200, 3)).toEqual({ kind: "success" });
});

test("what the endpoint asks for counts when it is later; it gives no more tries", () => {
  expect(judge(503, 1, 60_000)).toEqual({ kind: "again", dueMs: NOW_MS + 60_000 });
  expect(judge(503, 1, 1000)).toEqual({ kind: "again", dueMs: NOW_MS + 5000 });
  expect(judge(503, 3, 60_000)).toEqual({ kind: "failed" });
});

test("the default gives eight tries in 28 hours", () => {
  const parsed = parseRetrySchedule("5,300,1800,7200,18000,36000,36000");
  if (parsed.kind === "invalid") throw new Error(parsed.reason);
  let nowMs = NOW_MS;
  let attempt = 1;
  for (; ; attempt++) {
    const verdict = judgeTry(parsed.schedule, { attempt, sinceMs: NOW_MS }, { status: 500 }, nowMs, 0);
    if (verdict.kind !== "again") break;
    nowMs = verdict.dueMs;
  }
  expect(attempt).toBe(8);
  expect(Math.round((nowMs - NOW_MS) / 3600_000)).toBe(28);
});

test("retry-after: seconds or a date, of 429 and 503, a day at most", () => {
  const check = (status: number, header: string | null, expected: number | undefined): void =>
    expect(readRetryAfter(status, header, NOW_MS), `${status} ${header}`).toBe(expected);
  check(429, "120", 120_000);
  check(503, " 120 ", 120_000);
  check(503, "0", 0);
  check(429, new Date(NOW_MS + 90_000).toUTCString(), 90_000);
  check(429, new Date(NOW_MS - 90_000).toUTCString(), 0);
  check(429, "999999999999999999999", DAY_MS);
  check(429, new Date(NOW_MS + 400 * DAY_MS).toUTCString(), DAY_MS);
  for (const nothing of [null, "", "soon", "1.5 hours", "NaN"]) check(429, nothing, undefined);
  for (const status of [200, 301, 404, 500, 502]) check(status, "120", undefined);
});

test("whatever a header says, the wait is a whole bounded time or nothing", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^-?\d{1,30}$/)), (header) => {
      const waitMs = readRetryAfter(503, header, NOW_MS);
      if (waitMs !== undefined) expect(waitMs >= 0 && waitMs <= DAY_MS).toBe(true);
    }),
  );
});
