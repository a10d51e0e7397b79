/**
 * From what happens to an account to what its webhooks get: which events, in which shape, and that none is lost or told
 * to whom it is not meant for, whatever fails on the way.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { UpdatedWebhook, WebhookAttempt, WebhookDetail, WebhookSecret } from "#contract/webhook.ts";
import type { Endpoint } from "../../gateway/objects/endpoint.ts";
import { endpointStub } from "../../gateway/objects/endpoint-stub.ts";
import { acceptMany, leaseTo, outcomes, ringAlarm } from "./support/account-scene.ts";
import { crash, openReceiver } from "./support/endpoint-scene.ts";
import { call, openAccount, sendEmail, sqlIn, type Answer, type TestAccount } from "./support/worker-calls.ts";

const receiver = openReceiver();
let account: TestAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(reset);

const ask = (method: string, path: string, body?: unknown): Promise<Answer> =>
  call(method, path, { token: account.token, ...(body !== undefined && { body }) });

const openWebhook = async (events: string[], endpoint = "https://hooks.example.com/in"): Promise<string> =>
  WebhookSecret.parse((await ask("POST", "/v1/webhooks", { endpoint, events })).body).id;

const Row = z.object({ k: z.int(), cursor: z.int() });
const keyOf = async (): Promise<number> => Row.parse((await sqlIn(account.stub, "SELECT k, cursor FROM webhook"))[0]).k;

const Payload = z.object({ type: z.string(), created_at: z.string(), data: z.looseObject({}) });
const payloads = () => receiver.received.map(({ body }) => Payload.parse(JSON.parse(body)));
const typesAt = (url: string): string[] =>
  receiver.received.filter((one) => one.url === url).map(({ body }) => Payload.parse(JSON.parse(body)).type);
const untilTypes = (expected: string[]): Promise<void> =>
  expect
    .poll(() =>
      payloads()
        .map(({ type }) => type)
        .toSorted(),
    )
    .toEqual(expected.toSorted());
const silence = (): Promise<void> => scheduler.wait(150);

const suppress = (email: string): Promise<Answer> => ask("POST", "/v1/suppressions", { email });

/** Of an object in which nothing is left there are none. */
const tablesOf = (stub: DurableObjectStub<Endpoint>): Promise<unknown[]> =>
  runInDurableObject(stub, (_, { storage }) =>
    storage.sql.exec("SELECT name FROM sqlite_schema WHERE name IN ('config', 'event')").toArray(),
  );

/** Sends an email that its recipient's server takes. */
const deliver = async (): Promise<void> => {
  await acceptMany(account, 1);
  const { lease, ks } = await leaseTo(account, "one");
  await account.stub.settle("one", outcomes(lease, ks, "delivered"));
};

test("what happens to a delivery is posted in Resend's shape, of the types that were asked for", async () => {
  await openWebhook(["email.delivered", "email.bounced"]);
  await deliver();
  await untilTypes(["email.delivered"]);
  const [payload] = payloads();
  const [received] = receiver.received;
  expect(payload?.data).toEqual({
    email_id: expect.any(String),
    message_id: expect.stringMatching(/^<[0-9a-f-]{36}@shop\.test>$/),
    created_at: expect.any(String),
    from: "sender@shop.test",
    to: ["reader@inbox.test"],
    subject: "Hello",
    event_id: received?.id,
    rank: 3,
    recipient: "reader@inbox.test",
  });
});

test("an email made with a template says of which, by its id whatever it was called by", async () => {
  await openWebhook(["email.scheduled"]);
  const template = { name: "T", alias: "t", subject: "Hi", html: "<p>Hello" };
  const made = z.object({ id: z.string() }).parse((await ask("POST", "/v1/templates", template)).body);
  await ask("POST", "/v1/templates/t/publish");
  const scheduled_at = new Date(Date.now() + 3_600_000).toISOString();
  await sendEmail(account, { scheduled_at, text: undefined, template: { id: "t" } });
  await untilTypes(["email.scheduled"]);
  expect(payloads()[0]?.data["template_id"]).toBe(made.id);
});

test("a new webhook gets nothing of the past", async () => {
  await suppress("before@inbox.test");
  await openWebhook(["suppression.added"]);
  await suppress("first@inbox.test");
  await untilTypes(["suppression.added"]);
  expect(payloads().map(({ data }) => data["email"])).toEqual(["first@inbox.test"]);
});

