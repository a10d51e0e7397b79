/**
 * Events out: from the request that makes them until their endpoint has answered. Events are suppressed addresses, a
 * thousand a request, so that mail takes nothing of the time.
 *
 *   one endpoint        as many events as there are, to one endpoint
 *   a hundred           a hundred endpoints, of which one never answers
 *   beside a dead one   the time from event to endpoint: alone, beside another live one, beside one that never answers,
 *                       beside one that refuses the connection
 */
import { startStack, type Stack } from "../support/stack.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";
import { medianBy, memory, print, progress } from "./figures.ts";
import { cpuSecondsOf, freePort, sleep } from "./processes.ts";

const A_REQUEST = 1000;
const ENDPOINTS = 100;
/** Events whose time is taken, in a row for one account; then it is the next one's turn. */
const A_TURN = 150;
const ROUNDS = 7;

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

type Neighbours = "alone" | "besideALiveOne" | "besideASilentOne" | "besideARefusingOne";
type Latency = { p50Ms: number; p99Ms: number };
type Latencies = Latency & { p99sMs: number[] };

/**
 * Milliseconds from the request that makes an event until the endpoint has it: medians of the figures of each round.
 * In a round each account has its turn, first another one each time, so that what else the machine does meets all
 * alike. A second endpoint costs its commits, dead or alive: hence the one beside a live one.
 */
const besideADeadOne = async (stack: Stack): Promise<Record<Neighbours, Latencies> & { rounds: number }> => {
  const other = await WebhookReceiver.start(() => 200, { keep: false });
  const silent = await WebhookReceiver.start(() => undefined, { keep: false });
  const probes = {
    alone: await openProbe(stack),
    besideALiveOne: await openProbe(stack, other.url),
    besideASilentOne: await openProbe(stack, silent.url),
    besideARefusingOne: await openProbe(stack, `http://127.0.0.1:${await freePort()}/hooks`),
  };
  const turns = Object.values(probes);
  for (let round = 0; round <= ROUNDS; round++)
    for (let turn = 0; turn < turns.length; turn++) {
      const probe = turns[(round + turn) % turns.length];
      // The first round is for warming up.
      if (probe) await takeTurn(stack, probe, round > 0);
    }
  for (const receiver of [other, silent, ...turns.map(({ live }) => live)]) await receiver.close();
  return {
    rounds: ROUNDS,
    alone: latencies(probes.alone),
    besideALiveOne: latencies(probes.besideALiveOne),
    besideASilentOne: latencies(probes.besideASilentOne),
    besideARefusingOne: latencies(probes.besideARefusingOne),
  };
};

type Probe = { account: Account; live: WebhookReceiver; made: number; rounds: Latency[] };

const openProbe = async (stack: Stack, besides?: string): Promise<Probe> => {
  const account = await stack.createAccount();
  if (besides !== undefined) await listen(stack, account, besides);
  const live = await WebhookReceiver.start(() => 200, { keep: false });
  await listen(stack, account, live.url);
  return { account, live, made: 0, rounds: [] };
};

const takeTurn = async (stack: Stack, probe: Probe, isCounted: boolean): Promise<void> => {
  const latenciesMs: number[] = [];
  for (let count = 0; count < A_TURN; count++) {
    const startedAt = performance.now();
    await make(stack, probe.account, probe.made, 1);
    probe.made += 1;
    while (probe.live.taken.size < probe.made) await sleep(1);
    latenciesMs.push(performance.now() - startedAt);
  }
  if (isCounted) probe.rounds.push(latency(latenciesMs));
};

const latency = (latenciesMs: readonly number[]): Latency => {
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const quantile = (q: number): number => Math.round((sorted[Math.floor(sorted.length * q)] ?? 0) * 10) / 10;
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
};

const latencies = ({ rounds }: Probe): Latencies => ({
  p50Ms: medianBy(rounds, ({ p50Ms }) => p50Ms).p50Ms,
  p99Ms: medianBy(rounds, ({ p99Ms }) => p99Ms).p99Ms,
  p99sMs: rounds.map(({ p99Ms }) => p99Ms),
});
