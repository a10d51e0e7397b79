/** The sliding window against a model that keeps every use with its time: never more, and hardly ever less. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SlidingWindow } from "../../../gateway/core/sliding-window.ts";

// ---- by hand --------------------------------------------------------------------------------------------

test("a use counts for the whole window and not a millisecond more", () => {
  const window = new SlidingWindow({ windowMs: 1000, slotMs: 1 });
  expect(window.add(2, 5000)).toEqual({ slot: 5000, uses: 2 });
  expect(window.add(1, 5000)).toEqual({ slot: 5000, uses: 3 });
  expect(window.add(4, 5400)).toEqual({ slot: 5400, uses: 4 });
  expect([window.used(5999), window.resetsAtMs(5999), window.oldestSlot(5999)]).toEqual([7, 6000, 5000]);
  expect([window.used(6000), window.resetsAtMs(6000), window.oldestSlot(6000)]).toEqual([4, 6400, 5001]);
  expect([window.used(6400), window.resetsAtMs(6400), window.oldestSlot(6400)]).toEqual([0, undefined, 5401]);
});

test("a longer slot counts until its last millisecond has left", () => {
  const window = new SlidingWindow({ windowMs: 1000, slotMs: 100 });
  expect(window.add(1, 5000)).toEqual({ slot: 50, uses: 1 });
  expect(window.add(1, 5099)).toEqual({ slot: 50, uses: 2 });
  expect([window.used(6098), window.resetsAtMs(6098), window.oldestSlot(6098)]).toEqual([2, 6099, 50]);
  expect([window.used(6099), window.resetsAtMs(6099), window.oldestSlot(6099)]).toEqual([0, undefined, 51]);
});

test("what remains is never negative, also under a limit that was lowered", () => {
  const window = new SlidingWindow({ windowMs: 1000, slotMs: 1 });
  window.add(7, 5000);
  const check = (limit: number, expected: number): void => expect(window.remaining(limit, 5500)).toBe(expected);
  check(10, 3);
  check(7, 0);
  check(2, 0);
});

test("when more fit", () => {
  const window = new SlidingWindow({ windowMs: 1000, slotMs: 1 });
  window.add(3, 5000);
  window.add(4, 5400);
  const check = (count: number, limit: number, expectedMs: number): void =>
    expect(window.fitsAtMs(count, limit, 5500), `${count} of ${limit}`).toBe(expectedMs);
  check(3, 10, 5500);
  check(4, 10, 6000);
  check(6, 10, 6000);
  check(7, 10, 6400);
  check(10, 10, 6400);
  check(11, 10, Infinity);
  check(1, 0, Infinity);
  // Nothing fits always, as `remaining` says; also when a lowered limit is overdrawn.
  check(0, 7, 5500);
  check(0, 2, 5500);
});

test("nothing booked is nothing used, and leaves no trace among the uses", () => {
  const window = new SlidingWindow({ windowMs: 1000, slotMs: 100 }, [[48, 0]]);
  expect([window.used(5000), window.resetsAtMs(5000)]).toEqual([0, undefined]);
  expect(window.add(0, 5000)).toEqual({ slot: 50, uses: 0 });
  expect([window.used(5000), window.resetsAtMs(5000)]).toEqual([0, undefined]);
  expect(window.add(2, 5050)).toEqual({ slot: 50, uses: 2 });
  expect(window.add(0, 5070)).toEqual({ slot: 50, uses: 2 });
  expect(window.add(0, 5100)).toEqual({ slot: 51, uses: 0 });
  expect(window.add(1, 5200)).toEqual({ slot: 52, uses: 1 });
  expect([window.used(5200), window.resetsAtMs(5200)]).toEqual([3, 6099]);
  expect([window.used(6099), window.resetsAtMs(6099)]).toEqual([1, 6299]);
});

test("a clock that jumped ahead and came back: empty, then filled once until the clock is there again", () => {
  const window = new SlidingWindow({ windowMs: 1000, slotMs: 1 });
  window.add(5, 5000);
  expect(window.used(90_000)).toBe(0);
  expect(window.add(5, 5001)).toEqual({ slot: 90_000, uses: 5 });
  expect([window.remaining(5, 7000), window.fitsAtMs(1, 5, 7000)]).toEqual([0, 91_000]);
  expect([window.remaining(5, 90_999), window.remaining(5, 91_000)]).toEqual([0, 5]);
});

// ---- against the model ----------------------------------------------------------------------------------

type Use = { atMs: number; count: number };

/** Each use with its time. A use at `t` is in the window while `now - t < windowMs`. */
const usedOf = (uses: readonly Use[], windowMs: number, nowMs: number): number =>
  uses.reduce((sum, { atMs, count }) => sum + (atMs <= nowMs && nowMs - atMs < windowMs ? count : 0), 0);

const START_MS = 1_790_000_000_000;
/** Short, so that uses come and go often; slots that divide the window and slots that do not, or are longer. */
const windowMs = fc.integer({ min: 1, max: 40 });
const slotMs = fc.integer({ min: 1, max: 50 });
const startMs = fc.integer({ min: START_MS, max: START_MS + 50 });

