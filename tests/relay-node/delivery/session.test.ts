/** One pool's WebSocket against a fake gateway: joining, credit, and outcomes that are told until acknowledged. */
import { expect, test } from "vitest";
import type { Batch, FromRelay } from "#contract/relay-protocol.ts";
import type { Session } from "../../../relay-node/delivery/session.ts";
import { TOKEN } from "../../support/fake-gateway.ts";
import { ACCOUNT, batchTo, fakeGateway, joinGateway, outcome, until } from "./relay-scene.ts";

const OTHER_ACCOUNT = "ba9876543210";

/** Keeps what it is given; finishes what a test finishes. */
class Basket {
  readonly batches: Batch[] = [];
  readonly recalls: { account: string; ks: readonly number[] }[] = [];
  take(_session: Session, batch: Batch): void {
    this.batches.push(batch);
  }
  recall(account: string, ks: readonly number[]): void {
    this.recalls.push({ account, ks });
  }
}

const finish = (session: Session, id: number, k = id, account = ACCOUNT): void =>
  session.finished(id, account, k, JSON.stringify(outcome(k)));

const settledIn = (frames: readonly FromRelay[]) => frames.filter((frame) => frame.type === "settled");

test("joins with its token and pool, says who it is and what it would take", async () => {
  const gateway = await fakeGateway();
  const { session } = joinGateway(gateway, new Basket(), { pool: "dedicated-acme" });
  await until(() => session.live);
  expect(gateway.link.authorization).toBe(`Bearer ${TOKEN}`);
  expect(gateway.link.pool).toBe("dedicated-acme");
  expect(gateway.link.frames).toEqual([
    {
      ...{ type: "hello", protocol: 1, version: "1.2.3", epoch: "epoch-1" },
      ...{ recalls: true, free: 10, seen: 0, holding: [], parts: [] },
    },
  ]);
});

test("is not live before the welcome", async () => {
  const gateway = await fakeGateway({ welcomes: false });
  const { session } = joinGateway(gateway, new Basket());
  await until(() => gateway.links.length > 0 && gateway.link.hello !== undefined);
  expect(session.live).toBe(false);
  let began = false;
  void session.whenLive().then(() => (began = true));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(began).toBe(false);
  gateway.link.send({ type: "welcome", relay: "relay-1", name: "one", pool: "default" });
  await until(() => began);
});

test("batches go to the work; credit is what the window leaves, at the batch last seen", async () => {
  const gateway = await fakeGateway();
  const work = new Basket();
  const { session } = joinGateway(gateway, work);
  await until(() => session.live);
  gateway.link.sendBatch(batchTo(["a@dest.test", "b@dest.test", "c@dest.test"]));
  gateway.link.sendBatch(batchTo(["d@dest.test"], 4));
  await until(() => work.batches.length === 2);
  expect(work.batches[0]).toEqual(batchTo(["a@dest.test", "b@dest.test", "c@dest.test"]));
  gateway.link.send({ type: "credit?" });
  await until(() => gateway.link.free === 6);
  expect(gateway.link.frames.at(-1)).toEqual({ type: "credit", free: 6, seen: 2 });
  finish(session, 101, 1);
  await until(() => session.unacknowledgedCount === 0);
  expect(gateway.link.frames.at(-1)).toMatchObject({ type: "settled", free: 7, seen: 2 });
});

test("a recall goes to the work, behind the batch before it, and is answered; before the welcome too", async () => {
  const gateway = await fakeGateway({ welcomes: false });
  const work = new Basket();
  const { session } = joinGateway(gateway, work);
  const answers = () => gateway.link.frames.filter(({ type }) => type === "recalled");
  await until(() => gateway.links.length > 0 && gateway.link.hello !== undefined);
  gateway.link.send({ type: "recall", seq: 1, account: OTHER_ACCOUNT, ks: [7] });
  await until(() => answers().length === 1);
  expect(session.live).toBe(false);
  gateway.link.send({ type: "welcome", relay: "relay-1", name: "one", pool: "default" });
  gateway.link.sendBatch(batchTo(["a@dest.test"]));
  gateway.link.send({ type: "recall", seq: 2, account: ACCOUNT, ks: [1, 2] });
  await until(() => answers().length === 2);
  expect(answers()).toEqual([1, 2].map((seq) => ({ type: "recalled", seq })));
  expect(work.batches).toHaveLength(1);
  expect(work.recalls).toEqual([
    { account: OTHER_ACCOUNT, ks: [7] },
    { account: ACCOUNT, ks: [1, 2] },
  ]);
});

test("a window that is over-filled has no credit, never less", async () => {
  const gateway = await fakeGateway();
  const { session } = joinGateway(gateway, new Basket(), { window: 2 });
  await until(() => session.live);
  gateway.link.sendBatch(batchTo(["a@dest.test", "b@dest.test", "c@dest.test"]));
  gateway.link.send({ type: "credit?" });
  await until(() => gateway.link.frames.length === 2);
  expect(gateway.link.free).toBe(0);
});

