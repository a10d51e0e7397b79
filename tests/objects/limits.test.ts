/**
 * What an account's windows count and what they do not, what a refusal says, and that the edge keeps it in mind.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { sha256Hex } from "../../gateway/core/token.ts";
import { DEFAULT_LIMITS, TRIAL_LIMITS } from "#contract/limits.ts";
import { call, countIn, goodSend, openAccount, type TestAccount } from "./support/worker-calls.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const HOUR_MS = 3600_000;
const inAnHour = (): string => new Date(Date.now() + HOUR_MS).toISOString();
/** From now on that hour has passed. */
const later = (): void => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + HOUR_MS + 1 });

type Json = Record<string, unknown>;

const send = ({ token }: TestAccount, fields: object = {}, headers: Record<string, string> = {}) =>
  call("POST", "/v1/emails", { token, headers, body: goodSend(fields) });

const used = async ({ token }: TestAccount, name: string): Promise<unknown> => {
  const { body } = await call("GET", "/v1/limits", { token });
  return ((body as Json)["data"] as Json[]).find((limit) => limit["name"] === name)?.["used"];
};

const setLimits = (account: TestAccount, change: object) =>
  call("PATCH", `/admin/accounts/${account.id}`, { token: env.HIKYAKU_ADMIN_TOKEN, body: change });

const full = (name: string, window: string) => ({
  status: 429,
  body: { statusCode: 429, name, message: expect.stringContaining(`\`${window}\``) },
});

test("each window refuses with its own name, and stores nothing of what it refuses", async () => {
  for (const [limits, name] of [
    [{ recipients_per_10_minutes: 2 }, "rate_limit_exceeded"],
    [{ recipients_per_24_hours: 2 }, "daily_quota_exceeded"],
    [{ messages_per_sender_per_24_hours: 2 }, "daily_quota_exceeded"],
  ] as const) {
    const account = await openAccount({ limits });
    expect([(await send(account)).status, (await send(account)).status]).toEqual([200, 200]);
    expect(await send(account)).toEqual(full(name, Object.keys(limits)[0] ?? ""));
    expect(await countIn(account, "email")).toBe(2);
    expect(await countIn(account, "delivery")).toBe(2);
  }
});

test("more recipients than a window ever lets through are refused without a time to come back", async () => {
  const account = await openAccount({ limits: { recipients_per_10_minutes: 2 } });
  const answer = await send(account, { to: ["a@b.test", "c@b.test", "d@b.test"] });
  expect(answer).toEqual(full("rate_limit_exceeded", "recipients_per_10_minutes"));
  expect((answer.body as Json)["message"]).toContain("ever lets through");
  // That was this mail's fault: a smaller one passes.
  expect((await send(account)).status).toBe(200);
});

test("a sender is one sender however it is written; another has a window of its own", async () => {
  const account = await openAccount({ limits: { messages_per_sender_per_24_hours: 2 } });
  const from = (address: string) => send(account, { from: address });
  expect((await from("Ann <ann@shop.test>")).status).toBe(200);
  expect((await from("ANN@SHOP.TEST")).status).toBe(200);
  expect(await from("ann@shop.test")).toEqual(full("daily_quota_exceeded", "messages_per_sender_per_24_hours"));
  expect((await from("bob@shop.test")).status).toBe(200);
});

test("what was not accepted does not count: refusals, and replies given again", async () => {
  const account = await openAccount({ limits: { recipients_per_10_minutes: 3 } });
  for (let n = 0; n < 5; n++) expect((await send(account, {}, { "idempotency-key": "one" })).status).toBe(200);
  for (let n = 0; n < 5; n++) expect((await send(account, { to: "nobody" })).status).toBe(400);
  expect(await used(account, "recipients_per_10_minutes")).toBe(1);
});

test("an account that is full is refused from the edge's memory, and not a moment longer than the operator wants", async () => {
  const account = await openAccount({ limits: { recipients_per_10_minutes: 1 } });
  await send(account);
  expect((await send(account)).status).toBe(429);
  await runInDurableObject(account.stub, (instance) => {
    instance.accept = () => Promise.reject(new Error("the object was woken"));
  });
  expect(await send(account)).toEqual(full("rate_limit_exceeded", "recipients_per_10_minutes"));
  expect((await call("POST", "/v1/emails/batch", { token: account.token, body: [goodSend()] })).status).toBe(429);
  await evictDurableObject(account.stub);
  await setLimits(account, { limits: { recipients_per_10_minutes: 2 } });
  expect((await send(account)).status).toBe(200);
});

