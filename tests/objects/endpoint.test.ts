/**
 * One endpoint's outbox: what is taken goes out once, signed, and each way a receiver can answer has its consequence.
 */
import { expect, test, vi } from "vitest";
import {
  alarmInMs,
  attemptsOf,
  configOf,
  detailOf,
  eventsOf,
  later,
  noAnswer,
  openEndpoint,
  openScene,
  ring,
  rowsIn,
  secretOf,
  statesOf,
  untilStates,
} from "./support/endpoint-scene.ts";

const { receiver } = openScene();

test("events are taken, go out in one POST each, and have succeeded", async () => {
  const endpoint = openEndpoint();
  const events = eventsOf(3);
  expect(await endpoint.take(await configOf(), events)).toEqual({ upTo: events[2]?.k, restMs: 0 });
  await untilStates(endpoint, ["success", "success", "success"]);
  expect(receiver.received.map(({ id, body }) => ({ id, body }))).toEqual(
    events.map(({ id, payload }) => ({ id, body: payload })),
  );
  const [first] = receiver.received;
  expect(first).toMatchObject({ url: "https://hooks.example.com/in", redirect: "manual" });
  expect(first?.headers.get("content-type")).toBe("application/json");
  expect(first?.headers.get("user-agent")).toMatch(/^Hikyaku/);
  const [attempt, ...others] = await attemptsOf(endpoint, events[0]?.id ?? "");
  expect(others).toEqual([]);
  expect(attempt).toMatchObject({ http_status_code: 200, response: "ok", id: `${events[0]?.id}-1` });
  expect(attempt?.duration_ms).toBeGreaterThanOrEqual(0);
});

test("what was taken before changes nothing, in whatever order it comes again", async () => {
  const endpoint = openEndpoint();
  const config = await configOf();
  const events = eventsOf(6);
  await endpoint.take(config, events.slice(0, 3));
  expect(await endpoint.take(config, events.slice(1, 5).toReversed())).toEqual({ upTo: events[4]?.k, restMs: 0 });
  expect(await endpoint.take(config, events.slice(0, 2))).toEqual({ upTo: events[4]?.k, restMs: 0 });
  expect(await endpoint.take(config, [])).toEqual({ upTo: events[4]?.k, restMs: 0 });
  await untilStates(
    endpoint,
    events.slice(0, 5).map(() => "success"),
  );
  expect(receiver.received).toHaveLength(5);
});

test("after its rows are gone, a repeated hand-over still changes nothing", async () => {
  const endpoint = openEndpoint();
  const config = await configOf();
  const events = eventsOf(2);
  await endpoint.take(config, events);
  await untilStates(endpoint, ["success", "success"]);
  await rowsIn(endpoint, "DELETE FROM event");
  expect(await endpoint.take(config, events)).toEqual({ upTo: events[1]?.k, restMs: 0 });
  expect(await statesOf(endpoint)).toEqual([]);
});

test("all secrets that count sign, and the one that was rotated out ends in its time", async () => {
  const endpoint = openEndpoint();
  const config = await configOf({}, [
    { secret: secretOf(1) },
    { secret: secretOf(2), untilMs: Date.now() + 60_000 },
    { secret: secretOf(3), untilMs: Date.now() - 1 },
  ]);
  await endpoint.take(config, eventsOf(1));
  await untilStates(endpoint, ["success"]);
  const headers = receiver.received[0]?.headers;
  const signature = headers?.get("webhook-signature") ?? "";
  expect(signature.split(" ").map((one) => one.split(",")[0])).toEqual(["v1", "v1", "v1a"]);
  expect(headers?.get("svix-signature")).toBe(signature);
  expect(Math.abs(Number(headers?.get("webhook-timestamp")) - Date.now() / 1000)).toBeLessThan(60);
});

/** What a receiver answers, and what the log of tries says of it. */
const FAILURES: [what: string, answer: () => Response, status: number, text: string][] = [
  ["an error", () => new Response("oh no", { status: 500 }), 500, "oh no"],
  ["not found", () => new Response(null, { status: 404 }), 404, ""],
  ["a redirect to a private host", () => redirect("http://169.254.169.254/latest"), 302, ""],
  ["a redirect to itself", () => redirect("https://hooks.example.com/in"), 302, ""],
  ["a broken connection", () => cutOff(), 0, "There was no reply: it cannot be reached."],
];
const redirect = (location: string): Response => new Response(null, { status: 302, headers: { location } });
const cutOff = (): never => {
  throw new TypeError("Network connection lost.");
};