test("outcomes of one turn go in one frame, one line an account, and are forgotten when acknowledged", async () => {
  const gateway = await fakeGateway();
  const { session, acknowledged } = joinGateway(gateway, new Basket());
  await until(() => session.live);
  finish(session, 1);
  finish(session, 2, 2, OTHER_ACCOUNT);
  finish(session, 3);
  await until(() => acknowledged.length === 3);
  expect(settledIn(gateway.link.frames)).toEqual([
    {
      ...{ type: "settled", seq: 1, free: 10, seen: 0 },
      parts: [
        { account: ACCOUNT, count: 2 },
        { account: OTHER_ACCOUNT, count: 1 },
      ],
    },
  ]);
  expect(gateway.outcomes).toEqual([
    { account: ACCOUNT, outcome: outcome(1) },
    { account: ACCOUNT, outcome: outcome(3) },
    { account: OTHER_ACCOUNT, outcome: outcome(2) },
  ]);
  expect(acknowledged).toEqual([1, 2, 3]);
  expect(session.unacknowledgedCount).toBe(0);
});

test("outcomes gather only while much is in hand: then nobody waits for a single one", async () => {
  const gateway = await fakeGateway();
  const work = new Basket();
  const { session, acknowledged } = joinGateway(gateway, work, { window: 200 });
  await until(() => session.live);
  const framesFor = async (ks: readonly number[]): Promise<number> => {
    const before = settledIn(gateway.link.frames).length;
    const wanted = acknowledged.length + ks.length;
    for (const k of ks) {
      finish(session, k);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => acknowledged.length === wanted);
    return settledIn(gateway.link.frames).length - before;
  };
  expect(await framesFor([201, 202, 203, 204, 205, 206])).toBeGreaterThan(1);
  gateway.link.sendBatch(batchTo(Array.from({ length: 100 }, (_, at) => `r${at}@dest.test`)));
  await until(() => work.batches.length === 1);
  expect(await framesFor([1, 2, 3, 4, 5, 6])).toBe(1);
});