const want = { count: fc.nat(6), limit: fc.nat(12) };
/** Time passes, mostly a little; somebody wants `count` under the limit of that moment. */
const step = fc.record({
  passMs: fc.oneof({ weight: 5, arbitrary: fc.nat(12) }, { weight: 1, arbitrary: fc.nat(120) }),
  ...want,
});
const steps = fc.array(step, { minLength: 1, maxLength: 60 });
/** The same with a clock that goes back as often as it likes. */
const wildSteps = fc.array(fc.record({ passMs: fc.integer({ min: -60, max: 60 }), ...want }), { maxLength: 60 });

/** As the account does it: asks, and books only what there is room for. */
const admit = (window: SlidingWindow, count: number, limit: number, nowMs: number): boolean => {
  if (count > window.remaining(limit, nowMs)) return false;
  window.add(count, nowMs);
  return true;
};

test("with slots of a millisecond it admits exactly what the model admits, whatever the limit becomes", () => {
  fc.assert(
    fc.property(windowMs, startMs, steps, (windowMs, startMs, steps) => {
      const window = new SlidingWindow({ windowMs, slotMs: 1 });
      const uses: Use[] = [];
      let nowMs = startMs;
      for (const { passMs, count, limit } of steps) {
        nowMs += passMs;
        const oldest = uses.find(({ atMs, count }) => count > 0 && nowMs - atMs < windowMs);
        // Asked first: each question lets time pass by itself.
        expect(window.resetsAtMs(nowMs)).toBe(oldest && oldest.atMs + windowMs);
        const used = usedOf(uses, windowMs, nowMs);
        expect(window.used(nowMs)).toBe(used);
        expect(window.remaining(limit, nowMs)).toBe(Math.max(0, limit - used));
        const fits = count === 0 || used + count <= limit;
        expect(admit(window, count, limit, nowMs)).toBe(fits);
        if (fits) uses.push({ atMs: nowMs, count });
      }
    }),
    { numRuns: 500 },
  );
});

test("with any slots no window ever holds more than the limit its last use came under", () => {
  fc.assert(
    fc.property(windowMs, slotMs, startMs, steps, (windowMs, slotMs, startMs, steps) => {
      const window = new SlidingWindow({ windowMs, slotMs });
      const uses: (Use & { limit: number })[] = [];
      let nowMs = startMs;
      for (const { passMs, count, limit } of steps) {
        nowMs += passMs;
        if (count > 0 && admit(window, count, limit, nowMs)) uses.push({ atMs: nowMs, count, limit });
      }
      for (let endMs = startMs; endMs <= nowMs + windowMs; endMs++) {
        const last = uses.findLast(({ atMs }) => atMs <= endMs);
        expect(usedOf(uses, windowMs, endMs)).toBeLessThanOrEqual(last?.limit ?? 0);
      }
    }),
    { numRuns: 500 },
  );
});

test("with any slots a use counts for the window at least, and for less than a slot more", () => {
  fc.assert(
    fc.property(windowMs, slotMs, startMs, steps, (windowMs, slotMs, startMs, steps) => {
      const window = new SlidingWindow({ windowMs, slotMs });
      const uses: Use[] = [];
      let nowMs = startMs;
      for (const { passMs, count, limit } of steps) {
        for (const untilMs = nowMs + passMs; nowMs < untilMs; nowMs++) {
          const used = window.used(nowMs);
          expect(used).toBeGreaterThanOrEqual(usedOf(uses, windowMs, nowMs));
          expect(used).toBeLessThanOrEqual(usedOf(uses, windowMs + slotMs - 1, nowMs));
        }
        if (admit(window, count, limit, nowMs)) uses.push({ atMs: nowMs, count });
      }
    }),
    { numRuns: 300 },
  );
});

test("a clock that goes back admits what a clock that stood still would, and books it there", () => {
  fc.assert(
    fc.property(windowMs, slotMs, startMs, wildSteps, (windowMs, slotMs, startMs, steps) => {
      const window = new SlidingWindow({ windowMs, slotMs });
      const steady = new SlidingWindow({ windowMs, slotMs });
      const uses: Use[] = [];
      let nowMs = startMs;
      let latestMs = 0;
      let lastSlot = 0;
      for (const { passMs, count, limit } of steps) {
        nowMs += passMs;
        latestMs = Math.max(latestMs, nowMs);
        expect(window.remaining(limit, nowMs)).toBe(steady.remaining(limit, latestMs));
        expect(window.resetsAtMs(nowMs)).toBe(steady.resetsAtMs(latestMs));
        expect(window.oldestSlot(nowMs)).toBe(steady.oldestSlot(latestMs));
        // The room it sees is never more than the model's, which sees the time that stood still.
        const room = Math.max(0, limit - usedOf(uses, windowMs, latestMs));
        expect(window.remaining(limit, nowMs)).toBeLessThanOrEqual(room);
        if (count > window.remaining(limit, nowMs)) continue;
        const booked = window.add(count, nowMs);
        expect(booked).toEqual(steady.add(count, latestMs));
        expect(booked.slot).toBeGreaterThanOrEqual(lastSlot);
        lastSlot = booked.slot;
        uses.push({ atMs: latestMs, count });
      }
    }),
    { numRuns: 500 },
  );
});

