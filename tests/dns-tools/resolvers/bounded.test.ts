import { describe, expect, test } from "vitest";
import type { Resolve } from "#dns/resolver.ts";
import { boundedRun, RUN_BOUNDS } from "#resolvers/bounded.ts";
import { recordedResolver } from "#resolvers/recorded.ts";

const WIDE = { mostLookUps: 1000, timeoutMs: 60_000 };
const zone = recordedResolver({ "d.test": { A: ["192.0.2.1"], MX: [{ preference: 1, exchange: "mx.test" }] } });

/** A resolver that never answers, and does not listen to signals. */
const deaf: Resolve = () => new Promise(() => {});

test("a check has 200 look-ups and 10 s", () => {
  expect(RUN_BOUNDS).toEqual({ mostLookUps: 200, timeoutMs: 10_000 });
});

test("each question is asked once, however often and in whatever case", async () => {
  const run = boundedRun(zone, WIDE);
  const answers = await Promise.all([
    run.resolve("d.test", "A"),
    run.resolve("D.Test", "A"),
    run.resolve("d.test", "A"),
  ]);
  expect(new Set(answers).size).toBe(1);
  expect(await run.resolve("d.test", "A")).toBe(answers[0]);
  expect(run.lookUps()).toBe(1);
  expect(await run.resolve("d.test", "MX")).toMatchObject({ records: [{ exchange: "mx.test" }] });
  await run.resolve("e.test", "A");
  expect(run.lookUps()).toBe(3);
  expect(run.cut()).toBeUndefined();
});

describe("look-ups", () => {
  test("the last that is allowed is made, the next is not", async () => {
    const run = boundedRun(zone, { ...WIDE, mostLookUps: 2 });
    expect(await run.resolve("d.test", "A")).toMatchObject({ kind: "records" });
    expect(await run.resolve("e.test", "A")).toEqual({ kind: "nxdomain" });
    expect(run.cut()).toBeUndefined();
    expect(await run.resolve("f.test", "A")).toEqual({
      kind: "refused",
      reason: "the check ended after its 2 look-ups",
    });
    expect(await run.resolve("d.test", "A")).toMatchObject({ kind: "records" });
    expect(run.lookUps()).toBe(2);
    expect(run.cut()).toBe("the check ended after its 2 look-ups");
  });

  test("also when all are asked at once", async () => {
    const run = boundedRun(zone, { ...WIDE, mostLookUps: 200 });
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, at) => run.resolve(`n${at}.test`, "A")));
    expect(answers.filter(({ kind }) => kind === "nxdomain").length).toBe(200);
    expect(answers.filter(({ kind }) => kind === "refused").length).toBe(800);
    expect(run.lookUps()).toBe(200);
  });
});

describe("time", () => {
  test("what is under way when it ends is a time-out, what comes after is not asked", async () => {
    const run = boundedRun(deaf, { ...WIDE, timeoutMs: 50 });
    const timeout = { kind: "timeout", reason: "the check ended after its 0.05 s" };
    expect(await run.resolve("d.test", "A")).toEqual(timeout);
    expect(await run.resolve("e.test", "A")).toEqual(timeout);
    expect(run.lookUps()).toBe(1);
    expect(run.cut()).toBe(timeout.reason);
  });

  test("the resolver is told", async () => {
    let told: AbortSignal | undefined;
    const listening: Resolve = (name, type, signal) => {
      told = signal;
      return deaf(name, type);
    };
    await boundedRun(listening, { ...WIDE, timeoutMs: 50 }).resolve("d.test", "A");
    expect(told?.aborted).toBe(true);
  });

  test("a caller that gives up waits no longer, and takes the answer from nobody", async () => {
    const run = boundedRun(recordedResolver({}, 50), WIDE);
    const [impatient, patient, gone] = await Promise.all([
      run.resolve("d.test", "A", AbortSignal.timeout(5)),
      run.resolve("d.test", "A", AbortSignal.timeout(60_000)),
      run.resolve("d.test", "A", AbortSignal.abort()),
    ]);
    expect([impatient.kind, patient.kind, gone.kind]).toEqual(["timeout", "nxdomain", "timeout"]);
    expect(run.lookUps()).toBe(1);
    expect(run.cut()).toBeUndefined();
  });
});