test("few frames are under way at a time; what finishes meanwhile goes together in the next", async () => {
  const gateway = await fakeGateway({ acknowledges: false });
  const { session, acknowledged } = joinGateway(gateway, new Basket());
  await until(() => session.live);
  for (let id = 1; id <= 40; id++) {
    finish(session, id);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = settledIn(gateway.link.frames);
  expect(before.length).toBeLessThanOrEqual(3);
  expect(gateway.outcomes.length).toBeLessThan(40);
  for (const { seq } of before) gateway.link.send({ type: "ack", seq });
  await until(() => gateway.outcomes.length === 40);
  expect(acknowledged.length).toBeLessThan(40);
  gateway.behaviour.acknowledges = true;
  expect(gateway.outcomes.map(({ outcome: { k } }) => k)).toEqual(Array.from({ length: 40 }, (_, at) => at + 1));
});

test("after a break it says again what was not acknowledged, and what it holds; the welcome acknowledges", async () => {
  const gateway = await fakeGateway({ acknowledges: false });
  const work = new Basket();
  const { session, acknowledged } = joinGateway(gateway, work);
  await until(() => session.live);
  gateway.link.sendBatch(batchTo(["a@dest.test", "b@dest.test", "c@dest.test"]));
  await until(() => work.batches.length === 1);
  finish(session, 101, 1);
  await until(() => gateway.outcomes.length === 1);
  gateway.link.cut();
  await until(() => !session.live);
  finish(session, 102, 2);
  await until(() => gateway.links.length === 2 && gateway.link.hello !== undefined);
  expect(gateway.link.hello).toMatchObject({
    ...{ epoch: "epoch-1", free: 9, seen: 0 },
    holding: [{ account: ACCOUNT, ks: [3] }],
    parts: [{ account: ACCOUNT, count: 2 }],
  });
  expect(gateway.outcomes.map(({ outcome: { k } }) => k)).toEqual([1, 1, 2]);
  await until(() => acknowledged.length === 2);
  expect(acknowledged).toEqual([101, 102]);
  // On a new socket the gateway counts batches anew.
  gateway.link.sendBatch(batchTo(["d@dest.test"], 4));
  gateway.link.send({ type: "credit?" });
  await until(() => gateway.link.frames.at(-1)?.type === "credit");
  expect(gateway.link.frames.at(-1)).toEqual({ type: "credit", free: 8, seen: 1 });
});

test("outcomes that finish between hello and welcome are told after it", async () => {
  const gateway = await fakeGateway({ welcomes: false });
  const { session, acknowledged } = joinGateway(gateway, new Basket());
  await until(() => gateway.links.length > 0 && gateway.link.hello !== undefined);
  finish(session, 1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(gateway.outcomes).toEqual([]);
  gateway.link.send({ type: "welcome", relay: "relay-1", name: "one", pool: "default" });
  await until(() => acknowledged.length === 1);
  expect(gateway.outcomes).toHaveLength(1);
});

test("outcomes of an earlier process ride in the first hello", async () => {
  const gateway = await fakeGateway({ welcomes: false });
  const { session, acknowledged } = joinGateway(gateway, new Basket());
  session.restore(41, ACCOUNT, outcome(1, "unknown"));
  session.restore(42, OTHER_ACCOUNT, outcome(2));
  await until(() => gateway.links.length > 0 && gateway.link.hello !== undefined);
  expect(gateway.outcomes.map(({ account, outcome: { k, kind } }) => [account, k, kind])).toEqual([
    [ACCOUNT, 1, "unknown"],
    [OTHER_ACCOUNT, 2, "delivered"],
  ]);
  expect(acknowledged).toEqual([]);
  gateway.link.send({ type: "welcome", relay: "relay-1", name: "one", pool: "default" });
  await until(() => acknowledged.length === 2);
});

test("draining: bye, no credit any more, and again after a break", async () => {
  const gateway = await fakeGateway();
  const { session } = joinGateway(gateway, new Basket());
  await until(() => session.live);
  session.drain();
  await until(() => gateway.link.frames.at(-1)?.type === "bye");
  finish(session, 1);
  await until(() => gateway.link.frames.at(-1)?.type === "settled");
  expect(gateway.link.free).toBe(0);
  gateway.link.cut();
  await until(() => gateway.links.length === 2 && gateway.link.frames.at(-1)?.type === "bye");
  expect(gateway.link.hello?.free).toBe(0);
});

test("stopping: with nothing in hand it says that it is done, and takes nothing more", async () => {
  const gateway = await fakeGateway();
  const work = new Basket();
  const { session } = joinGateway(gateway, work);
  await until(() => session.live);
  const { link } = gateway;
  session.drain();
  const stopped = session.stop();
  // On its way before the gateway heard of it.
  link.sendBatch(batchTo(["late@dest.test"]));
  await stopped;
  await until(() => link.closed !== undefined);
  expect(link.frames.slice(1)).toEqual([
    { type: "bye", done: false },
    { type: "bye", done: true },
  ]);
  expect(work.batches).toEqual([]);
  expect(link.closed?.code).toBe(1000);
});

test("stopping: with something in hand, or told and not acknowledged, it is not done", async () => {
  const check = async (leave: (session: Session) => void): Promise<void> => {
    const gateway = await fakeGateway({ acknowledges: false });
    const work = new Basket();
    const { session } = joinGateway(gateway, work);
    await until(() => session.live);
    gateway.link.sendBatch(batchTo(["a@dest.test"]));
    await until(() => work.batches.length === 1);
    leave(session);
    await session.stop();
    await until(() => gateway.link.closed !== undefined);
    expect(gateway.link.frames.filter((frame) => frame.type === "bye")).toEqual([]);
  };
  await check(() => {});
  await check((session) => finish(session, 101, 1));
});

test("a message of the sandbox goes to its account; nobody takes it while the gateway is away", async () => {
  const gateway = await fakeGateway();
  const { session } = joinGateway(gateway, new Basket());
  const message = {
    ...{ k: 5, received_at_ms: 1, mail_from: "x@bounce.test", rcpt_to: "kept@sandbox.test" },
    ...{ raw: "", raw_bytes: 0, authentication_results: [] },
  };
  expect(session.sendTrapped(ACCOUNT, JSON.stringify(message))).toBe(false);
  await until(() => session.live);
  expect(session.sendTrapped(ACCOUNT, JSON.stringify(message))).toBe(true);
  await until(() => gateway.trapped.length === 1);
  expect(gateway.trapped).toEqual([{ account: ACCOUNT, message }]);
});

test("a hello tells no more outcomes than a frame may hold; the rest is in hand until it is told", async () => {
  const gateway = await fakeGateway({ welcomes: false });
  const { session } = joinGateway(gateway, new Basket());
  const long = "x".repeat(300_000);
  for (let k = 1; k <= 10; k++) session.restore(k, ACCOUNT, { ...outcome(k), reason: long });
  await until(() => gateway.links.length > 0 && gateway.link.hello !== undefined);
  const { hello } = gateway.link;
  expect(hello?.parts).toEqual([{ account: ACCOUNT, count: 3 }]);
  expect(hello?.holding).toEqual([{ account: ACCOUNT, ks: [4, 5, 6, 7, 8, 9, 10] }]);
  gateway.link.send({ type: "welcome", relay: "relay-1", name: "one", pool: "default" });
  await until(() => session.unacknowledgedCount === 0);
  for (const frame of settledIn(gateway.link.frames))
    expect(frame).toMatchObject({ parts: [{ count: expect.toSatisfy((n: number) => n <= 3) }] });
});
