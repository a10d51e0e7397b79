/**
 * Every method of the official `resend` package that the contract lists and that is not another chapter's, unmodified,
 * against the running service. Each reply goes through a check against the service's own OpenAPI document on its way.
 */
import { Resend } from "resend";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OpenapiCheck } from "../support/openapi-check.ts";
import { done, refusal, watchReplies } from "../support/resend-calls.ts";
import { startStack, type Stack } from "../support/stack.ts";

let stack: Stack;
let resend: Resend;
let apiKey: string;
let check: OpenapiCheck;
const faults: string[] = [];

let unwatch = (): void => undefined;

beforeAll(async () => {
  stack = await startStack({ env: { HIKYAKU_LOG: "warn" } });
  check = await OpenapiCheck.of(stack.url);
  const account = await stack.createAccount();
  apiKey = account.token;
  resend = new Resend(apiKey, { baseUrl: `${stack.url}/v1` });
  unwatch = watchReplies(stack.url, check, faults);
});

afterAll(async () => {
  unwatch();
  await stack?.stop();
});

const mail = (fields: object = {}) => ({
  from: "App <app@sandbox.test>",
  to: "delivered@sandbox.test",
  subject: "Hello",
  text: "Hi",
  ...fields,
});
const inMinutes = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();

test("emails: send, get, list, and a page after a page", async () => {
  const ids: string[] = [];
  for (let n = 0; n < 5; n++) ids.push((await done(resend.emails.send(mail({ subject: `Page ${n}` })))).id);
  const first = await done(resend.emails.list({ limit: 2 }));
  expect(first.data.map(({ id }) => id)).toEqual([ids[4], ids[3]]);
  expect(first.has_more).toBe(true);
  const second = await done(resend.emails.list({ limit: 3, after: ids[3] ?? "" }));
  expect(second.data.map(({ id }) => id)).toEqual([ids[2], ids[1], ids[0]]);
  const before = await done(resend.emails.list({ limit: 2, before: ids[1] ?? "" }));
  expect(before.data.map(({ id }) => id)).toEqual([ids[3], ids[2]]);
  expect(await done(resend.emails.get(ids[0] ?? ""))).toMatchObject({ object: "email", subject: "Page 0", text: "Hi" });
});

test("emails: scheduled, moved, canceled; what is canceled is never sent", async () => {
  const { id } = await done(resend.emails.send(mail({ scheduledAt: inMinutes(60) })));
  expect(await done(resend.emails.get(id))).toMatchObject({ last_event: "scheduled" });
  const later = inMinutes(120);
  expect(await done(resend.emails.update({ id, scheduledAt: later }))).toMatchObject({ object: "email", id });
  expect(await done(resend.emails.get(id))).toMatchObject({ scheduled_at: later });
  expect(await done(resend.emails.cancel(id))).toMatchObject({ object: "email", id });
  expect(await done(resend.emails.get(id))).toMatchObject({ last_event: "canceled" });
  expect(await refusal(resend.emails.cancel(id))).toMatchObject({ name: "invalid_access", statusCode: 422 });
  expect(await refusal(resend.emails.update({ id, scheduledAt: later }))).toMatchObject({ name: "invalid_access" });
});

test("emails: what is scheduled goes when its time comes, dated then", async () => {
  const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 2000);
  const { id } = await done(resend.emails.send(mail({ scheduledAt: at.toISOString(), subject: "Timed" })));
  await expect.poll(async () => (await done(resend.emails.get(id))).last_event).toBe("delivered");
  expect(Date.now()).toBeGreaterThanOrEqual(at.getTime());
  const sandbox = await stack.request("GET", "/v1/sandbox/messages", { key: apiKey });
  const raw = JSON.stringify(sandbox.body);
  expect(raw).toContain(`Date: ${at.toUTCString().replace("GMT", "+0000")}`);
});

test("batch: strict is all or nothing, permissive says what was left out, a key gives the same reply", async () => {
  const good = mail({ subject: "Batch" });
  const both = await done(resend.batch.send([good, good]));
  expect(both.data.map(({ id }) => id)).toHaveLength(2);
  expect(await refusal(resend.batch.send([good, mail({ to: "nobody" })]))).toMatchObject({ statusCode: 400 });
  const some = await done(resend.batch.send([mail({ to: "nobody" }), good], { batchValidation: "permissive" }));
  expect(some.data).toHaveLength(1);
  expect(some.errors).toEqual([{ index: 0, message: expect.stringContaining("`to`") }]);
  const key = { idempotencyKey: "batch-1" };
  const [one, two] = [
    await done(resend.batch.send([good, good], key)),
    await done(resend.batch.send([good, good], key)),
  ];
  expect(two).toEqual(one);
  expect(await refusal(resend.batch.send([good], key))).toMatchObject({ name: "invalid_idempotent_request" });
});

