/**
 * 100,000 events to one endpoint that fails three times in ten, and kill -9 of the gateway three times on the way. A fifth
 * of the events are outcomes of real mail, and each kill comes while relay and gateway settle some of it. Most failures
 * are a 500; some are silence, a connection that is cut, a reply that never ends.
 *
 * To hold: what arrived is what `GET /v1/events` lists, each event at least once; and who has only what arrived knows, by
 * the order of the ids and by rank, what became of each mail.
 */
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { WEBHOOK_EVENTS } from "#contract/webhook-events.ts";
import { startSmtpServer, type ScriptedSmtpServer } from "../support/scripted-smtp-server.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { WebhookReceiver, type Answer } from "../support/webhook-receiver.ts";

/** In each step so many addresses are suppressed and so many mails sent: an event each, and two. */
const STEPS = 20;
const NOTICES_A_STEP = 4000;
const MAILS_A_STEP = 500;
const EVENTS = STEPS * (NOTICES_A_STEP + 2 * MAILS_A_STEP);
/** A step begins when fewer events than this are on their way, so that mail goes until the end. */
const AHEAD = 10_000;
/** Each tenth recipient is unknown to its server. */
const BOUNCING = 10;
/** In the middle of a step's mail, by the messages that the recipients' server has taken. */
const KILLS = [3.5, 10.5, 16.5].map((step) => Math.floor(step * MAILS_A_STEP * (1 - 1 / BOUNCING)));

let stack: Stack | undefined;
let receiver: WebhookReceiver | undefined;
let inbox: ScriptedSmtpServer | undefined;

afterEach(async () => {
  await stack?.stop();
  await receiver?.close();
  await inbox?.close();
});

const Payload = z.object({
  type: z.string(),
  data: z.object({ recipient: z.string().optional(), rank: z.int().optional() }),
});
type Payload = z.infer<typeof Payload>;

/** Remembers what was taken; three in ten fail, and of each 4000 requests ten are cut, one is not answered, one for ever. */
const unreliable = (takenAs: Map<string, Payload>): Answer => {
  let requests = 0;
  return ({ headers, body }) => {
    requests += 1;
    if (requests % 400 === 100) return "cut";
    if (requests % 4000 === 1000) return undefined;
    const isEndless = requests % 4000 === 3000;
    if (!isEndless && Math.random() < 0.3) return 500;
    takenAs.set(String(headers["webhook-id"]), Payload.parse(JSON.parse(body)));
    return isEndless ? "endless" : 200;
  };
};

/** Asks until there is an answer: the same request again changes nothing, if need be by its key. */
const insist = async (to: Stack, method: string, path: string, body?: unknown, key?: string): Promise<unknown> => {
  const headers = key === undefined ? {} : { "idempotency-key": key };
  for (;;) {
    const answer = await to.request(method, path, { body, headers }).catch(() => undefined);
    if (answer?.status === 200) return answer.body;
    await wait(100);
  }
};

const chunks = (count: number, size: number): number[] => Array.from({ length: count / size }, (_, n) => n * size);

const suppress = (to: Stack, step: number): Promise<unknown>[] =>
  chunks(NOTICES_A_STEP, 1000).map((first) => {
    const emails = Array.from({ length: 1000 }, (_, index) => `no${step}-${first + index}@dest.test`);
    return insist(to, "POST", "/v1/suppressions/batch/add", { emails });
  });

const isBouncing = (index: number): boolean => index % BOUNCING === 0;
const addressOf = (step: number, index: number): string => `r${step}-${index}@dest.test`;

const send = (to: Stack, step: number): Promise<unknown>[] =>
  chunks(MAILS_A_STEP, 100).map((first) => {
    const mails = Array.from({ length: 100 }, (_, index) => ({
      ...{ from: "a@sender.test", to: addressOf(step, first + index), subject: "Hello", text: "A line." },
    }));
    return insist(to, "POST", "/v1/emails/batch", mails, `${step}-${first}`);
  });

const makeEvents = async (to: Stack, taken: ReadonlyMap<string, unknown>): Promise<void> => {
  for (let step = 0; step < STEPS; step++) {
    while (taken.size < (step * EVENTS) / STEPS - AHEAD) await wait(5);
    await Promise.all([...suppress(to, step), ...send(to, step)]);
  }
};

