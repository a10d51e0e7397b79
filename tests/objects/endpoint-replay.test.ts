/** What an owner sees of an endpoint's events, and how they are sent again. */
import { expect, test } from "vitest";
import { kToMs } from "#contract/ids.ts";
import { pageOf } from "#contract/pagination.ts";
import { WebhookAttempt, WebhookEventSummary } from "#contract/webhook.ts";
import {
  attemptsOf,
  configOf,
  detailOf,
  eventsOf,
  noAnswer,
  openEndpoint,
  openScene,
  ring,
  rowsIn,
  statesOf,
  untilReceived,
  untilStates,
} from "./support/endpoint-scene.ts";

const { receiver } = openScene();

test("a list goes newest first, page by page, both ways", async () => {
  const endpoint = openEndpoint();
  const events = eventsOf(5);
  const ids = events.map(({ id }) => id);
  await endpoint.take(await configOf(), events);
  await untilStates(
    endpoint,
    events.map(() => "success"),
  );
  const check = async (
    query: Parameters<typeof endpoint.list>[0],
    expected: number[],
    more: boolean,
  ): Promise<void> => {
    const page = pageOf(WebhookEventSummary).parse(await endpoint.list(query));
    expect([page.data.map(({ id }) => ids.indexOf(id)), page.has_more], JSON.stringify(query)).toEqual([
      expected,
      more,
    ]);
  };
  await check({ limit: 2 }, [4, 3], true);
  await check({ limit: 2, after: ids[3] }, [2, 1], true);
  await check({ limit: 2, after: ids[1] }, [0], false);
  await check({ limit: 2, before: ids[0] }, [2, 1], true);
  await check({ limit: 5, before: ids[3] }, [4], false);
  const page = pageOf(WebhookEventSummary).parse(await endpoint.list({ limit: 1 }));
  const [newest] = events.slice(-1);
  expect(page.data[0]).toEqual({
    id: newest?.id,
    type: "email.delivered",
    created_at: new Date(newest?.atMs ?? 0).toISOString(),
    status: "success",
  });
});

test("an event is shown with its payload; what is unknown is not found", async () => {
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  const nothing = { kind: "problem", code: "not_found" };
  expect(await endpoint.list({ limit: 1 })).toMatchObject({ data: [] });
  expect(await endpoint.get(event?.id ?? "")).toMatchObject(nothing);
  await endpoint.take(await configOf(), eventsOf(1));
  await untilStates(endpoint, ["success"]);
  expect(await detailOf(endpoint, event?.id ?? "")).toMatchObject({
    object: "webhook_event",
    id: event?.id,
    next_attempt_at: null,
    payload: JSON.parse(event?.payload ?? ""),
  });
  const others = ["", "no-id", "01939f2a-7000-7000-8000-000000000001", eventsOf(1, 7)[0]?.id ?? ""];
  for (const id of others) {
    expect(await endpoint.get(id), id).toMatchObject(nothing);
    expect(await endpoint.attempts(id, { limit: 1 }), id).toMatchObject(nothing);
    expect(await endpoint.replay(id), id).toMatchObject(nothing);
    if (id !== others[3]) expect(await endpoint.list({ limit: 1, after: id }), id).toMatchObject(nothing);
  }
});

test("one that was delivered goes again, as a new try of the same event", async () => {
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  await endpoint.take(await configOf(), eventsOf(1));
  await untilStates(endpoint, ["success"]);
  expect(await endpoint.replay(event?.id ?? "")).toEqual({ object: "webhook_event", id: event?.id });
  await untilReceived(receiver, 2);
  await untilStates(endpoint, ["success"]);
  expect(receiver.received.map(({ id }) => id)).toEqual([event?.id, event?.id]);
  expect((await attemptsOf(endpoint, event?.id ?? "")).map(({ id }) => id)).toEqual([
    `${event?.id}-2`,
    `${event?.id}-1`,
  ]);
});

test("one that has failed has all its tries again; one that waits has its next at once", async () => {
  receiver.answer = () => new Response("no", { status: 500 });
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  const id = event?.id ?? "";
  await endpoint.take(await configOf(), eventsOf(1));
  await expect.poll(async () => (await attemptsOf(endpoint, id)).length).toBe(1);
  expect(await statesOf(endpoint)).toEqual(["pending"]);
  await endpoint.replay(id);
  await expect.poll(async () => (await attemptsOf(endpoint, id)).length).toBe(2);
  expect(await rowsIn(endpoint, "SELECT attempt FROM event")).toEqual([{ attempt: 2 }]);

  await rowsIn(endpoint, "UPDATE event SET attempt = 7, due = ?", Date.now() - 1);
  await ring(endpoint);
  await untilStates(endpoint, ["failed"]);
  await endpoint.replay(id);
  await expect.poll(async () => (await attemptsOf(endpoint, id)).length).toBe(4);
  expect(await statesOf(endpoint)).toEqual(["pending"]);
  expect(await rowsIn(endpoint, "SELECT attempt, tries FROM event")).toEqual([{ attempt: 1, tries: 4 }]);
});