test.each([
  [{}, ["first", "between", "second"]],
  [{ skip_missed: true }, ["first", "second"]],
])("one that is enabled again with %o gets %o, and says from when on", async (how, expected) => {
  const id = await openWebhook(["suppression.added"]);
  await suppress("first@inbox.test");
  await untilTypes(["suppression.added"]);
  await ask("PATCH", `/v1/webhooks/${id}`, { status: "disabled" });
  const disabledAt = new Date().toISOString();
  await suppress("between@inbox.test");
  await silence();
  expect(receiver.received).toHaveLength(1);
  const { body } = await ask("PATCH", `/v1/webhooks/${id}`, { status: "enabled", ...how });
  const from = UpdatedWebhook.parse(body).resumes_from ?? "";
  expect(from > disabledAt).toBe("skip_missed" in how);
  await suppress("second@inbox.test");
  await expect.poll(() => receiver.received.length).toBe(expected.length);
  expect(payloads().map(({ data }) => data["email"])).toEqual(expected.map((name) => `${name}@inbox.test`));
  // Nothing is said of it where nothing was enabled.
  expect((await ask("PATCH", `/v1/webhooks/${id}`, { status: "enabled" })).body).toEqual({ object: "webhook", id });
});

test("what was missed goes without anything new, as far back as it is kept", async () => {
  const id = await openWebhook(["suppression.added"]);
  await ask("PATCH", `/v1/webhooks/${id}`, { status: "disabled" });
  await suppress("between@inbox.test");
  await sqlIn(account.stub, "UPDATE webhook SET cursor = 1");
  await evictDurableObject(account.stub);
  const { body } = await ask("PATCH", `/v1/webhooks/${id}`, { status: "enabled" });
  const daysBack = (Date.now() - Date.parse(UpdatedWebhook.parse(body).resumes_from ?? "")) / (24 * 3600 * 1000);
  expect(daysBack).toBeCloseTo(30, 2);
  await untilTypes(["suppression.added"]);
});