test.each(FAILURES)("%s is a failure and is tried again", async (_, answer, status, text) => {
  receiver.answer = answer;
  const endpoint = openEndpoint();
  // The clock stands still, but for what is said.
  later(0);
  const [event] = eventsOf(1);
  await endpoint.take(await configOf(), eventsOf(1));
  await expect.poll(async () => (await attemptsOf(endpoint, event?.id ?? "")).length).toBe(1);
  expect((await attemptsOf(endpoint, event?.id ?? ""))[0]).toMatchObject({ http_status_code: status, response: text });
  expect(receiver.received).toHaveLength(1);
  expect(await statesOf(endpoint)).toEqual(["pending"]);
  const detail = await detailOf(endpoint, event?.id ?? "");
  const inMs = Date.parse(detail.next_attempt_at ?? "") - Date.now();
  // HIKYAKU_WEBHOOK_RETRY begins with 5 s; a tenth of jitter comes on top.
  expect(inMs).toBeGreaterThan(4000);
  expect(inMs).toBeLessThanOrEqual(5500);
  expect(Math.abs(((await alarmInMs(endpoint)) ?? 0) - inMs)).toBeLessThan(500);

  receiver.answer = () => new Response("better");
  later(5600);
  await ring(endpoint);
  await untilStates(endpoint, ["success"]);
  expect(receiver.received.map(({ id }) => id)).toEqual([event?.id, event?.id]);
  const attempts = await attemptsOf(endpoint, event?.id ?? "");
  expect(attempts.map(({ id, http_status_code }) => [id, http_status_code])).toEqual([
    [`${event?.id}-2`, 200],
    [`${event?.id}-1`, status],
  ]);
});

test("when the last delay has passed the event has failed; each try is signed anew", async () => {
  receiver.answer = () => new Response("no", { status: 500 });
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  await endpoint.take(await configOf(), eventsOf(1));
  for (let tries = 1; tries <= 8; tries++) {
    await expect.poll(async () => (await attemptsOf(endpoint, event?.id ?? "")).length).toBe(tries);
    later(11 * 3600_000);
    await ring(endpoint);
  }
  await untilStates(endpoint, ["failed"]);
  expect(receiver.received).toHaveLength(8);
  expect(new Set(receiver.received.map(({ headers }) => headers.get("webhook-timestamp"))).size).toBe(8);
  expect((await detailOf(endpoint, event?.id ?? "")).next_attempt_at).toBeNull();
});

test("a private URL is refused at the connection, whatever was said when it was made", async () => {
  for (const url of ["http://127.0.0.1:8787/in", "https://localhost/", "http://user:pass@hooks.example.com/"]) {
    const endpoint = openEndpoint();
    const [event] = eventsOf(1);
    await endpoint.take(await configOf({ url }), eventsOf(1));
    await expect.poll(async () => (await attemptsOf(endpoint, event?.id ?? "")).length).toBe(1);
    const [attempt] = await attemptsOf(endpoint, event?.id ?? "");
    expect(attempt).toMatchObject({ http_status_code: 0, response: expect.stringMatching(/^It was not called: /) });
  }
  expect(receiver.received).toEqual([]);
});

test("while 429 or 503 ask for time, nothing goes to the endpoint", async () => {
  receiver.answer = () => new Response("slow down", { status: 429, headers: { "retry-after": "600" } });
  const endpoint = openEndpoint();
  const config = await configOf();
  const [event] = eventsOf(1);
  await endpoint.take(config, eventsOf(1));
  await expect.poll(async () => (await attemptsOf(endpoint, event?.id ?? "")).length).toBe(1);
  await endpoint.take(config, eventsOf(2, 1));
  await ring(endpoint);
  expect(receiver.received).toHaveLength(1);
  expect(await alarmInMs(endpoint)).toBeGreaterThan(590_000);
  const detail = await detailOf(endpoint, event?.id ?? "");
  expect(Date.parse(detail.next_attempt_at ?? "") - Date.now()).toBeGreaterThan(590_000);

  receiver.answer = () => new Response("ok");
  later(601_000);
  await ring(endpoint);
  await untilStates(endpoint, ["success", "success", "success"]);
});