test("emails: tags, reply_to, headers and attachments come back as they were given", async () => {
  const { id } = await done(
    resend.emails.send(
      mail({
        replyTo: ["a@sandbox.test", "b@sandbox.test"],
        cc: "cc@sandbox.test",
        bcc: ["bcc@sandbox.test"],
        tags: [{ name: "kind", value: "receipt" }],
        headers: { "X-Entity-Ref-ID": "7" },
        attachments: [{ filename: "a.txt", content: Buffer.from("hi") }],
      }),
    ),
  );
  expect(await done(resend.emails.get(id))).toMatchObject({
    cc: ["cc@sandbox.test"],
    bcc: ["bcc@sandbox.test"],
    reply_to: ["a@sandbox.test", "b@sandbox.test"],
    tags: [{ name: "kind", value: "receipt" }],
  });
});

test("emails.metrics counts what became of them", async () => {
  await expect
    .poll(async () => (await done(resend.emails.metrics({ metrics: ["sent", "delivered"] }))).totals.delivered)
    .toBeGreaterThan(5);
  const byPeriod = await done(resend.emails.metrics({ dimensions: ["period", "domain"], granularity: "hourly" }));
  expect(byPeriod.data?.[0]).toMatchObject({ domain_name: "sandbox.test" });
  expect(await refusal(resend.emails.metrics({ timezone: "Mars/Olympus" }))).toMatchObject({
    name: "invalid_parameter",
  });
});

test("apiKeys: create, list, update, remove; a removed key is out at once", async () => {
  const { id, token } = await done(resend.apiKeys.create({ name: "Reader", permission: "sending_access" }));
  const sender = new Resend(token, { baseUrl: `${stack.url}/v1` });
  await done(sender.emails.send(mail()));
  expect(await refusal(sender.emails.list())).toMatchObject({ name: "restricted_api_key", statusCode: 401 });
  expect(await done(resend.apiKeys.update(id, { name: "Sender" }))).toMatchObject({ object: "api_key", id });
  const { data } = await done(resend.apiKeys.list());
  expect(data.find((key) => key.id === id)).toMatchObject({ name: "Sender", last_used_at: expect.any(String) });
  expect(await done(resend.apiKeys.remove(id))).toMatchObject({ deleted: true });
  expect(await refusal(sender.emails.send(mail()))).toMatchObject({ name: "invalid_api_key", statusCode: 403 });
});

test("domains: create, get, list, update, remove", async () => {
  const made = await done(resend.domains.create({ name: "Shop.Example.com", customReturnPath: "bounce" }));
  expect(made).toMatchObject({ name: "shop.example.com", status: "not_started", region: "us-east-1" });
  expect(made.records.map(({ record, name, type }) => [record, name, type])).toEqual([
    ["SPF", "bounce", "MX"],
    ["SPF", "bounce", "TXT"],
    ["DKIM", "hikyaku1._domainkey", "TXT"],
    ["DKIM", "hikyaku2._domainkey", "TXT"],
    ["DKIM", "hikyaku3._domainkey", "TXT"],
  ]);
  expect(await refusal(resend.domains.create({ name: "shop.example.com" }))).toMatchObject({ statusCode: 409 });
  expect(await done(resend.domains.update({ id: made.id, tls: "enforced", openTracking: true }))).toMatchObject({
    id: made.id,
  });
  expect(await done(resend.domains.get(made.id))).toMatchObject({ object: "domain", open_tracking: true });
  expect((await done(resend.domains.list())).data.map(({ id }) => id)).toContain(made.id);
  expect(await done(resend.domains.remove(made.id))).toMatchObject({ deleted: true });
  expect(await refusal(resend.domains.get(made.id))).toMatchObject({ name: "not_found" });
});

