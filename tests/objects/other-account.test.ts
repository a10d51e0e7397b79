/**
 * What one account has another cannot see, change or name: every endpoint behind a key is called with the other's key
 * and every id that the first has. The endpoints come from the contract's table, so none is forgotten.
 */
import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { ENDPOINTS } from "#contract/endpoints.ts";
import type { Endpoint } from "#contract/endpoints/endpoint.ts";
import { handOver, mailOf, receiveFor } from "./support/received-scene.ts";
import { call, goodSend, openAccount, sqlIn, type TestAccount } from "./support/worker-calls.ts";

afterEach(reset);

type Json = Record<string, unknown>;

/** One of everything that has an id, by the word in its path. */
const furnish = async (account: TestAccount): Promise<Record<string, string>> => {
  const { token } = account;
  const made = async (path: string, body: unknown): Promise<string> =>
    String(((await call("POST", path, { token, body })).body as Json)["id"]);
  await call("PUT", `/admin/accounts/${account.id}/domains/shop.test`, {
    token: env.HIKYAKU_ADMIN_TOKEN,
    body: { status: "verified" },
  });
  const bulk = await call("POST", "/v1/emails/bulk", {
    token,
    raw: new Response('{"from":"a@shop.test","subject":"s","text":"t"}\n{"to":"b@inbox.test"}\n').body ?? "",
  });
  const template = await made("/v1/templates", { name: "Secret", html: "secret", alias: "secret" });
  await call("POST", `/v1/templates/${template}/publish`, { token });
  return {
    emails: await made("/v1/emails", goodSend({ scheduled_at: new Date(Date.now() + 3_600_000).toISOString() })),
    bulk: String((bulk.body as Json)["id"]),
    domains: await made("/v1/domains", { name: "secret.test" }),
    "api-keys": await made("/v1/api-keys", { name: "Secret" }),
    templates: template,
    senders: await made("/v1/senders", { email: "secret@shop.test" }),
    receiving: await receivedBy(account),
    suppressions: await made("/v1/suppressions", { email: "secret@dest.test" }),
    webhooks: await made("/v1/webhooks", { endpoint: "https://secret.example.com", events: ["email.sent"] }),
  };
};

const receivedBy = async (account: TestAccount): Promise<string> => {
  await handOver(await receiveFor(account), "Secret", mailOf("Secret", { head: { subject: "Secret" } }));
  const [{ id } = { id: "" }] = await sqlIn<{ id: string }>(
    account.stub,
    "SELECT data ->> 'email_id' AS id FROM notice WHERE type = 'email.received'",
  );
  return id;
};

const everything = async ({ stub }: TestAccount): Promise<unknown> => {
  const tables = [
    "email",
    "part",
    "delivery",
    "idem",
    "api_key",
    "domain",
    "template",
    "sender",
    "bulk",
    "suppression",
    "webhook",
    "received",
    "audit",
    "setting",
  ];
  return Promise.all(tables.map((table) => sqlIn(stub, `SELECT * FROM ${table} ORDER BY 1`)));
};

/** Nothing else in an answer may be of the other account: neither its ids nor what it wrote. */
const SECRET = /secret/i;

const BODIES: Record<string, unknown> = {
  updateEmail: { scheduled_at: new Date(Date.now() + 7_200_000).toISOString() },
  updateDomain: { tls: "enforced" },
  updateApiKey: { name: "Mine" },
  updateTemplate: { name: "Mine" },
  updateWebhook: { status: "disabled" },
  replayWebhook: {},
};

const behindKey = Object.entries<Endpoint>(ENDPOINTS).filter(([, { needs }]) => needs === "send" || needs === "full");

test("each endpoint with an id answers another account that there is nothing, and nothing changes", async () => {
  const [owner, other] = [await openAccount(), await openAccount()];
  const ids = await furnish(owner);
  const before = await everything(owner);
  const withId = behindKey.filter(([, { path }]) => path.includes(":id"));
  expect(withId.length).toBeGreaterThan(15);
  for (const [name, { method, path }] of withId) {
    const room = ["bulk", "receiving"].find((word) => path.includes(`/${word}/`)) ?? path.split("/")[2] ?? "";
    const id = ids[room];
    expect(id, `${name}: nothing was made for ${room}`).toBeTruthy();
    const body = BODIES[name];
    const asked = await call(method, path.replace(":id", id ?? ""), {
      token: other.token,
      ...(body !== undefined && { body }),
    });
    expect(asked, name).toMatchObject({ status: 404, body: { name: "not_found" } });
  }
  for (const alias of ["secret", ids["templates"]]) {
    const body = { from: "a@b.test", to: "c@d.test", subject: "s", template: { id: alias } };
    expect(await call("POST", "/v1/emails", { token: other.token, body })).toMatchObject({ status: 404 });
  }
  const bound = await call("POST", "/v1/api-keys", {
    token: other.token,
    body: { name: "k", domain_id: ids["domains"] },
  });
  expect(bound.status).toBe(400);
  expect(await everything(owner)).toEqual(before);
});

test("no list of another account shows anything of it, nor takes its ids for cursors", async () => {
  const [owner, other] = [await openAccount(), await openAccount()];
  const ids = await furnish(owner);
  const lists = behindKey.filter(([, { method, path }]) => method === "GET" && !path.includes(":id"));
  expect(lists.length).toBeGreaterThan(7);
  for (const [name, { path, query }] of lists) {
    const text = JSON.stringify((await call("GET", path, { token: other.token })).body);
    for (const id of Object.values(ids)) expect(text, name).not.toContain(id);
    expect(text, name).not.toMatch(SECRET);
    if (!query || name === "emailMetrics") continue;
    const room = path.split("/")[2] ?? "";
    expect(await call("GET", `${path}?after=${ids[room] ?? ""}`, { token: other.token }), name).toMatchObject({
      status: 404,
    });
  }
});

test("the same idempotency key, domain and alias in two accounts are two", async () => {
  const [one, two] = [await openAccount(), await openAccount()];
  const send = async ({ token }: TestAccount) =>
    (await call("POST", "/v1/emails", { token, headers: { "idempotency-key": "same" }, body: goodSend() }))
      .body as Json;
  expect((await send(one))["id"]).not.toBe((await send(two))["id"]);
  for (const { token } of [one, two]) {
    expect(await call("POST", "/v1/domains", { token, body: { name: "both.test" } })).toMatchObject({ status: 200 });
    expect(await call("POST", "/v1/templates", { token, body: { name: "T", html: "x", alias: "both" } })).toMatchObject(
      { status: 200 },
    );
  }
});

test("an API key opens nothing of the operator's, and the operator's token nothing of an account's", async () => {
  const account = await openAccount();
  for (const [name, { method, path, needs }] of Object.entries<Endpoint>(ENDPOINTS)) {
    if (needs === "open") continue;
    const token = needs === "admin" ? account.token : env.HIKYAKU_ADMIN_TOKEN;
    const asked = await call(method, path.replace(":id", account.id).replace(":domain", "a.test"), {
      token,
      ...(method !== "GET" && { body: {} }),
    });
    expect(asked, name).toMatchObject({ status: 403, body: { name: "invalid_api_key" } });
  }
});