test("an account that passes by a long past of other types answers meanwhile", async () => {
  const id = await openWebhook(["email.sent"]);
  await ask("PATCH", `/v1/webhooks/${id}`, { status: "disabled" });
  const first = Date.now() * 1024;
  const rows = 50_000;
  await sqlIn(
    account.stub,
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO notice (k, type, at_ms, data) SELECT ? + i, 'suppression.removed', 0, '{}' FROM n`,
    ...[rows, first],
  );
  await evictDurableObject(account.stub);
  await ask("PATCH", `/v1/webhooks/${id}`, { status: "enabled" });
  const cursor = async (): Promise<number> =>
    Row.parse((await sqlIn(account.stub, "SELECT k, cursor FROM webhook"))[0]).cursor;
  const seen: number[] = [];
  while ((seen.at(-1) ?? 0) < first + rows && seen.length < 10_000) {
    seen.push(await cursor());
    await scheduler.wait(1);
  }
  expect(seen.filter((at) => at > first && at < first + rows).length).toBeGreaterThan(0);
});

test("a scheduled email is told when it is accepted, and when it is canceled; one that is sent at once is not", async () => {
  await openWebhook(["email.scheduled", "email.canceled"]);
  await sendEmail(account);
  const scheduled_at = new Date(Date.now() + 3_600_000).toISOString();
  const id = await sendEmail(account, { scheduled_at, to: ["a@inbox.test", "b@inbox.test"] });
  await untilTypes(["email.scheduled", "email.scheduled"]);
  const events = z.object({ data: z.array(z.object({ id: z.string() })) });
  const timeline = events.parse((await ask("GET", `/v1/emails/${id}/events`)).body).data.map((one) => one.id);
  expect(receiver.received.map((one) => one.id).toSorted()).toEqual(timeline.toSorted());
  await ask("POST", `/v1/emails/${id}/cancel`);
  await untilTypes(["email.canceled", "email.canceled", "email.scheduled", "email.scheduled"]);
});

test("an endpoint's object that fails keeps no other from its events, and gets its own later", async () => {
  await openWebhook(["suppression.added"], "https://broken.example.com/in");
  const key = await keyOf();
  await openWebhook(["suppression.added"], "https://well.example.com/in");
  const stub = endpointStub(env, account.id, key);
  await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("ALTER TABLE event RENAME TO gone"));
  await suppress("first@inbox.test");
  await expect.poll(() => typesAt("https://well.example.com/in")).toEqual(["suppression.added"]);
  await silence();
  expect(typesAt("https://broken.example.com/in")).toEqual([]);
  await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec("ALTER TABLE gone RENAME TO event"));
  await crash(stub);
  // The account looks again after ten seconds, or when it starts.
  await evictDurableObject(account.stub);
  await ringAlarm(account);
  await expect.poll(() => typesAt("https://broken.example.com/in")).toEqual(["suppression.added"]);
  expect(typesAt("https://well.example.com/in")).toHaveLength(1);
});

test("an account that dies before the hand-over hands over when its alarm rings", async () => {
  await openWebhook(["suppression.added"]);
  await runInDurableObject(account.stub, (_, { storage }) => {
    // Written, and dead before the moment of gathering is over.
    const k = Date.now() * 1024 + 500_000;
    const data = { id: "i", email: "lost@inbox.test", origin: "manual", source_id: null, stream: null };
    const times = { created_at: "2026-11-24T12:00:00.000Z", expires_at: null };
    storage.sql.exec(
      "INSERT INTO notice (k, type, at_ms, data) VALUES (?, 'suppression.added', ?, ?)",
      ...[k, Date.now(), JSON.stringify({ ...data, ...times })],
    );
  });
  await evictDurableObject(account.stub);
  await ringAlarm(account);
  await untilTypes(["suppression.added"]);
});

test("more events than a page go over whole and once, in their order", async () => {
  await openWebhook(["suppression.added"]);
  const emails = Array.from({ length: 600 }, (_, index) => `r${index}@inbox.test`);
  await ask("POST", "/v1/suppressions/batch/add", { emails });
  await expect.poll(() => new Set(payloads().map(({ data }) => data["email"])).size).toBe(600);
  expect(receiver.received).toHaveLength(600);
});

test("a webhook that is gone gets nothing more, and nothing of it stays in its object", async () => {
  const id = await openWebhook(["suppression.added"]);
  const key = await keyOf();
  await suppress("first@inbox.test");
  await untilTypes(["suppression.added"]);
  expect(await ask("DELETE", `/v1/webhooks/${id}`)).toMatchObject({ body: { object: "webhook", id, deleted: true } });
  await suppress("second@inbox.test");
  await silence();
  expect(receiver.received).toHaveLength(1);
  expect(await ask("GET", `/v1/webhooks/${id}`)).toMatchObject({ status: 404 });
  expect(await sqlIn(account.stub, "SELECT * FROM webhook")).toEqual([]);
  expect(await tablesOf(endpointStub(env, account.id, key))).toEqual([]);
});

test("an endpoint that says it is gone is disabled, and the others hear of it", async () => {
  const gone = await openWebhook(["suppression.added"], "https://gone.example.com/in");
  await openWebhook(["webhook.disabled"]);
  receiver.answer = ({ url }) => new Response("", { status: url.includes("gone") ? 410 : 200 });
  await suppress("first@inbox.test");
  await expect.poll(() => typesAt("https://hooks.example.com/in")).toEqual(["webhook.disabled"]);
  expect(await ask("GET", `/v1/webhooks/${gone}`)).toMatchObject({
    body: { status: "disabled", disabled_reason: "The endpoint answered 410 Gone." },
  });
  await ask("PATCH", `/v1/webhooks/${gone}`, { status: "enabled" });
  const { body } = await ask("GET", `/v1/webhooks/${gone}`);
  expect(WebhookDetail.parse(body).disabled_reason).toBeUndefined();
});

test("secrets are sealed at rest, shown by GET, and for a day an old one signs beside the new one", async () => {
  const made = WebhookSecret.parse(
    (await ask("POST", "/v1/webhooks", { endpoint: "https://hooks.example.com/in", events: ["suppression.added"] }))
      .body,
  );
  expect(made.signing_secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  const shown = async () => WebhookDetail.parse((await ask("GET", `/v1/webhooks/${made.id}`)).body);
  expect(await shown()).toMatchObject({
    signing_secret: made.signing_secret,
    public_key: expect.stringMatching(/^whpk_[A-Za-z0-9+/]{43}=$/),
  });
  const stored = JSON.stringify(await sqlIn(account.stub, "SELECT * FROM webhook"));
  expect(stored).not.toContain(made.signing_secret.slice(6));
  expect(stored).not.toContain("PRIVATE KEY");
  const turned = WebhookSecret.parse((await ask("POST", `/v1/webhooks/${made.id}/signing-secret/rotate`)).body);
  expect(turned.signing_secret).not.toBe(made.signing_secret);
  expect((await shown()).signing_secret).toBe(turned.signing_secret);
  await suppress("first@inbox.test");
  await untilTypes(["suppression.added"]);
  const signatures = receiver.received[0]?.headers.get("webhook-signature")?.split(" ") ?? [];
  expect(signatures.map((one) => one.split(",")[0])).toEqual(["v1", "v1", "v1a"]);
  for (let turn = 0; turn < 6; turn++) await ask("POST", `/v1/webhooks/${made.id}/signing-secret/rotate`);
  await suppress("second@inbox.test");
  await untilTypes(["suppression.added", "suppression.added"]);
  expect(receiver.received[1]?.headers.get("webhook-signature")?.split(" ")).toHaveLength(5);
  const audit = await call("GET", `/admin/accounts/${account.id}/audit?limit=100`, { token: env.HIKYAKU_ADMIN_TOKEN });
  expect(JSON.stringify(audit.body)).toContain("webhook.secret_rotated");
  expect(JSON.stringify(audit.body)).not.toContain("whsec_");
});

test.each([
  ["https://user:pass@example.com/in", 400, /user name or password/],
  ["ftp://example.com/in", 400, /neither http nor https/],
  ["not a url", 400, /not a URL/],
  ["https://example.com/\na", 400, /not a URL/],
  ["http://127.0.0.1:8787/in", 451, /not a public address/],
  ["http://[::1]/in", 451, /not a public address/],
  ["http://2130706433/in", 451, /not a public address/],
  ["https://printer.local/in", 451, /not a public address/],
])("the URL %s is refused, at creation and at a change", async (endpoint, status, message) => {
  const refusal = { status, body: { message: expect.stringMatching(message) } };
  expect(await ask("POST", "/v1/webhooks", { endpoint, events: ["email.sent"] })).toMatchObject(refusal);
  const id = await openWebhook(["email.sent"]);
  expect(await ask("PATCH", `/v1/webhooks/${id}`, { endpoint })).toMatchObject(refusal);
});

test("an account has at most a hundred webhooks", async () => {
  for (let count = 0; count < 100; count++) await openWebhook(["email.sent"]);
  expect(
    await ask("POST", "/v1/webhooks", { endpoint: "https://a.example.com", events: ["email.sent"] }),
  ).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining("100") },
  });
});

test("events and tries of a webhook are shown, replayed one by one and by a range; a test posts at once", async () => {
  receiver.answer = () => new Response("no", { status: 500 });
  const id = await openWebhook(["suppression.added"]);
  expect(WebhookAttempt.parse((await ask("POST", `/v1/webhooks/${id}/test`)).body)).toMatchObject({
    http_status_code: 500,
    response: "no",
  });
  await suppress("first@inbox.test");
  await untilTypes(["suppression.added", "webhook.test"]);
  const event = receiver.received[1]?.id ?? "";
  await expect
    .poll(() => ask("GET", `/v1/webhooks/${id}/events/${event}/attempts`))
    .toMatchObject({ body: { data: [{ http_status_code: 500, response: "no" }] } });
  expect(await ask("GET", `/v1/webhooks/${id}/events`)).toMatchObject({
    body: { has_more: false, data: [{ id: event, type: "suppression.added", status: "pending" }] },
  });
  receiver.answer = () => new Response("yes");
  expect(await ask("POST", `/v1/webhooks/${id}/events/${event}/replay`)).toMatchObject({
    body: { object: "webhook_event", id: event },
  });
  await expect
    .poll(() => ask("GET", `/v1/webhooks/${id}/events/${event}`))
    .toMatchObject({ body: { object: "webhook_event", status: "success", payload: { type: "suppression.added" } } });
  expect(await ask("POST", `/v1/webhooks/${id}/replay`, { status: "all" })).toMatchObject({ body: { replayed: 1 } });
  await untilTypes(["suppression.added", "suppression.added", "suppression.added", "webhook.test"]);
  expect(new Set(receiver.received.slice(1).map((one) => one.id))).toEqual(new Set([event]));
});

test("a closed account leaves nothing in the objects of its webhooks", async () => {
  await openWebhook(["suppression.added"]);
  const stub = endpointStub(env, account.id, await keyOf());
  await call("DELETE", `/admin/accounts/${account.id}`, { token: env.HIKYAKU_ADMIN_TOKEN });
  expect(await tablesOf(stub)).toEqual([]);
});
