/**
 * What must hold for an endpoint whatever dies: crashes, sick receivers, failures of our own. Nothing that was taken is
 * lost, and what cannot be delivered costs little.
 */
import { expect, test } from "vitest";
import { FAILURES_TO_OPEN } from "../../gateway/core/endpoint-breaker.ts";
import { KEPT_MS } from "../../gateway/objects/endpoint-outbox.ts";
import {
  alarmInMs,
  all,
  aMoment,
  configOf,
  crash,
  eventsOf,
  evict,
  holdBack,
  later,
  noAnswer,
  openEndpoint,
  openScene,
  refuse,
  ring,
  rowsIn,
  statesOf,
  type TestEndpoint,
  untilReceived,
  untilStates,
  untilWritten,
} from "./support/endpoint-scene.ts";

const { receiver, log } = openScene();

test("what was on its way at a crash goes again, with the same id and body", async () => {
  receiver.answer = noAnswer;
  const endpoint = openEndpoint();
  const events = eventsOf(3);
  await endpoint.take(await configOf(), events);
  await untilReceived(receiver, 3);
  expect(await statesOf(endpoint)).toEqual(all(3, "attempting"));
  const restarted = await crash(endpoint);
  receiver.answer = () => new Response("ok");
  await ring(restarted);
  await untilStates(restarted, all(3, "success"));
  const sent = receiver.received.map(({ id, body }) => `${id} ${body}`);
  expect(sent.slice(3)).toEqual(sent.slice(0, 3));
});

test("an object that wakes with events looks at once; one that has none waits for its sweep", async () => {
  const endpoint = openEndpoint();
  await endpoint.take(await configOf({ url: "http://10.0.0.1/" }), eventsOf(1));
  await expect.poll(() => alarmInMs(endpoint)).toBeGreaterThan(4000);
  await evict(endpoint);
  await statesOf(endpoint);
  expect(await alarmInMs(endpoint)).toBeLessThanOrEqual(50);

  const idle = openEndpoint();
  await idle.take(await configOf(), eventsOf(1));
  await untilStates(idle, ["success"]);
  await ring(idle);
  const days = ((await alarmInMs(idle)) ?? 0) / 86_400_000;
  expect(Math.round(days)).toBe(30);
});

test("the runtime's own alarm brings the next try", async () => {
  receiver.answer = () => new Response("later", { status: 503, headers: { "retry-after": "1" } });
  const endpoint = openEndpoint();
  await endpoint.take(await configOf(), eventsOf(1));
  await untilReceived(receiver, 1);
  receiver.answer = () => new Response("ok");
  await expect.poll(() => receiver.received).toHaveLength(2);
  await untilStates(endpoint, ["success"]);
});

test("after failures in a row one event at a time is the probe, and the others lose no try", async () => {
  receiver.answer = refuse;
  const endpoint = openEndpoint();
  const waiting = 40;
  // The clock stands still, but for what is said.
  later(0);
  await endpoint.take(await configOf(), eventsOf(waiting));
  await untilWritten(endpoint, receiver, FAILURES_TO_OPEN);
  await aMoment();
  // Those of the window that were on their way when the breaker opened come on top.
  const burst = receiver.received.length;
  expect(burst).toBeGreaterThanOrEqual(FAILURES_TO_OPEN);
  expect(burst).toBeLessThan(FAILURES_TO_OPEN + 8);
  await ring(endpoint);
  await aMoment();
  expect(receiver.received).toHaveLength(burst);

  for (let probe = 1; probe <= 3; probe++) {
    later(11_000 * 2 ** probe);
    await ring(endpoint);
    await untilWritten(endpoint, receiver, burst + probe);
    await aMoment();
    expect(receiver.received).toHaveLength(burst + probe);
  }
  const untried = await rowsIn(endpoint, "SELECT COUNT(*) AS n FROM event WHERE tries = 0");
  expect(untried).toEqual([{ n: waiting - burst - 3 }]);

  // It outlives a crash, and ends with the first success.
  await evict(endpoint);
  await statesOf(endpoint);
  await ring(endpoint);
  await aMoment();
  expect(receiver.received).toHaveLength(burst + 3);
  receiver.answer = () => new Response("ok");
  later(3600_000);
  await ring(endpoint);
  await untilStates(endpoint, all(waiting, "success"));
});

test("its account hears for how long nothing leaves: until the next probe, and while one has no answer", async () => {
  const restMs = async (): Promise<number> => (await endpoint.take(await configOf(), [])).restMs;
  receiver.answer = refuse;
  const endpoint = openEndpoint();
  await endpoint.take(await configOf(), eventsOf(40));
  await expect.poll(restMs).toBeGreaterThan(3000);
  await aMoment();
  const burst = receiver.received.length;
  receiver.answer = noAnswer;
  later(11_000);
  await ring(endpoint);
  await untilReceived(receiver, burst + 1);
  expect(await restMs()).toBeGreaterThan(3000);
});

test("an older word of the account changes nothing", async () => {
  const endpoint = openEndpoint();
  await endpoint.configure(await configOf({ version: 5, url: "https://new.example.com/" }));
  await endpoint.take(await configOf({ version: 4, url: "https://old.example.com/", status: "disabled" }), eventsOf(1));
  await untilStates(endpoint, ["success"]);
  expect(receiver.received.map(({ url }) => url)).toEqual(["https://new.example.com/"]);
});

// ---- our own failures

