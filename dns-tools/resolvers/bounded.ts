/**
 * The port for one run on one domain: so many look-ups, so much time, and each question asked once.
 *
 * What the run could not ask or await any more is a failure with the reason, never "not there"; a record that was made
 * to cost look-ups can make a run end early, and cannot make it go on. A run is used once and keeps its answers.
 */
import type { Answer, RecordType, Resolve } from "#dns/resolver.ts";

export type Bounds = { mostLookUps: number; timeoutMs: number };

/** Of a check of one domain. */
export const RUN_BOUNDS: Bounds = { mostLookUps: 200, timeoutMs: 10_000 };

export type BoundedRun = {
  resolve: Resolve;
  /** Look-ups that were passed on so far. */
  lookUps: () => number;
  /** What ended the run before all its questions had their answers, in words; `undefined`: nothing did. */
  cut: () => string | undefined;
};

type Failure = { kind: "timeout" | "refused"; reason: string };
type Asked = { [T in RecordType]: Map<string, Promise<Answer<T>>> };

/** Starts a run: its time runs from here. */
export const boundedRun = (resolve: Resolve, { mostLookUps, timeoutMs }: Bounds = RUN_BOUNDS): BoundedRun => {
  const deadline = AbortSignal.timeout(timeoutMs);
  const asked: Asked = {
    A: new Map(),
    AAAA: new Map(),
    CAA: new Map(),
    CNAME: new Map(),
    MX: new Map(),
    NS: new Map(),
    PTR: new Map(),
    SOA: new Map(),
    SPF: new Map(),
    TLSA: new Map(),
    TXT: new Map(),
  };
  let lookUps = 0;
  let cut: string | undefined;
  const outOfTime = (): Failure => {
    cut ??= `the check ended after its ${timeoutMs / 1000} s`;
    return { kind: "timeout", reason: cut };
  };
  const look = async <T extends RecordType>(name: string, type: T): Promise<Answer<T>> => {
    if (deadline.aborted) return outOfTime();
    if (lookUps >= mostLookUps) {
      cut ??= `the check ended after its ${mostLookUps} look-ups`;
      return { kind: "refused", reason: cut };
    }
    lookUps++;
    return within(deadline, resolve(name, type, deadline), outOfTime);
  };
  const bounded: Resolve = <T extends RecordType>(name: string, type: T, signal?: AbortSignal): Promise<Answer<T>> => {
    const key = name.toLowerCase();
    const answer = asked[type].get(key) ?? look(name, type);
    asked[type].set(key, answer);
    // Who gives up waits no longer; the look-up goes on for those who share it.
    return signal ? within(signal, answer, () => ({ kind: "timeout", reason: "it was not waited for" })) : answer;
  };
  return { resolve: bounded, lookUps: () => lookUps, cut: () => cut };
};

/** The answer, or what to say when the signal comes first. */
const within = <T extends RecordType>(
  signal: AbortSignal,
  answer: Promise<Answer<T>>,
  otherwise: () => Failure,
): Promise<Answer<T>> =>
  new Promise((resolve, reject) => {
    const give = (): void => resolve(otherwise());
    if (signal.aborted) return give();
    signal.addEventListener("abort", give);
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", give));
  });