test("a window survives the object: evicted, it still knows", async () => {
  const account = await openAccount({ limits: { recipients_per_24_hours: 3, messages_per_sender_per_24_hours: 2 } });
  await send(account);
  await send(account, { from: "b@shop.test" });
  await evictDurableObject(account.stub);
  expect(await used(account, "recipients_per_24_hours")).toBe(2);
  expect((await send(account)).status).toBe(200);
  await evictDurableObject(account.stub);
  expect(await send(account, { from: "b@shop.test" })).toMatchObject({ status: 429 });
});

test("what an account starts with, and a trial account", async () => {
  const limitsOf = async (settings: object): Promise<unknown> => {
    const { id } = await openAccount(settings);
    return ((await call("GET", `/admin/accounts/${id}`, { token: env.HIKYAKU_ADMIN_TOKEN })).body as Json)["limits"];
  };
  expect(await limitsOf({ limits: {} })).toEqual(DEFAULT_LIMITS);
  expect(await limitsOf({ limits: {}, trial: true })).toEqual(TRIAL_LIMITS);
  expect(await limitsOf({ limits: { requests_per_second: 7 }, trial: true })).toEqual({
    ...TRIAL_LIMITS,
    requests_per_second: 7,
  });
});

test("a key with networks, and one that has expired", async () => {
  const account = await openAccount();
  const key = async (fields: object) =>
    String(
      ((await call("POST", "/v1/api-keys", { token: account.token, body: { name: "k", ...fields } })).body as Json)[
        "token"
      ],
    );
  const elsewhere = await key({ ip_allowlist: ["198.51.100.0/24", "2001:db8::/32"] });
  const ask = (token: string, ip?: string) =>
    call("GET", "/v1/limits", { token, ...(ip !== undefined && { headers: { "cf-connecting-ip": ip } }) });
  expect((await ask(elsewhere, "198.51.100.7")).status).toBe(200);
  expect((await ask(elsewhere, "2001:db8::7")).status).toBe(200);
  expect((await ask(elsewhere, "::ffff:198.51.100.7")).status).toBe(200);
  for (const ip of ["192.0.2.1", "2001:db9::7", "nonsense", undefined])
    expect(await ask(elsewhere, ip)).toMatchObject({ status: 403, body: { name: "invalid_access" } });
  const soon = await key({ expires_at: inAnHour() });
  expect((await ask(soon)).status).toBe(200);
  later();
  expect(await ask(soon)).toMatchObject({
    status: 403,
    body: { name: "invalid_api_key", message: expect.stringContaining("expired") },
  });
});

test("a suspended account takes nothing, and what it has queued is leased to nobody until it may go on", async () => {
  const account = await openAccount();
  await send(account);
  await setLimits(account, { status: "suspended" });
  expect(await send(account)).toMatchObject({ status: 403 });
  expect(await account.stub.lease("default", "relay-1", 10)).toMatchObject({ count: 0 });
  await setLimits(account, { status: "active" });
  expect(await account.stub.lease("default", "relay-1", 10)).toMatchObject({ count: 1 });
});

test("the audit log has every action of operator and keys, with who and from where, and no secret", async () => {
  const account = await openAccount();
  const { token } = account;
  await setLimits(account, { name: "Renamed" });
  const made = (
    await call("POST", "/v1/api-keys", { token, body: { name: "k" }, headers: { "cf-connecting-ip": "192.0.2.9" } })
  ).body as Json;
  const id = String(made["id"]);
  const turned = (await call("POST", `/v1/api-keys/${id}/rotate`, { token })).body as Json;
  await call("DELETE", `/v1/api-keys/${String(turned["id"])}`, { token });
  await call("POST", "/v1/domains", { token, body: { name: "a.test" } });
  const { body } = await call("GET", `/admin/accounts/${account.id}/audit`, { token: env.HIKYAKU_ADMIN_TOKEN });
  const entries = (body as Json)["data"] as Json[];
  expect(entries.map(({ action }) => action)).toEqual([
    "domain.created",
    "api_key.revoked",
    "api_key.rotated",
    "api_key.created",
    "account.updated",
    "account.opened",
  ]);
  expect(entries[3]).toMatchObject({ actor: expect.stringMatching(/^api_key:/), ip: "192.0.2.9", target: id });
  expect(entries[4]).toMatchObject({ actor: "operator", changes: { name: "Renamed" } });
  const text = JSON.stringify(entries);
  for (const secret of [made["token"], turned["token"]]) expect(text).not.toContain(String(secret).split("_")[3]);
  expect(text).not.toContain("PRIVATE");
  const page = (await call("GET", `/admin/accounts/${account.id}/audit?limit=2`, { token: env.HIKYAKU_ADMIN_TOKEN }))
    .body as Json;
  expect(page).toMatchObject({ has_more: true, data: [{ action: "domain.created" }, { action: "api_key.revoked" }] });
});