/** Makes 15 s so short. Fake timers would run in the test's own context, where an object may not act. */
const hurry = (shortMs: number): void => {
  const slow = globalThis.setTimeout;
  vi.spyOn(globalThis, "setTimeout").mockImplementation((callback, ms) => slow(callback, ms === 15_000 ? shortMs : ms));
};

test("an endpoint that hangs is cut off after 15 s, and that is a failure", async () => {
  receiver.answer = noAnswer;
  hurry(1500);
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  await endpoint.take(await configOf(), eventsOf(1));
  await expect.poll(() => receiver.open()).toBe(1);
  expect(await statesOf(endpoint)).toEqual(["attempting"]);
  await expect.poll(async () => (await attemptsOf(endpoint, event?.id ?? "")).length).toBe(1);
  expect(receiver.open()).toBe(0);
  const [attempt] = await attemptsOf(endpoint, event?.id ?? "");
  expect(attempt).toMatchObject({ http_status_code: 0, response: "There was no reply within 15 s." });
});

test("a reply whose body never ends counts by its status, when its time is over", async () => {
  receiver.answer = () =>
    new Response(new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode("well")) }));
  hurry(100);
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  await endpoint.take(await configOf(), eventsOf(1));
  await untilStates(endpoint, ["success"]);
  expect((await attemptsOf(endpoint, event?.id ?? ""))[0]).toMatchObject({ http_status_code: 200, response: "well" });
});

test("of a huge or endless reply the first 2 KB are read and kept", async () => {
  let pulled = 0;
  let cancelled = 0;
  receiver.answer = () =>
    new Response(
      new ReadableStream({
        pull: (stream) => {
          pulled += 1;
          stream.enqueue(new TextEncoder().encode("é".repeat(500)));
        },
        cancel: () => void (cancelled += 1),
      }),
    );
  const endpoint = openEndpoint();
  const [event] = eventsOf(1);
  await endpoint.take(await configOf(), eventsOf(1));
  await untilStates(endpoint, ["success"]);
  const [attempt] = await attemptsOf(endpoint, event?.id ?? "");
  expect(attempt?.response).toBe("é".repeat(1024));
  expect(cancelled).toBe(1);
  expect(pulled).toBeLessThan(10);
});

test("of many, 32 at the most are on their way at once, and none is lost", async () => {
  const gate = Promise.withResolvers<void>();
  let most = 0;
  receiver.answer = async () => {
    most = Math.max(most, receiver.open());
    await gate.promise;
    await scheduler.wait(5);
    return new Response("ok");
  };
  const endpoint = openEndpoint();
  const events = eventsOf(300);
  await endpoint.take(await configOf(), events);
  await expect.poll(() => most).toBe(8);
  gate.resolve();
  await expect.poll(() => receiver.received).toHaveLength(300);
  expect(most).toBeLessThanOrEqual(32);
  expect(most).toBeGreaterThan(8);
  expect(receiver.received.map(({ id }) => id).toSorted()).toEqual(events.map(({ id }) => id).toSorted());
});

test("a test goes out at once and signed, also while disabled, and leaves no trace", async () => {
  const endpoint = openEndpoint();
  expect(await endpoint.sendTest("{}")).toMatchObject({ kind: "problem", code: "not_found" });
  await endpoint.configure(await configOf({ status: "disabled" }));
  receiver.answer = () => new Response("hm", { status: 418 });
  const payload = JSON.stringify({ type: "email.sent", created_at: "2026-11-24T12:00:00.000Z", data: {} });
  expect(await endpoint.sendTest(payload)).toMatchObject({ http_status_code: 418, response: "hm" });
  expect(receiver.received[0]).toMatchObject({ body: payload });
  expect(receiver.received[0]?.headers.get("webhook-signature")).toMatch(/^v1,.+ v1a,.+$/);
  expect(await statesOf(endpoint)).toEqual([]);
});