test("templates: drafted, published, sent with, changed, copied, removed", async () => {
  const template = {
    name: "Welcome",
    alias: "welcome",
    from: "App <app@sandbox.test>",
    subject: "Hello {{{NAME}}}",
    html: "<p>Hello {{NAME}}, you owe {{AMOUNT}}</p>",
    variables: [
      { key: "NAME", type: "string" as const, fallbackValue: "friend" },
      { key: "AMOUNT", type: "number" as const },
    ],
  };
  const { id } = await done(resend.templates.create(template));
  const send = (variables: Record<string, string | number>) =>
    resend.emails.send({ to: "delivered@sandbox.test", template: { id: "welcome", variables } });
  expect(await refusal(send({ AMOUNT: 1 }))).toMatchObject({ message: expect.stringContaining("publish") });
  expect(await done(resend.templates.publish(id))).toMatchObject({ object: "template", id });
  expect(await refusal(send({ NAME: "Ada" }))).toMatchObject({ message: expect.stringContaining("AMOUNT") });
  expect(await refusal(send({ AMOUNT: "1" }))).toMatchObject({ message: expect.stringContaining("number") });
  const sent = await done(send({ NAME: "Ada <b>", AMOUNT: 42 }));
  expect(await done(resend.emails.get(sent.id))).toMatchObject({
    subject: "Hello Ada <b>",
    html: "<p>Hello Ada &lt;b&gt;, you owe 42</p>",
  });
  await done(resend.templates.update(id, { subject: "Changed" }));
  expect(await done(resend.templates.get("welcome"))).toMatchObject({
    status: "published",
    has_unpublished_versions: true,
  });
  const copy = await done(resend.templates.duplicate(id));
  expect((await done(resend.templates.list())).data.map((row) => row.id)).toEqual([copy.id, id]);
  expect(await done(resend.templates.remove(id))).toMatchObject({ deleted: true });
  expect(await refusal(resend.templates.get("welcome"))).toMatchObject({ name: "not_found" });
  // What was sent with it stays readable.
  expect(await done(resend.emails.get(sent.id))).toMatchObject({ html: expect.stringContaining("you owe 42") });
});

test("suppressions: added, listed, read by id and address, removed; in batches", async () => {
  const { suppressions } = resend;
  const added = await done(suppressions.add({ email: "Gone@dest.test" }));
  expect(added).toMatchObject({ object: "suppression" });
  for (const which of [added.id, "gone@dest.test"])
    expect(await done(suppressions.get(which))).toMatchObject({ email: "gone@dest.test", origin: "manual" });
  const both = await done(suppressions.batch.add({ emails: ["a+1@dest.test", "b@dest.test"] }));
  const listed = await done(suppressions.list({ limit: 2 }));
  expect([listed.has_more, listed.data.map(({ id }) => id)]).toEqual([
    true,
    both.data.map(({ id }) => id).toReversed(),
  ]);
  expect((await done(suppressions.list({ origin: "bounce" }))).data).toEqual([]);
  expect(await done(suppressions.remove("a+1@dest.test"))).toMatchObject({ id: both.data[0]?.id, deleted: true });
  const gone = await done(suppressions.batch.remove({ ids: [added.id, both.data[1]?.id ?? ""] }));
  expect(gone.data.map(({ deleted }) => deleted)).toEqual([true, true]);
  expect((await done(suppressions.batch.remove({ emails: ["b@dest.test"] }))).data[0]?.deleted).toBe(false);
  expect(await refusal(suppressions.get("gone@dest.test"))).toMatchObject({ name: "not_found", statusCode: 404 });
  expect(await refusal(suppressions.add({ email: "nobody" }))).toMatchObject({ name: "validation_error" });
});

test("domains.verify asks the DNS, and a proved domain may send", async () => {
  // Asked over DoH in the next test's way; here the service's resolver is not reachable: nothing is called missing.
  const made = await done(resend.domains.create({ name: "unreachable.example.com" }));
  await done(resend.domains.verify(made.id));
  const { records, status } = await done(resend.domains.get(made.id));
  expect(new Set(records.map((record) => record.status))).toEqual(new Set(["temporary_failure"]));
  expect(status).toBe("pending");
});

