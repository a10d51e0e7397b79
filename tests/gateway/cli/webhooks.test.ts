/** `hikyaku webhooks` and `hikyaku events`: what is asked of the API, what is shown of its answers, and how it ends. */
import { afterEach, expect, test } from "vitest";
import { WEBHOOK_EVENTS } from "#contract/webhook-events.ts";
import { type Asked, run, type Run, type Script, startFakeApi } from "./fake-api.ts";

const SUMMARY = {
  id: "w1",
  endpoint: "https://hooks.example.com/in",
  created_at: "2026-11-24T12:00:00.000Z",
  status: "disabled",
  disabled_reason: "The endpoint answered 410 Gone.",
  events: ["email.sent"],
};

let stop = (): void => {};
afterEach(() => stop());

const hikyaku = async (args: string[], script: Script): Promise<Run & { asked: Asked[] }> => {
  const api = await startFakeApi(script);
  stop = api.stop;
  return { ...(await run([...args, "--url", api.url, "--key", "hk_x"])), asked: api.asked };
};

test("a webhook is added for all types unless some are named, and its secret is shown", async () => {
  const script = { "POST /v1/webhooks": { body: { object: "webhook", id: "w1", signing_secret: "whsec_x" } } };
  const all = await hikyaku(["webhooks", "add", SUMMARY.endpoint], script);
  expect(all).toMatchObject({ exit: 0, out: expect.stringContaining("whsec_x") });
  expect(all.asked[0]?.body).toEqual({ endpoint: SUMMARY.endpoint, events: [...WEBHOOK_EVENTS] });
  stop();
  const some = await hikyaku(["webhooks", "add", SUMMARY.endpoint, "--events", "email.sent"], script);
  expect(some.asked[0]?.body).toEqual({ endpoint: SUMMARY.endpoint, events: ["email.sent"] });
});

test("a webhook that was disabled says why", async () => {
  const { exit, out } = await hikyaku(["webhooks", "list"], {
    "GET /v1/webhooks?limit=100": { body: { object: "list", has_more: false, data: [SUMMARY] } },
  });
  expect(exit).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "ID  STATUS    ENDPOINT
    w1  disabled  https://hooks.example.com/in (The endpoint answered 410 Gone.)"
  `);
});

test("a webhook is changed in what is named, and says from when on it gets what it missed", async () => {
  const script = (more: object = {}) => ({
    "PATCH /v1/webhooks/w1": { body: { object: "webhook", id: "w1", ...more } },
  });
  const moved = await hikyaku(["webhooks", "update", "w1", "--endpoint", "https://b.test", "--disable"], script());
  expect(moved).toMatchObject({ exit: 0, out: "webhook w1 is changed" });
  expect(moved.asked[0]?.body).toEqual({ endpoint: "https://b.test", status: "disabled" });
  stop();
  const again = script({ resumes_from: "2026-11-24T12:00:00.000Z" });
  const enabled = await hikyaku(["webhooks", "update", "w1", "--enable", "--events", "email.sent"], again);
  expect(enabled.out).toBe("webhook w1 goes on with what has happened since 2026-11-24T12:00:00.000Z");
  expect(enabled.asked[0]?.body).toEqual({ status: "enabled", events: ["email.sent"] });
  stop();
  const json = await hikyaku(["webhooks", "update", "w1", "--enable", "--skip-missed", "--json"], again);
  expect(json.asked[0]?.body).toEqual({ status: "enabled", skip_missed: true });
  expect(JSON.parse(json.out)).toMatchObject({ id: "w1", resumes_from: "2026-11-24T12:00:00.000Z" });
});

test.each([[[]], [["--enable", "--disable"]], [["--skip-missed"]]])(
  "an update with %o is wrong use",
  async (options) => {
    const { exit, asked } = await hikyaku(["webhooks", "update", "w1", ...options], {});
    expect([exit, asked]).toEqual([2, []]);
  },
);

test("a new secret is shown, and with --json the API's own answer", async () => {
  const body = { object: "webhook", id: "w1", signing_secret: "whsec_new" };
  const script = { "POST /v1/webhooks/w1/signing-secret/rotate": { body } };
  const words = await hikyaku(["webhooks", "rotate", "w1"], script);
  expect(words).toMatchObject({ exit: 0, out: expect.stringContaining("whsec_new") });
  stop();
  const json = await hikyaku(["webhooks", "rotate", "w1", "--json"], script);
  expect(JSON.parse(json.out)).toEqual(body);
});

test("a replay is of what failed, or of all of a range", async () => {
  const script = { "POST /v1/webhooks/w1/replay": { body: { object: "webhook", id: "w1", replayed: 3 } } };
  const failed = await hikyaku(["webhooks", "replay", "w1"], script);
  expect(failed).toMatchObject({
    exit: 0,
    out: expect.stringContaining("3 events"),
    asked: [{ body: { status: "failed" } }],
  });
  stop();
  const since = "2026-11-24T00:00:00Z";
  const all = await hikyaku(["webhooks", "replay", "w1", "--all", "--since", since], script);
  expect(all.asked[0]?.body).toEqual({ status: "all", since });
});

test("a test is a no when the endpoint did not take it", async () => {
  const attempt = (status: number) => ({
    "POST /v1/webhooks/w1/test": {
      body: { id: "a", http_status_code: status, response: "hm", sent_at: "2026-11-24T12:00:00.000Z", duration_ms: 5 },
    },
  });
  expect(await hikyaku(["webhooks", "test", "w1"], attempt(200))).toMatchObject({ exit: 0 });
  stop();
  expect(await hikyaku(["webhooks", "test", "w1"], attempt(500))).toMatchObject({ exit: 1 });
});

test("events are shown oldest first, with their cursor", async () => {
  const event = {
    id: "e1",
    type: "email.sent",
    created_at: "2026-11-24T12:00:00.000Z",
    data: { recipient: "a@b.test" },
  };
  const { out } = await hikyaku(["events", "--after", "e0", "--types", "email.sent"], {
    "GET /v1/events?limit=100&after=e0&types=email.sent": { body: { object: "list", has_more: true, data: [event] } },
  });
  expect(out).toMatchInlineSnapshot(`
    "TIME                      TYPE        RECIPIENT  ID
    2026-11-24T12:00:00.000Z  email.sent  a@b.test   e1
    There are more: give the last id as --after."
  `);
});