test("who opens and closes accounts and lets relays join is written down, and stays when the account is gone", async () => {
  const token = env.HIKYAKU_ADMIN_TOKEN;
  const headers = { "cf-connecting-ip": "192.0.2.7" };
  const made = (await call("POST", "/admin/accounts", { token, headers, body: { name: "Short" } })).body as Json;
  const relay = (await call("POST", "/admin/relays", { token, headers, body: { name: "mx9" } })).body as Json;
  await call("DELETE", `/admin/relays/${String(relay["id"])}`, { token, headers });
  await call("DELETE", `/admin/accounts/${String(made["id"])}`, { token, headers });
  expect(await call("DELETE", "/admin/relays/none", { token })).toMatchObject({ status: 404 });
  const { body } = await call("GET", "/admin/audit?limit=4", { token });
  const entries = (body as Json)["data"] as Json[];
  expect(entries.map(({ action, target, ip, actor }) => [action, target, ip, actor])).toEqual([
    ["account.deleted", made["id"], "192.0.2.7", "operator"],
    ["relay.deleted", relay["id"], "192.0.2.7", "operator"],
    ["relay.created", relay["id"], "192.0.2.7", "operator"],
    ["account.created", made["id"], "192.0.2.7", "operator"],
  ]);
  expect(JSON.stringify(body)).not.toContain(String(relay["token"]).split("_")[2]);
  const next = await call("GET", `/admin/audit?limit=1&after=${String(entries[0]?.["id"])}`, { token });
  expect(next.body).toMatchObject({ has_more: true, data: [{ id: entries[1]?.["id"] }] });
  expect(await call("GET", "/admin/audit", {})).toMatchObject({ status: 401 });
});

test("a rotated key has a new secret, its old one is out, and it keeps what it may do", async () => {
  const account = await openAccount();
  const key = (
    await call("POST", "/v1/api-keys", { token: account.token, body: { name: "k", permission: "sending_access" } })
  ).body as Json;
  const turned = (await call("POST", `/v1/api-keys/${String(key["id"])}/rotate`, { token: account.token }))
    .body as Json;
  expect(await call("GET", "/v1/limits", { token: String(key["token"]) })).toMatchObject({ status: 403 });
  expect(await call("GET", "/v1/limits", { token: String(turned["token"]) })).toMatchObject({ status: 200 });
  expect(await call("GET", "/v1/emails", { token: String(turned["token"]) })).toMatchObject({ status: 401 });
});

test("a closed account is gone: its key, its mail, and its place in the list", async () => {
  const account = await openAccount();
  await send(account);
  const token = env.HIKYAKU_ADMIN_TOKEN;
  expect(await call("DELETE", `/admin/accounts/${account.id}`, { token })).toMatchObject({
    status: 200,
    body: { deleted: true },
  });
  expect(await call("GET", `/admin/accounts/${account.id}`, { token })).toMatchObject({ status: 404 });
  expect(await send(account)).toMatchObject({ status: 403, body: { name: "invalid_api_key" } });
  expect(await call("DELETE", `/admin/accounts/${account.id}`, { token })).toMatchObject({ status: 404 });
});

test("registered senders: only what is listed, and listed can be only what is in a verified domain", async () => {
  const account = await openAccount({ allowed_senders: "registered" });
  await call("PUT", `/admin/accounts/${account.id}/domains/shop.test`, {
    token: env.HIKYAKU_ADMIN_TOKEN,
    body: { status: "verified" },
  });
  const { token } = account;
  expect(await call("POST", "/v1/senders", { token, body: { email: "x@elsewhere.test" } })).toMatchObject({
    status: 403,
  });
  expect((await send(account, { from: "ann@shop.test" })).status).toBe(403);
  const sender = (await call("POST", "/v1/senders", { token, body: { email: "Ann <ann@shop.test>" } })).body as Json;
  expect(sender).toMatchObject({ object: "sender", email: "ann@shop.test" });
  expect((await send(account, { from: "ANN@shop.test" })).status).toBe(200);
  expect((await send(account, { from: "bob@shop.test" })).status).toBe(403);
  expect((await send(account, { from: "ann@shop.test", headers: { Sender: "bob@shop.test" } })).status).toBe(403);
  await call("DELETE", `/v1/senders/${String(sender["id"])}`, { token });
  expect((await send(account, { from: "ann@shop.test" })).status).toBe(403);
});