test("what is on its way is not sent twice by a replay", async () => {
  receiver.answer = noAnswer;
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  await endpoint.take(await configOf(), eventsOf(1));
  await untilReceived(receiver, 1);
  await endpoint.replay(event?.id ?? "");
  expect(await endpoint.replayMany({ status: "all" })).toBe(0);
  await scheduler.wait(50);
  expect(receiver.received).toHaveLength(1);
});

test("all that failed, or all of a range of time", async () => {
  const endpoint = openEndpoint();
  const events = eventsOf(10);
  // The odd ones fail for good.
  receiver.answer = ({ body }) => new Response("", { status: JSON.parse(body).data.n % 2 ? 500 : 200 });
  await endpoint.take(await configOf(), events);
  await untilReceived(receiver, 10);
  await expect.poll(() => rowsIn(endpoint, "SELECT COUNT(*) AS n FROM event WHERE tries = 1")).toEqual([{ n: 10 }]);
  await rowsIn(endpoint, "UPDATE event SET state = 'failed', due = NULL WHERE state = 'pending'");
  await rowsIn(endpoint, 'UPDATE standing SET json = json_patch(json, \'{"pending": 0, "failed": 5}\')');
  receiver.answer = () => new Response("ok");

  const atMs = kToMs(events[0]?.k ?? 0);
  expect(await endpoint.replayMany({ status: "failed", untilMs: atMs })).toBe(0);
  expect(await endpoint.replayMany({ status: "failed", sinceMs: atMs + 1 })).toBe(0);
  expect(await endpoint.replayMany({ status: "failed", sinceMs: atMs, untilMs: atMs + 1 })).toBe(5);
  await untilReceived(receiver, 15);
  await untilStates(
    endpoint,
    events.map(() => "success"),
  );
  expect(await endpoint.replayMany({ status: "failed" })).toBe(0);
  expect(await endpoint.replayMany({ status: "all", sinceMs: atMs })).toBe(10);
  await untilReceived(receiver, 25);
});

test("a replay of thousands goes in parts and misses none", async () => {
  const endpoint = openEndpoint();
  await endpoint.configure(await configOf({ status: "disabled" }));
  await rowsIn(
    endpoint,
    `WITH RECURSIVE n (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 2500)
     INSERT INTO event SELECT ? + k, 'failed', NULL, 0, 8, 8, 0, '', '', '{}', '[]' FROM n`,
    (Date.now() - 3600_000) * 1024,
  );
  expect(await endpoint.replayMany({ status: "failed" })).toBe(2500);
  expect(await rowsIn(endpoint, "SELECT state, COUNT(*) AS n FROM event GROUP BY state")).toEqual([
    { state: "pending", n: 2500 },
  ]);
});

test("of one event the last 20 tries are kept, each with its own id", async () => {
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  const id = event?.id ?? "";
  await endpoint.take(await configOf(), eventsOf(1));
  for (let tries = 1; tries <= 23; tries++) {
    await expect.poll(() => rowsIn(endpoint, "SELECT state, tries FROM event")).toEqual([{ state: "success", tries }]);
    if (tries < 23) await endpoint.replay(id);
  }
  const attempts = await attemptsOf(endpoint, id);
  expect(attempts.map((attempt) => attempt.id)).toEqual(Array.from({ length: 20 }, (_, n) => `${id}-${23 - n}`));
  const page = pageOf(WebhookAttempt).parse(await endpoint.attempts(id, { limit: 2, after: `${id}-22` }));
  expect([page.data.map((attempt) => attempt.id), page.has_more]).toEqual([[`${id}-21`, `${id}-20`], true]);
});

test("a reply of odd bytes is kept as text and breaks nothing", async () => {
  receiver.answer = () => new Response(Uint8Array.of(0, 0x22, 0xff, 0x0a, 0xed, 0xa0, 0x80, 0x5c));
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  await endpoint.take(await configOf(), eventsOf(1));
  await untilStates(endpoint, ["success"]);
  expect((await attemptsOf(endpoint, event?.id ?? ""))[0]?.response).toBe('\0"\ufffd\n\ufffd\ufffd\ufffd\\');
});
