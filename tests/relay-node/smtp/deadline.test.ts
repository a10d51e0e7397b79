/** The moving deadline, on a clock made of a number. */
import { expect, test } from "vitest";
import { Deadline } from "../../../relay-node/smtp/deadline.ts";

const scene = () => {
  const state = { nowMs: 0, timersMade: 0, expiredAtMs: [] as number[] };
  let pending: { atMs: number; run: () => void } | undefined;
  const after = (delayMs: number, run: () => void): (() => void) => {
    state.timersMade++;
    const timer = { atMs: state.nowMs + delayMs, run };
    pending = timer;
    return () => {
      if (pending === timer) pending = undefined;
    };
  };
  const deadline = new Deadline({ nowMs: () => state.nowMs, after }, () => state.expiredAtMs.push(state.nowMs));
  const advanceTo = (nowMs: number): void => {
    while (pending && pending.atMs <= nowMs) {
      const { atMs, run } = pending;
      pending = undefined;
      state.nowMs = atMs;
      run();
    }
    state.nowMs = nowMs;
  };
  return { state, deadline, advanceTo };
};

test("expires once, at the last time set", () => {
  const { state, deadline, advanceTo } = scene();
  deadline.set(100);
  advanceTo(50);
  deadline.set(100);
  advanceTo(149);
  expect(state.expiredAtMs).toEqual([]);
  advanceTo(1000);
  expect(state.expiredAtMs).toEqual([150]);
});

test("an earlier deadline replaces a later one", () => {
  const { state, deadline, advanceTo } = scene();
  deadline.set(1000);
  deadline.set(10);
  advanceTo(2000);
  expect(state.expiredAtMs).toEqual([10]);
});

test("lifted or closed it never expires, and can be set again", () => {
  const { state, deadline, advanceTo } = scene();
  deadline.set(100);
  deadline.lift();
  advanceTo(500);
  deadline.set(100);
  deadline.close();
  advanceTo(900);
  expect(state.expiredAtMs).toEqual([]);
  deadline.set(100);
  advanceTo(2000);
  expect(state.expiredAtMs).toEqual([1000]);
});

test("a thousand commands make few timers", () => {
  const { state, deadline, advanceTo } = scene();
  for (let i = 0; i < 1000; i++) {
    deadline.set(i % 2 === 0 ? 300 : 120);
    advanceTo(state.nowMs + 1);
  }
  expect(state.expiredAtMs).toEqual([]);
  expect(state.timersMade).toBeLessThan(20);
});
