/** How hard an endpoint may be called: the window, the breaker and its probes, and when it is given up. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  afterReply,
  type EndpointHealth,
  FAILING_LIMIT_MS,
  FAILURES_TO_OPEN,
  HEALTHY,
  isGivenUp,
  isOpen,
  LARGEST_WINDOW,
  mayBegin,
} from "../../../gateway/core/endpoint-breaker.ts";

const NOW_MS = 1_790_000_000_000;
const PROBE_MS = 5000;

/** The health after these statuses, one a millisecond, each sent when it was answered. */
const after = (statuses: number[], health: EndpointHealth = HEALTHY, nowMs = NOW_MS): EndpointHealth =>
  statuses.reduce(
    (now, status, index) => afterReply(now, { status, beganMs: nowMs + index }, nowMs + index, 0),
    health,
  );
const failing = (count: number, status = 500): number[] => Array.from({ length: count }, () => status);
const OPENED = after(failing(FAILURES_TO_OPEN));

test("each success widens the window by one, up to its end", () => {
  expect(after([200]).window).toBe(HEALTHY.window + 1);
  expect(after(failing(100, 204))).toEqual({ ...HEALTHY, window: LARGEST_WINDOW });
});

test("signs of strain halve the window, an error does not", () => {
  const check = (status: number, window: number): void => expect(after([status]).window, `${status}`).toBe(window);
  for (const status of [0, 429, 503]) check(status, HEALTHY.window / 2);
  for (const status of [301, 400, 404, 410, 500, 502]) check(status, HEALTHY.window);
  expect(after(failing(FAILURES_TO_OPEN - 1, 0)).window).toBe(1);
});

test("as many requests as the window has, none before its time", () => {
  const check = (health: Partial<EndpointHealth>, inFlight: number, expected: boolean): void =>
    expect(mayBegin({ ...HEALTHY, ...health }, inFlight, NOW_MS), JSON.stringify(health)).toBe(expected);
  check({ window: 3 }, 2, true);
  check({ window: 3 }, 3, false);
  check({ resumeAtMs: NOW_MS }, 0, true);
  check({ resumeAtMs: NOW_MS + 1 }, 0, false);
  check({ window: 20, failures: FAILURES_TO_OPEN }, 0, true);
  check({ window: 20, failures: FAILURES_TO_OPEN }, 1, false);
});

test("the breaker opens after failures in a row only", () => {
  expect(isOpen(after(failing(FAILURES_TO_OPEN - 1)))).toBe(false);
  expect(isOpen(OPENED)).toBe(true);
  expect(isOpen(after([...failing(FAILURES_TO_OPEN - 1), 200, ...failing(FAILURES_TO_OPEN - 1)]))).toBe(false);
});

test("probes come at growing intervals, half an hour at most", () => {
  let health = OPENED;
  let nowMs = NOW_MS + FAILURES_TO_OPEN - 1;
  const waits: number[] = [];
  for (let probe = 0; probe < 12; probe++) {
    waits.push(health.resumeAtMs - nowMs);
    expect(mayBegin(health, 0, health.resumeAtMs - 1)).toBe(false);
    nowMs = health.resumeAtMs;
    health = after([500], health, nowMs);
  }
  expect(waits.slice(0, 4)).toEqual([PROBE_MS, 2 * PROBE_MS, 4 * PROBE_MS, 8 * PROBE_MS]);
  expect(waits.slice(-2)).toEqual([1_800_000, 1_800_000]);
});

test("what was on its way when the breaker opened lengthens nothing", () => {
  const late = after(failing(30), OPENED, NOW_MS + 100);
  expect(late).toMatchObject({ probes: 0, resumeAtMs: OPENED.resumeAtMs });
});

test("one success closes the breaker, and the window begins small", () => {
  const closed = after([200], OPENED, OPENED.resumeAtMs);
  expect(closed).toMatchObject({ failures: 0, failingSinceMs: null, probes: 0, resumeAtMs: 0, window: 2 });
  expect(mayBegin(closed, 1, OPENED.resumeAtMs)).toBe(true);
});

test("a pause the endpoint asks for holds for all, also when another request succeeds, never shorter", () => {
  const reply = (retryAfterMs: number) => ({ status: 429, retryAfterMs, beganMs: NOW_MS });
  const paused = afterReply(HEALTHY, reply(60_000), NOW_MS, 0);
  expect(paused.resumeAtMs).toBe(NOW_MS + 60_000);
  expect(after([200], paused).resumeAtMs).toBe(NOW_MS + 60_000);
  expect(afterReply(paused, reply(1000), NOW_MS, 0).resumeAtMs).toBe(NOW_MS + 60_000);
  expect(afterReply(OPENED, { ...reply(3_600_000), beganMs: OPENED.resumeAtMs }, OPENED.resumeAtMs, 0).resumeAtMs).toBe(
    OPENED.resumeAtMs + 3_600_000,
  );
});

test("given up: failing without one success for five days, and not by a single failure", () => {
  const since = NOW_MS;
  const check = (health: EndpointHealth, ageMs: number, expected: boolean): void =>
    expect(isGivenUp(health, since + ageMs)).toBe(expected);
  check(OPENED, FAILING_LIMIT_MS, true);
  check(OPENED, FAILING_LIMIT_MS - 1, false);
  check(after([500]), 2 * FAILING_LIMIT_MS, false);
  check(after([200], OPENED), 2 * FAILING_LIMIT_MS, false);
  check(HEALTHY, 2 * FAILING_LIMIT_MS, false);
});

test("whatever comes, the window stays in its bounds and no pause is longer than a day", () => {
  const reply = fc.record({
    status: fc.constantFrom(0, 200, 204, 301, 410, 429, 500, 503),
    retryAfterMs: fc.option(fc.integer({ min: 0, max: 86_400_000 }), { nil: undefined }),
    agoMs: fc.integer({ min: 0, max: 15_000 }),
    afterMs: fc.integer({ min: 0, max: 3_600_000 }),
  });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(reply, random), { maxLength: 200 }), (replies) => {
      let health = HEALTHY;
      let nowMs = NOW_MS;
      for (const [{ agoMs, afterMs, ...answer }, chance] of replies) {
        nowMs += afterMs;
        health = afterReply(health, { ...answer, beganMs: nowMs - agoMs }, nowMs, chance);
        expect(health.window).toBeGreaterThanOrEqual(1);
        expect(health.window).toBeLessThanOrEqual(LARGEST_WINDOW);
        expect(health.resumeAtMs).toBeLessThanOrEqual(nowMs + 86_400_000);
        // However it stands, a request may go in the end.
        expect(mayBegin(health, 0, Math.max(nowMs, health.resumeAtMs))).toBe(true);
      }
    }),
  );
});