test("webhooks.*: made, read, changed, turned, their events read and replayed, removed", async () => {
  const endpoint = "https://hooks.example.invalid/in";
  const made = await done(resend.webhooks.create({ endpoint, events: ["suppression.added", "email.sent"] }));
  expect(made).toMatchObject({ object: "webhook", signing_secret: expect.stringMatching(/^whsec_/) });
  const { id } = made;
  expect(await done(resend.webhooks.get(id))).toMatchObject({
    ...{ object: "webhook", id, endpoint, status: "enabled", events: ["suppression.added", "email.sent"] },
    signing_secret: made.signing_secret,
  });
  expect(await done(resend.webhooks.list())).toMatchObject({
    object: "list",
    has_more: false,
    data: [{ id, endpoint }],
  });
  expect(await done(resend.webhooks.update(id, { events: ["suppression.added"] }))).toEqual({ object: "webhook", id });
  const turned = await done(resend.webhooks.rotateSigningSecret(id));
  expect(turned).toEqual({ object: "webhook", id, signing_secret: expect.stringMatching(/^whsec_/) });
  expect(turned.signing_secret).not.toBe(made.signing_secret);
  await done(resend.suppressions.add({ email: "listened@dest.test" }));
  const listed = async () => (await done(resend.webhooks.events.list({ webhookId: id }))).data;
  await expect.poll(listed).toMatchObject([{ type: "suppression.added" }]);
  const eventId = (await listed())[0]?.id ?? "";
  expect(await done(resend.webhooks.events.get({ webhookId: id, eventId }))).toMatchObject({
    ...{ object: "webhook_event", id: eventId },
    payload: { type: "suppression.added", data: { email: "listened@dest.test" } },
  });
  const attempts = async () => (await done(resend.webhooks.events.attempts.list({ webhookId: id, eventId }))).data;
  await expect.poll(attempts).toMatchObject([{ http_status_code: 0 }]);
  expect(await done(resend.webhooks.events.replay({ webhookId: id, eventId }))).toEqual({
    ...{ object: "webhook_event", id: eventId },
  });
  for (const [path, body] of [
    ["replay", { status: "all" }],
    ["test", undefined],
  ] as const)
    await fetch(`${stack.url}/v1/webhooks/${id}/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
  await fetch(`${stack.url}/v1/events`, { headers: { authorization: `Bearer ${apiKey}` } });
  expect(
    await refusal(resend.webhooks.create({ endpoint: "http://127.0.0.1/", events: ["email.sent"] })),
  ).toMatchObject({
    name: "security_error",
  });
  expect(await done(resend.webhooks.remove(id))).toEqual({ object: "webhook", id, deleted: true });
  expect(await refusal(resend.webhooks.get(id))).toMatchObject({ name: "not_found", statusCode: 404 });
});

test("what the contract has and this service has not is a 404 in its JSON", async () => {
  expect(await refusal(resend.broadcasts.list())).toMatchObject({ name: "not_found", statusCode: 404 });
  expect(await refusal(resend.contacts.list({ audienceId: "x" }))).toMatchObject({ name: "not_found" });
});

test("each reply was as the OpenAPI document says, and every operation of an account was seen", async () => {
  const request = (method: string, path: string, body?: unknown) =>
    fetch(`${stack.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    }).then((response) => response.json() as Promise<Record<string, unknown>>);
  const bulk = await request(
    "POST",
    "/v1/emails/bulk",
    `${JSON.stringify({ from: "a@sandbox.test", subject: "B {{n}}", text: "{{n}}" })}\n{"to":"x@sandbox.test","variables":{"n":1}}\n`,
  );
  expect(bulk).toMatchObject({ status: "complete", accepted: 1 });
  await request("GET", `/v1/emails/bulk/${String(bulk["id"])}`);
  const { data } = await done(resend.emails.list({ limit: 1 }));
  await request("GET", `/v1/emails/${data[0]?.id ?? ""}/events`);
  await request("GET", "/v1/emails/receiving");
  const nothing = `/v1/emails/receiving/${data[0]?.id ?? ""}`;
  for (const path of ["", "/attachments", "/attachments/1"]) await request("GET", nothing + path);
  await request("DELETE", nothing);
  for (const path of ["/v1/limits", "/v1/sandbox/messages", "/v1/senders", "/v1/openapi.json"])
    await request("GET", path);
  const key = await request("POST", "/v1/api-keys", { name: "Turning" });
  await request("POST", `/v1/api-keys/${String(key["id"])}/rotate`);
  await stack.admin("PUT", `/admin/accounts/${apiKey.split("_")[1] ?? ""}/domains/mine.test`, {
    status: "verified",
  });
  const { data: domains } = await done(resend.domains.list());
  await request("GET", `/v1/domains/${domains[0]?.id ?? ""}/dmarc`);
  expect(await request("POST", "/v1/suppressions/import", "email\na@dest.test\n")).toMatchObject({ added: 1 });
  await fetch(`${stack.url}/v1/suppressions/export`, { headers: { authorization: `Bearer ${apiKey}` } });
  const sender = await request("POST", "/v1/senders", { email: "me@mine.test" });
  await request("DELETE", `/v1/senders/${String(sender["id"])}`);
  expect(faults).toEqual([
    "GET /v1/broadcasts is not in the document",
    "GET /v1/segments/x/contacts is not in the document",
  ]);
  const operators = /Account|Relay|Audit|vouch|OperatorSuppression/;
  expect(check.operations.filter((name) => !operators.test(name) && !check.seen.has(name))).toEqual([]);
});