test("requests that never come to the account are not free: a key has so many a second of them", async () => {
  const account = await openAccount({ limits: { requests_per_second: 5 } });
  expect((await call("GET", "/v1/limits", { token: account.token })).status).toBe(200);
  const statuses: number[] = [];
  for (let n = 0; n < 30; n++) statuses.push((await send(account, { from: "nobody" })).status);
  expect(statuses).toContain(429);
  expect(statuses.filter((status) => status === 422).length).toBeLessThanOrEqual(10);
});

test("a key that is bound makes no key, and one that has expired is not turned into a living one", async () => {
  const account = await openAccount();
  const key = async (fields: object) =>
    (await call("POST", "/v1/api-keys", { token: account.token, body: { name: "k", ...fields } })).body as Json;
  const domain = (await call("POST", "/v1/domains", { token: account.token, body: { name: "one.test" } })).body as Json;
  const bound = await key({ domain_id: domain["id"] });
  const made = await call("POST", "/v1/api-keys", { token: String(bound["token"]), body: { name: "free" } });
  expect(made).toMatchObject({ status: 401, body: { name: "restricted_api_key" } });
  const brief = await key({ expires_at: inAnHour() });
  later();
  const turned = await call("POST", `/v1/api-keys/${String(brief["id"])}/rotate`, { token: account.token });
  expect(turned).toMatchObject({ status: 400, body: { message: expect.stringContaining("expired") } });
  const { body } = await call("GET", "/v1/api-keys", { token: account.token });
  expect(JSON.stringify(body)).toContain(String(brief["id"]));
});

test("mail that was leased in a pool is its relay's, whichever pool the account's mail leaves from now", async () => {
  const account = await openAccount();
  await send(account);
  const { lease } = await account.stub.lease("default", "relay-1", 10);
  expect(lease).toBeGreaterThan(0);
  await setLimits(account, { stream_pools: { transactional: "dedicated", bulk: "dedicated" } });
  expect(await account.stub.reconcile("dedicated", "relay-1", [])).toMatchObject({ returned: 0 });
  expect(await account.stub.lease("dedicated", "relay-2", 10)).toMatchObject({ count: 0 });
  // The relay comes back to its own pool without it: it was lost on the way.
  expect(await account.stub.reconcile("default", "relay-1", [])).toMatchObject({ returned: 1 });
  expect(await account.stub.lease("dedicated", "relay-2", 10)).toMatchObject({ count: 1 });
});

test("what is canceled leaves nothing to watch over", async () => {
  const account = await openAccount();
  const soon = new Date(Date.now() + 60_000).toISOString();
  const { id } = (await send(account, { scheduled_at: soon })).body as { id: string };
  await call("POST", `/v1/emails/${id}/cancel`, { token: account.token });
  expect(await account.stub.lease("default", "relay-1", 10)).toMatchObject({ count: 0 });
  await runInDurableObject(account.stub, async (instance, { storage }) => {
    await storage.deleteAlarm();
    await instance.alarm();
    const atMs = await storage.getAlarm();
    expect(atMs === null || atMs > Date.now() + 20_000).toBe(true);
  });
});

test("a key gives its reply again when the time it was scheduled for has passed", async () => {
  const account = await openAccount();
  const { id } = (await send(account)).body as { id: string };
  const body = goodSend({ scheduled_at: "2026-01-01T00:00:00Z" });
  expect(await send(account, { scheduled_at: "2026-01-01T00:00:00Z" }, { "idempotency-key": "then" })).toMatchObject({
    status: 400,
  });
  // As if it had been accepted while that time was still to come.
  const fingerprint = await sha256Hex(JSON.stringify(body));
  await runInDurableObject(account.stub, (_, { storage }) => {
    storage.sql.exec("INSERT INTO idem (key, k, fingerprint) SELECT 'then', k, ? FROM email", fingerprint);
  });
  const again = await call("POST", "/v1/emails", {
    token: account.token,
    headers: { "idempotency-key": "then" },
    body,
  });
  expect(again).toEqual({ status: 200, body: { id } });
});