const Page = z.object({ data: z.array(z.object({ id: z.string() })), has_more: z.boolean(), next: z.string() });

const listedIds = async (from: Stack): Promise<string[]> => {
  const ids: string[] = [];
  for (let after = ""; ;) {
    const page = Page.parse(await insist(from, "GET", `/v1/events?limit=100${after}`));
    for (const { id } of page.data) ids.push(id);
    if (!page.has_more) return ids;
    after = `&after=${page.next}`;
  }
};

/** By recipient, the types of its events in the order of their ids; and whether the last is the one of highest rank. */
const storiesOf = (takenAs: ReadonlyMap<string, Payload>): Map<string, string> => {
  const stories = new Map<string, { types: string[]; rank: number }>();
  for (const [, { type, data }] of [...takenAs].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (data.recipient === undefined) continue;
    const { types, rank } = stories.get(data.recipient) ?? { types: [], rank: 0 };
    expect(data.rank).toBeGreaterThan(rank);
    stories.set(data.recipient, { types: [...types, type], rank: data.rank ?? 0 });
  }
  return new Map([...stories].map(([recipient, { types }]) => [recipient, types.join(", ")]));
};

test(`${EVENTS} events, three failures in ten, three kills: what is listed arrives`, async () => {
  const unknown = Array.from({ length: STEPS * MAILS_A_STEP }, (_, index) => index).filter(isBouncing);
  const refusal = { rcpt: "550 5.1.1 no such user" };
  const recipients = Object.fromEntries(
    unknown.map((index) => [addressOf(Math.floor(index / MAILS_A_STEP), index % MAILS_A_STEP), refusal]),
  );
  const server = await startSmtpServer({ recipients });
  inbox = server;
  const takenAs = new Map<string, Payload>();
  const taking = await WebhookReceiver.start(unreliable(takenAs), { keep: false });
  receiver = taking;
  const running = await startStack({
    env: {
      ...{ HIKYAKU_ALLOW_PRIVATE: "1", HIKYAKU_WEBHOOK_RETRY: "1,1,2,...", HIKYAKU_LOG: "warn" },
      HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${server.port}?tls=none`,
    },
  });
  stack = running;
  await insist(running, "POST", "/v1/webhooks", { endpoint: taking.url, events: [...WEBHOOK_EVENTS] });

  const startedAt = Date.now();
  const seconds = (): number => (Date.now() - startedAt) / 1000;
  const making = makeEvents(running, takenAs);
  const open: number[] = [];
  for (const messages of KILLS) {
    while (server.messages.length < messages || server.openTransactions === 0) await wait(1);
    open.push(server.openTransactions);
    running.kill("workerd");
  }
  await making;
  const madeSeconds = seconds();
  // Each mail that bounces is told of as a suppression, too.
  const expected = EVENTS + unknown.length;
  await expect.poll(() => takenAs.size, { timeout: 280_000, interval: 200 }).toBe(expected);
  const arrivedSeconds = seconds();

  const listed = await listedIds(running);
  const known = new Set(listed);
  const missing = listed.filter((id) => !takenAs.has(id)).length;
  const invented = [...takenAs.keys()].filter((id) => !known.has(id)).length;
  const repeats = [...taking.taken.values()].reduce((sum, count) => sum + count - 1, 0);
  console.log(
    `${expected} events made in ${madeSeconds} s, all arrived after ${arrivedSeconds} s: requests ${taking.requests}, mail open at the kills ${open.join(", ")}, listed ${listed.length}, missing ${missing}, not listed ${invented}, repeats ${repeats}`,
  );
  expect({ listed: known.size, missing, invented }).toEqual({ listed: expected, missing: 0, invented: 0 });
  expect([...takenAs.keys()].toSorted()).toEqual(listed);

  const stories = storiesOf(takenAs);
  for (let step = 0; step < STEPS; step++)
    for (let index = 0; index < MAILS_A_STEP; index++)
      expect(stories.get(addressOf(step, index))).toBe(
        isBouncing(index) ? "email.sent, email.bounced" : "email.sent, email.delivered",
      );
});