/** The rows of a window: what `add` said, last word per slot; `sweep` drops those that count no more. */
class Rows {
  readonly #uses = new Map<number, number>();

  keep({ slot, uses }: { slot: number; uses: number }): void {
    this.#uses.set(slot, uses);
  }

  sweep(oldestSlot: number): void {
    for (const slot of this.#uses.keys()) if (slot < oldestSlot) this.#uses.delete(slot);
  }

  entries(): [slot: number, uses: number][] {
    return [...this.#uses].toSorted(([a], [b]) => a - b);
  }
}

test("rebuilt from its rows, swept or not, it is the window that lived on", () => {
  const restarts = fc.array(fc.constantFrom("no", "no", "no", "restart", "sweep and restart"), {
    minLength: 60,
    maxLength: 60,
  });
  fc.assert(
    fc.property(windowMs, slotMs, startMs, steps, restarts, (windowMs, slotMs, startMs, steps, restarts) => {
      const lived = new SlidingWindow({ windowMs, slotMs });
      let rebuilt = new SlidingWindow({ windowMs, slotMs });
      const rows = new Rows();
      let nowMs = startMs;
      for (const [at, { passMs, count, limit }] of steps.entries()) {
        nowMs += passMs;
        if (restarts[at] === "sweep and restart") rows.sweep(lived.oldestSlot(nowMs));
        if (restarts[at] !== "no") rebuilt = new SlidingWindow({ windowMs, slotMs }, rows.entries());
        expect(rebuilt.used(nowMs)).toBe(lived.used(nowMs));
        expect(rebuilt.resetsAtMs(nowMs)).toBe(lived.resetsAtMs(nowMs));
        expect(rebuilt.fitsAtMs(count, limit, nowMs)).toBe(lived.fitsAtMs(count, limit, nowMs));
        if (count > lived.remaining(limit, nowMs)) continue;
        const booked = rebuilt.add(count, nowMs);
        expect(booked).toEqual(lived.add(count, nowMs));
        rows.keep(booked);
      }
    }),
    { numRuns: 500 },
  );
});

test("restarts and a clock that goes back together: no slots of a window's length hold more than was allowed", () => {
  fc.assert(
    fc.property(windowMs, startMs, wildSteps, fc.nat(4), (windowMs, startMs, steps, every) => {
      const rows = new Rows();
      const uses: (Use & { limit: number })[] = [];
      let window = new SlidingWindow({ windowMs, slotMs: 1 });
      let nowMs = startMs;
      for (const [at, { passMs, count, limit }] of steps.entries()) {
        nowMs += passMs;
        if (at % (every + 1) === every) window = new SlidingWindow({ windowMs, slotMs: 1 }, rows.entries());
        if (count === 0 || count > window.remaining(limit, nowMs)) continue;
        const booked = window.add(count, nowMs);
        rows.keep(booked);
        // With slots of a millisecond the slot is the time the window holds it to be.
        uses.push({ atMs: booked.slot, count, limit });
        expect(usedOf(uses, windowMs, booked.slot)).toBeLessThanOrEqual(limit);
      }
      expect(uses.map(({ atMs }) => atMs)).toEqual(uses.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
    }),
    { numRuns: 300 },
  );
});

test("the oldest slot that still counts: one use in it is used, one in the slot before is not", () => {
  fc.assert(
    fc.property(windowMs, slotMs, startMs, (windowMs, slotMs, startMs) => {
      const oldest = new SlidingWindow({ windowMs, slotMs }).oldestSlot(startMs);
      const check = (slot: number, expected: number): void =>
        expect(new SlidingWindow({ windowMs, slotMs }, [[slot, 1]]).used(startMs)).toBe(expected);
      check(oldest, 1);
      check(oldest - 1, 0);
    }),
  );
});

test("at the time it names they fit, and a millisecond before they do not", () => {
  fc.assert(
    fc.property(windowMs, slotMs, startMs, steps, step, (windowMs, slotMs, startMs, steps, asked) => {
      const window = new SlidingWindow({ windowMs, slotMs });
      let nowMs = startMs;
      for (const { passMs, count, limit } of steps) {
        nowMs += passMs;
        admit(window, count, limit, nowMs);
      }
      const { count, limit } = asked;
      const atMs = window.fitsAtMs(count, limit, nowMs);
      if (count > limit) {
        expect(atMs).toBe(Infinity);
        return;
      }
      expect(atMs).toBeGreaterThanOrEqual(nowMs);
      // Asked in order: time inside does not go back.
      if (atMs > nowMs) expect(window.remaining(limit, atMs - 1)).toBeLessThan(count);
      expect(window.remaining(limit, atMs)).toBeGreaterThanOrEqual(count);
    }),
    { numRuns: 500 },
  );
});
