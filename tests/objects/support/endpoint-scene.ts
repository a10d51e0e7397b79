/**
 * An endpoint's object, and in place of the network a receiver whose answers are a function.
 *
 * Objects run in the test's own isolate: its `fetch` and its clock are theirs.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { idFormatter } from "#contract/ids.ts";
import { pageOf } from "#contract/pagination.ts";
import { seal, sealingKey } from "#contract/sealed.ts";
import {
  type EndpointConfig,
  type Handed,
  WebhookAttempt,
  WebhookEventDetail,
  WebhookEventSummary,
} from "#contract/webhook.ts";
import { formatWebhookSecret } from "../../../gateway/core/webhook-signature.ts";
import type { Endpoint } from "../../../gateway/objects/endpoint.ts";
import { recordLog } from "./recorded-log.ts";

export const ACCOUNT = "0123456789ab";
const WEBHOOK = 1_790_000_000_000 * 1024;
const PAGE = { limit: 100 };
/** Of an Ed25519 key that was made for tests. */
const SIGNING_KEY = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
`;

export const secretOf = (byte: number): string => formatWebhookSecret(new Uint8Array(32).fill(byte));

const sealed = async (text: string): Promise<string> =>
  seal(await sealingKey(env.HIKYAKU_MASTER_KEY, "webhook-at-rest"), text, crypto.getRandomValues(new Uint8Array(12)));

type Secret = { secret: string; untilMs?: number };

/** What an account says of its endpoint; `changes` go over it. */
export const configOf = async (
  changes: Partial<EndpointConfig> = {},
  secrets: Secret[] = [{ secret: secretOf(1) }],
): Promise<EndpointConfig> => ({
  account: ACCOUNT,
  webhook: WEBHOOK,
  id: idFormatter(ACCOUNT)(WEBHOOK),
  url: "https://hooks.example.com/in",
  status: "enabled",
  version: 1,
  secrets: await Promise.all(secrets.map(async ({ secret, ...rest }) => ({ sealed: await sealed(secret), ...rest }))),
  signingKey: await sealed(SIGNING_KEY),
  ...changes,
});

/** `count` events of when the endpoint was opened, the first with the given number. */
export const eventsOf = (count: number, first = 0): Handed[] =>
  Array.from({ length: count }, (_, index) => {
    const n = first + index;
    const k = Math.floor(openedMs / 1000) * 1000 * 1024 + n;
    const payload = JSON.stringify({ type: "email.delivered", created_at: "2026-11-24T12:00:00.000Z", data: { n } });
    return { k, id: idFormatter(ACCOUNT)(k), type: "email.delivered", atMs: openedMs, payload };
  });

let made = 0;
let openedMs = 0;
export type TestEndpoint = DurableObjectStub<Endpoint>;
export const openEndpoint = (): TestEndpoint => {
  openedMs = Date.now();
  return env.ENDPOINT.getByName(`${ACCOUNT}:${(made += 1)}`);
};

// ---- the receiver

export type Received = { id: string; url: string; headers: Headers; body: string; redirect: string };
type Answer = (received: Received, signal: AbortSignal) => Response | Promise<Response>;

/** Requests the receiver got, and how it answers; at first everything with 200. */
export type Receiver = { received: Received[]; answer: Answer; open: () => number };

/** To be called once, at the top of a test file. */
export const openReceiver = (): Receiver => {
  let open = 0;
  const receiver: Receiver = { received: [], answer: () => new Response("ok"), open: () => open };
  beforeEach(() => {
    receiver.received = [];
    receiver.answer = () => new Response("ok");
    open = 0;
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const request = new Request(input, init);
      const { url, headers, redirect } = request;
      const received = { id: headers.get("webhook-id") ?? "", url, headers, redirect, body: await request.text() };
      receiver.received.push(received);
      open += 1;
      try {
        return await receiver.answer(received, init?.signal ?? new AbortController().signal);
      } finally {
        open -= 1;
      }
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  return receiver;
};

/**
 * All that tests of an endpoint's object stand on: its receiver, and the log. After each the clock is right again and no
 * object is left. To be called once, at the top of a test file.
 */
export const openScene = (): { receiver: Receiver; log: readonly string[] } => {
  const scene = { receiver: openReceiver(), log: recordLog() };
  afterEach(async () => {
    vi.useRealTimers();
    await reset();
  });
  return scene;
};

export const untilReceived = (receiver: Receiver, count: number): Promise<void> =>
  expect.poll(() => receiver.received).toHaveLength(count);

export const refuse = (): Response => new Response("no", { status: 500 });

/** Each request waits for its answer until what is returned is called. */
export const holdBack = (receiver: Receiver): (() => void) => {
  const gate = Promise.withResolvers<void>();
  receiver.answer = async () => {
    await gate.promise;
    return new Response("ok");
  };
  return gate.resolve;
};

/** Waits until what came of at least so many requests, and of all there are, is written. */
export const untilWritten = (endpoint: TestEndpoint, receiver: Receiver, count: number): Promise<void> =>
  expect
    .poll(async () => {
      const tries = await triesIn(endpoint);
      return tries >= count && tries === receiver.received.length;
    })
    .toBe(true);

/** An answer that never comes; as `fetch` does, it ends when it is cut off. */
export const noAnswer = (_: Received, signal: AbortSignal): Promise<Response> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      reject(new Error("aborted"));
    });
  });

/** From now on it is so much later. */
export const later = (ms: number): void => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });

/** Long enough for what should not happen. */
export const aMoment = (): Promise<void> => scheduler.wait(60);

// ---- what came of it

export const all = (count: number, state: string): string[] => Array.from({ length: count }, () => state);

/** The states of all events, oldest first. */
export const statesOf = async (endpoint: TestEndpoint): Promise<string[]> => {
  const page = pageOf(WebhookEventSummary).parse(await endpoint.list(PAGE));
  return page.data.map(({ status }) => status).toReversed();
};

export const untilStates = (endpoint: TestEndpoint, expected: string[]): Promise<void> =>
  expect.poll(() => statesOf(endpoint)).toEqual(expected);

/** The tries of an event, newest first. */
export const attemptsOf = async (endpoint: TestEndpoint, id: string): Promise<WebhookAttempt[]> =>
  pageOf(WebhookAttempt).parse(await endpoint.attempts(id, PAGE)).data;

/** How often its events were tried so far, all together. */
export const triesIn = async (endpoint: TestEndpoint): Promise<number> => {
  const [row] = await rowsIn(endpoint, "SELECT SUM(tries) AS n FROM event");
  return Number(row?.["n"]);
};

/** What is shown of one event. */
export const detailOf = async (endpoint: TestEndpoint, id: string): Promise<WebhookEventDetail> =>
  WebhookEventDetail.parse(await endpoint.get(id));

/** How long until the alarm, ms. */
export const alarmInMs = async (endpoint: TestEndpoint): Promise<number | undefined> => {
  const atMs = await runInDurableObject(endpoint, (_, { storage }) => storage.getAlarm());
  return atMs === null ? undefined : atMs - Date.now();
};

/** Rings the alarm as if its time had come. */
export const ring = (endpoint: TestEndpoint): Promise<boolean> => runDurableObjectAlarm(endpoint);

/** Ends the object when it has nothing under way: what it has in memory is gone. */
export const evict = (endpoint: TestEndpoint): Promise<void> => evictDurableObject(endpoint);

/** Ends the object as a crash would, whatever is under way. The object after it. */
export const crash = async (endpoint: TestEndpoint): Promise<TestEndpoint> => {
  await runInDurableObject(endpoint, (_, state) => {
    state.abort("a crash");
  }).catch(() => undefined);
  return env.ENDPOINT.get(endpoint.id);
};

export const rowsIn = async (
  endpoint: TestEndpoint,
  statement: string,
  ...args: SqlStorageValue[]
): Promise<Record<string, SqlStorageValue>[]> =>
  runInDurableObject(endpoint, (_, { storage }) => storage.sql.exec(statement, ...args).toArray());
