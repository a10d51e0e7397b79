/** A lane: mail finds a slot that waits, a new slot or the line, in order; slots end when there is nothing to carry. */
import { afterEach, expect, test, vi } from "vitest";
import { Lane, type LaneOptions } from "../../../relay-node/delivery/lane.ts";

const IDLE_MS = 15_000;

afterEach(() => void vi.useRealTimers());

/** A lane of numbers, whose slots carry one when they are let. */
const scene = (options: Partial<LaneOptions<number>> = {}) => {
  const carrying: { job: number; done: () => void }[] = [];
  const carried: number[] = [];
  const near: number[] = [];
  let slots = 0;
  let ended = 0;
  const lane = new Lane<number>({
    limit: 2,
    idleMs: IDLE_MS,
    mayKeep: () => true,
    takeSlot: () => true,
    run: async (next) => {
      slots += 1;
      for (let job = await next(); job !== undefined; job = await next()) {
        const mail = job;
        await new Promise<void>((resolve) => carrying.push({ job: mail, done: resolve }));
        carried.push(mail);
      }
      slots -= 1;
    },
    onNear: (job) => near.push(job),
    onSlotEnd: () => (ended += 1),
    ...options,
  });
  const finish = async (count = 1): Promise<void> => {
    for (let i = 0; i < count; i++) {
      await settle();
      carrying.shift()?.done();
    }
    await settle();
  };
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return { lane, carrying, carried, near, finish, settle, slots: () => slots, ended: () => ended };
};

test("slots open up to the limit, the rest waits in line, in order", async () => {
  const { lane, carrying, carried, finish, settle, slots } = scene();
  for (let job = 1; job <= 6; job++) lane.push(job);
  await settle();
  expect(carrying.map(({ job }) => job)).toEqual([1, 2]);
  expect([slots(), lane.hasLine, lane.isIdle]).toEqual([2, true, false]);
  await finish(6);
  expect(carried).toEqual([1, 2, 3, 4, 5, 6]);
  expect(lane.hasLine).toBe(false);
});

test("a slot that waits takes the next mail; only for more mail is another opened", async () => {
  const { lane, carrying, finish, settle, slots } = scene();
  for (const job of [1, 2, 3]) {
    lane.push(job);
    await finish();
  }
  expect(slots()).toBe(1);
  lane.push(4);
  lane.push(5);
  await settle();
  expect(carrying.map(({ job }) => job)).toEqual([4, 5]);
  expect(slots()).toBe(2);
});

test("a slot that found nothing for a while ends; the lane opens anew", async () => {
  vi.useFakeTimers();
  const { lane, finish, settle, slots, ended, carrying } = scene();
  lane.push(1);
  await finish();
  await vi.advanceTimersByTimeAsync(IDLE_MS - 1);
  expect([slots(), ended(), lane.isIdle]).toEqual([1, 0, false]);
  await vi.advanceTimersByTimeAsync(1);
  expect([slots(), ended(), lane.isIdle]).toEqual([0, 1, true]);
  lane.push(2);
  await settle();
  expect(carrying.map(({ job }) => job)).toEqual([2]);
});

test("mail given in the moment a slot ends is not lost", async () => {
  vi.useFakeTimers();
  const { lane, carried, finish } = scene({ limit: 1 });
  lane.push(1);
  await finish();
  vi.advanceTimersByTime(IDLE_MS);
  lane.push(2);
  await vi.advanceTimersByTimeAsync(0);
  // The owner opens slots for what is in line whenever one ended; nothing else would.
  lane.openSlot();
  await finish();
  expect(carried).toEqual([1, 2]);
});

test("without leave for a slot the mail waits until it is opened", async () => {
  let free = 0;
  const { lane, carrying, settle } = scene({ takeSlot: () => free-- > 0 });
  lane.push(1);
  await settle();
  expect([carrying.length, lane.hasLine]).toEqual([0, true]);
  free = 1;
  lane.openSlot();
  await settle();
  expect(carrying.map(({ job }) => job)).toEqual([1]);
});

test("a slot that waits can be ended for another lane; one that carries cannot", async () => {
  const { lane, finish, slots } = scene();
  lane.push(1);
  expect(lane.endIdleSlot()).toBe(false);
  await finish();
  expect(lane.endIdleSlot()).toBe(true);
  await finish(0);
  expect([slots(), lane.isIdle, lane.endIdleSlot()]).toEqual([0, true, false]);
});

test("emptied, it gives back all that is in line, and its slots end after what they carry", async () => {
  const { lane, carried, finish, slots } = scene();
  for (let job = 1; job <= 5; job++) lane.push(job);
  await finish();
  expect(lane.empty()).toEqual([4, 5]);
  await finish(2);
  expect(carried).toEqual([1, 2, 3]);
  lane.empty();
  await finish(0);
  expect([slots(), lane.isIdle]).toEqual([0, true]);
});

test("mail is told of once, when it comes near the head of the line", async () => {
  const { lane, near, finish } = scene({ limit: 1 });
  for (let job = 1; job <= 60; job++) lane.push(job);
  expect(near.length).toBeLessThan(30);
  await finish(60);
  expect(near).toEqual([...new Set(near)].toSorted((a, b) => a - b));
  expect(near.slice(-30)).toEqual(Array.from({ length: 30 }, (_, at) => 31 + at));
});