test("what cannot be signed does not leave, and goes when it can be", async () => {
  const endpoint = openEndpoint();
  await endpoint.take(await configOf({ secrets: [{ sealed: "v1.AAAA.AAAA" }] }), eventsOf(20));
  await aMoment();
  expect(receiver.received).toEqual([]);
  expect(log.filter((line) => line.includes("endpoint.not-sent")).length).toBeLessThan(10);
  await ring(endpoint);
  expect(await alarmInMs(endpoint)).toBeGreaterThan(50_000);
  await endpoint.configure(await configOf({ version: 2 }));
  await untilStates(endpoint, all(20, "success"));
});

test("a try that could not be written is written later, and not made again", async () => {
  const letGo = holdBack(receiver);
  const endpoint = openEndpoint();
  await endpoint.take(await configOf(), eventsOf(2));
  await untilReceived(receiver, 2);
  await rowsIn(endpoint, "ALTER TABLE event RENAME TO hidden");
  letGo();
  await expect.poll(() => log.join("\n")).toContain("endpoint.not-written");
  await rowsIn(endpoint, "ALTER TABLE hidden RENAME TO event");
  await untilStates(endpoint, ["success", "success"]);
  expect(receiver.received).toHaveLength(2);
});

test("an alarm that fails is recorded and comes again", async () => {
  receiver.answer = refuse;
  const endpoint = openEndpoint();
  await endpoint.take(await configOf(), eventsOf(1));
  await untilWritten(endpoint, receiver, 1);
  later(6000);
  await rowsIn(endpoint, "ALTER TABLE event RENAME TO hidden");
  await ring(endpoint);
  expect(log.join("\n")).toContain("endpoint.alarm-failed");
  expect(await alarmInMs(endpoint)).toBeGreaterThan(5000);
  await rowsIn(endpoint, "ALTER TABLE hidden RENAME TO event");
  receiver.answer = () => new Response("ok");
  await ring(endpoint);
  await untilStates(endpoint, ["success"]);
});

// ---- bounded

const standing = (endpoint: TestEndpoint, changes: object): Promise<unknown> =>
  rowsIn(endpoint, "UPDATE standing SET json = json_patch(json, ?)", JSON.stringify(changes));
const countsOf = async (endpoint: TestEndpoint): Promise<unknown> =>
  (
    await rowsIn(
      endpoint,
      "SELECT json ->> 'pending' AS pending, json ->> 'success' AS success, json ->> 'failed' AS failed FROM standing",
    )
  )[0];

test("when too many wait, no more are taken than there is room for; the rest may come again", async () => {
  const endpoint = openEndpoint();
  const config = await configOf({ status: "disabled" });
  const events = eventsOf(5);
  await endpoint.take(config, events.slice(0, 1));
  await standing(endpoint, { pending: 199_998 });
  await evict(endpoint);
  expect(await endpoint.take(config, events)).toEqual({ upTo: events[2]?.k, restMs: 0 });
  expect(await endpoint.take(config, events)).toEqual({ upTo: events[2]?.k, restMs: 0 });
  await standing(endpoint, { pending: 3 });
  await evict(endpoint);
  expect(await endpoint.take(config, events)).toEqual({ upTo: events[4]?.k, restMs: 0 });
  expect(await statesOf(endpoint)).toEqual(all(5, "pending"));
});

test("after 30 days an event is gone, delivered or not", async () => {
  const endpoint = openEndpoint();
  await endpoint.take(await configOf(), eventsOf(2));
  await untilStates(endpoint, ["success", "success"]);
  await endpoint.configure(await configOf({ version: 2, status: "disabled" }));
  await endpoint.take(await configOf(), eventsOf(1, 2));
  later(KEPT_MS - 60_000);
  await ring(endpoint);
  expect(await countsOf(endpoint)).toEqual({ pending: 1, success: 2, failed: 0 });
  later(4_000_000);
  await ring(endpoint);
  expect(await statesOf(endpoint)).toEqual([]);
  expect(await countsOf(endpoint)).toEqual({ pending: 0, success: 0, failed: 0 });
  expect(await alarmInMs(endpoint)).toBeUndefined();
});

test("beyond 100,000 the oldest of those that succeeded go, and those that failed stay", async () => {
  const endpoint = openEndpoint();
  await endpoint.take(await configOf(), eventsOf(1));
  await untilStates(endpoint, ["success"]);
  // As if so many had been delivered before, and every tenth had failed.
  await rowsIn(
    endpoint,
    `WITH RECURSIVE n (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 2000)
     INSERT INTO event SELECT ? + k, iif(k % 10 = 0, 'failed', 'success'), NULL, 0, 1, 1, 0, '', '', '{}', '[]' FROM n`,
    (Date.now() - 3600_000) * 1024,
  );
  await standing(endpoint, { success: 101_000, failed: 200 });
  await evict(endpoint);
  await endpoint.take(await configOf(), eventsOf(1, 1));
  await expect.poll(() => countsOf(endpoint)).toEqual({ pending: 0, success: 100_001, failed: 200 });
  const left = await rowsIn(endpoint, "SELECT state, COUNT(*) AS n FROM event GROUP BY state ORDER BY state");
  expect(left).toEqual([
    { state: "failed", n: 200 },
    { state: "success", n: 802 },
  ]);
});

test("what is removed leaves nothing behind, and what was on its way changes nothing", async () => {
  const letGo = holdBack(receiver);
  const endpoint = openEndpoint();
  await endpoint.take(await configOf(), eventsOf(2));
  await untilReceived(receiver, 2);
  await endpoint.remove();
  letGo();
  await aMoment();
  expect(await alarmInMs(endpoint)).toBeUndefined();
  expect(await rowsIn(endpoint, "SELECT name FROM sqlite_master WHERE name = 'event'")).toEqual([]);
  expect(log).toEqual([]);
  receiver.answer = () => new Response("ok");
  await endpoint.take(await configOf(), eventsOf(1));
  await untilStates(endpoint, ["success"]);
});
