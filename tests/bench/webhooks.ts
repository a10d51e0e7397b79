/**
 * Events out: from the request that makes them until their endpoint has answered. Events are suppressed addresses, a
 * thousand a request, so that mail takes nothing of the time.
 *
 *   one endpoint        as many events as there are, to one endpoint
 *   a hundred           a hundred endpoints, of which one never answers
 *   beside a dead one   the time from event to endpoint: alone, beside another live one, beside one that never answers
 */
import { startStack, type Stack } from "../support/stack.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";
import { medianBy, memory, print, progress } from "./figures.ts";
import { cpuSecondsOf, sleep } from "./processes.ts";

const A_REQUEST = 1000;
const ENDPOINTS = 100;
const PROBES = 500;

type Account = { id: string; token: string };
/** `madeSeconds`: until the last request that made events was answered. */
type Run = { perSecond: number; seconds: number; madeSeconds: number };

export const benchWebhooks = async ({ events, runs }: { events: number; runs: number }): Promise<void> => {
  const stack = await startStack({ env: { HIKYAKU_ALLOW_PRIVATE: "1", HIKYAKU_LOG: "error" } });
  try {
    await oneEndpoint(stack, 2000);
    const cpu = (): number[] => [stack.pids().workerd, process.pid].map(cpuSecondsOf);
    const before = cpu();
    const results: Run[] = [];
    for (let run = 0; run < runs; run++) results.push(await oneEndpoint(stack, events));
    const [gateway, receiver] = cpu().map((seconds, index) =>
      Math.round(((seconds - (before[index] ?? 0)) / (runs * events)) * 1e6),
    );
    const middle = medianBy(results, ({ perSecond }) => perSecond);
    print({ bench: "webhooks", to: "one endpoint", events, ...middle, cpuMicrosecondsPerEvent: { gateway, receiver } });
    print({ bench: "webhooks", to: `${ENDPOINTS} endpoints, one stalled`, ...(await manyEndpoints(stack, events)) });
    print({ bench: "webhooks", to: "a live endpoint", ...(await besideADeadOne(stack)) });
    print({ bench: "webhooks", memoryMb: memory(stack) });
  } finally {
    await stack.stop();
  }
};

const listen = async (stack: Stack, { token }: Account, endpoint: string): Promise<void> => {
  const answer = await stack.request("POST", "/v1/webhooks", {
    body: { endpoint, events: ["suppression.added"] },
    key: token,
  });
  if (answer.status !== 200) throw new Error(`the webhook was refused: ${JSON.stringify(answer)}`);
};

const make = async (stack: Stack, { token }: Account, first: number, count: number): Promise<void> => {
  const emails = Array.from({ length: count }, (_, index) => `r${first + index}@dest.test`);
  const answer = await stack.request("POST", "/v1/suppressions/batch/add", { body: { emails }, key: token });
  if (answer.status !== 200) throw new Error(`the events were refused: ${JSON.stringify(answer)}`);
};

const makeAll = async (stack: Stack, account: Account, events: number): Promise<void> => {
  for (let first = 0; first < events; first += A_REQUEST)
    await make(stack, account, first, Math.min(A_REQUEST, events - first));
};

const rate = (count: number, startedAt: number, madeAt: number): Run => {
  const hundredths = (untilMs: number): number => Math.round((untilMs - startedAt) / 10) / 100;
  const seconds = hundredths(performance.now());
  return { perSecond: Math.round(count / seconds), seconds, madeSeconds: hundredths(madeAt) };
};

const oneEndpoint = async (stack: Stack, events: number): Promise<Run> => {
  const receiver = await WebhookReceiver.start(() => 200, { keep: false });
  const account = await stack.createAccount();
  await listen(stack, account, receiver.url);
  const startedAt = performance.now();
  await makeAll(stack, account, events);
  const madeAt = performance.now();
  while (receiver.taken.size < events) await sleep(5);
  const run = rate(events, startedAt, madeAt);
  await receiver.close();
  return run;
};

/** Each endpoint gets every event, so there are a hundred times as few. */
const manyEndpoints = async (stack: Stack, events: number): Promise<Run & { events: number }> => {
  const each = Math.max(1, Math.floor(events / ENDPOINTS));
  const account = await stack.createAccount();
  const stalled = await WebhookReceiver.start(() => undefined, { keep: false });
  await listen(stack, account, stalled.url);
  const live: WebhookReceiver[] = [];
  for (let count = 1; count < ENDPOINTS; count++) {
    const receiver = await WebhookReceiver.start(() => 200, { keep: false });
    await listen(stack, account, receiver.url);
    live.push(receiver);
  }
  const startedAt = performance.now();
  await makeAll(stack, account, each);
  const madeAt = performance.now();
  while (live.some(({ taken }) => taken.size < each)) await sleep(5);
  const run = rate(each * live.length, startedAt, madeAt);
  progress(`the stalled endpoint was asked ${stalled.requests} times`);
  for (const receiver of [stalled, ...live]) await receiver.close();
  return { events: each, ...run };
};

type Latency = { p50Ms: number; p99Ms: number };

/**
 * Milliseconds from the request that makes an event until the endpoint has it; three accounts in turn, so that what else
 * the machine does meets all alike. A second endpoint costs its commits, dead or alive: hence the one beside a live one.
 */
const besideADeadOne = async (
  stack: Stack,
): Promise<Record<"alone" | "besideALiveOne" | "besideADeadOne", Latency>> => {
  const other = await WebhookReceiver.start(() => 200, { keep: false });
  const dead = await WebhookReceiver.start(() => undefined, { keep: false });
  const probes = [await openProbe(stack), await openProbe(stack, other.url), await openProbe(stack, dead.url)] as const;
  for (let index = 0; index < PROBES; index++) for (const probe of probes) await once(stack, probe, index);
  for (const receiver of [other, dead, ...probes.map(({ live }) => live)]) await receiver.close();
  const [alone, besideLive, besideDead] = probes;
  return {
    alone: latency(alone.latenciesMs),
    besideALiveOne: latency(besideLive.latenciesMs),
    besideADeadOne: latency(besideDead.latenciesMs),
  };
};

type Probe = { account: Account; live: WebhookReceiver; latenciesMs: number[] };

const openProbe = async (stack: Stack, besides?: string): Promise<Probe> => {
  const account = await stack.createAccount();
  if (besides !== undefined) await listen(stack, account, besides);
  const live = await WebhookReceiver.start(() => 200, { keep: false });
  await listen(stack, account, live.url);
  return { account, live, latenciesMs: [] };
};

const once = async (stack: Stack, { account, live, latenciesMs }: Probe, index: number): Promise<void> => {
  const startedAt = performance.now();
  await make(stack, account, index, 1);
  while (live.taken.size <= index) await sleep(1);
  latenciesMs.push(performance.now() - startedAt);
};

const latency = (latenciesMs: readonly number[]): Latency => {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const quantile = (q: number): number => Math.round((sorted[Math.floor(sorted.length * q)] ?? 0) * 10) / 10;
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
};
