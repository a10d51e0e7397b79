/**
 * Whatever is posted: for every field of every endpoint that takes a body, everything that it is not. The cases are made
 * from the schemas, so a new field has its cases the day it comes. A refusal is the contract's JSON with a 4xx, and
 * nothing is stored of it; never a 5xx.
 */
import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { ENDPOINTS } from "#contract/endpoints.ts";
import type { Endpoint } from "#contract/endpoints/endpoint.ts";
import { ProblemBody } from "#contract/problem.ts";
import { call, goodSend, openAccount, sqlIn, type TestAccount } from "./support/worker-calls.ts";

afterAll(reset);

type Json = Record<string, unknown>;

/** A body that each endpoint takes. */
const GOOD: Record<string, unknown> = {
  sendEmail: {
    ...goodSend(),
    cc: ["c@inbox.test"],
    bcc: "d@inbox.test",
    reply_to: "e@inbox.test",
    headers: { "X-Ref": "1" },
    tags: [{ name: "a", value: "b" }],
    attachments: [{ filename: "a.txt", content: "aGk=", content_type: "text/plain", content_id: "one" }],
    stream: "bulk",
    require_tls: true,
    metadata: { order: "1" },
    on_suppressed: "refuse",
  },
  sendBatch: [goodSend({ tags: [{ name: "a", value: "b" }] })],
  updateEmail: { scheduled_at: new Date(Date.now() + 3_600_000).toISOString() },
  createDomain: {
    name: "fresh.test",
    region: "eu-west-1",
    custom_return_path: "out",
    tls: "enforced",
    capabilities: { sending: "enabled" },
    when_broken: "stop",
  },
  updateDomain: {
    tls: "enforced",
    open_tracking: true,
    capabilities: { receiving: "disabled" },
    when_broken: "stop",
    mta_sts: { mode: "testing", mx: ["mx.there.test"], max_age: 86_400 },
  },
  createApiKey: {
    name: "key",
    permission: "sending_access",
    ip_allowlist: ["192.0.2.0/24"],
    expires_at: "2099-01-01T00:00:00Z",
  },
  createAccountKey: { name: "key", permission: "full_access" },
  updateApiKey: { name: "key" },
  createTemplate: {
    name: "T",
    html: "<p>",
    subject: "S",
    text: "t",
    alias: "a-b",
    from: "a@b.test",
    reply_to: ["c@d.test"],
    variables: [{ key: "k", type: "string", fallback_value: "f" }],
  },
  updateTemplate: {
    name: "T",
    html: "<p>",
    subject: "S",
    variables: [{ key: "k", type: "number", fallback_value: 1 }],
  },
  createSender: { email: "a@shop.test" },
  createAccount: {
    name: "A",
    allowed_senders: "any",
    stream_pools: { transactional: "default", bulk: "bulk" },
    limits: { requests_per_second: 5 },
    trial: true,
    ip_allowlist: ["::1"],
  },
  updateAccount: {
    name: "A",
    status: "active",
    limits: { recipients_per_24_hours: 5 },
    stream_pools: { bulk: "b" },
    trial: false,
    ip_allowlist: [],
  },
  vouchForDomain: { status: "verified", dkim: [{ selector: "s1", private_key: "PEM" }] },
  createRelay: { name: "R", pools: ["default"] },
  addSuppression: { email: "a@dest.test", stream: "bulk", expires_at: "2099-01-01T00:00:00Z" },
  addSuppressions: { emails: ["a@dest.test", "*@dest.test"], stream: "bulk", expires_at: "2099-01-01T00:00:00Z" },
  removeSuppressions: { emails: ["a@dest.test"] },
  createWebhook: { endpoint: "https://hooks.example.com/in", events: ["email.sent"] },
  updateWebhook: { endpoint: "https://hooks.example.com/in", events: ["email.sent"], status: "disabled" },
  replayWebhook: { status: "all", since: "2026-11-24T00:00:00Z", until: "2099-01-01T00:00:00Z" },
  putOperatorSuppressions: { emails: ["a@dest.test", "*@dest.test"], note: "a typo" },
};

/** Fields of free text: line breaks and any letters are theirs, or the field takes what others may not. */
const FREE = /(^|\.)(html|text|metadata\.\w+|fallback_value|attachments\.content)$/;

const DEEP: unknown = JSON.parse("[".repeat(2000) + "]".repeat(2000));

const WRONG: [what: string, value: unknown][] = [
  ["a number", 7],
  ["a negative number", -1],
  ["a fraction", 1.5],
  ["a huge number", 1e300],
  ["true", true],
  ["null", null],
  ["an empty list", []],
  ["an empty object", {}],
  ["a list of numbers", [1]],
  ["an object", { a: { b: 1 } }],
  ["deep nesting", DEEP],
  ["an empty text", ""],
  ["CR and LF", "a\r\nBcc: x@y.test"],
  ["LF", "\n"],
  ["NUL", "a\0b"],
  ["half of a surrogate pair", "a\ud800"],
  ["a long text", "x".repeat(3_000_000)],
  ["a control character", "\u0007"],
  ["an odd word", "definitely-not-this"],
];

/** Every place in a body, as a path to put something at. */
const placesIn = (value: unknown, path: (string | number)[] = []): (string | number)[][] => {
  if (typeof value !== "object" || value === null) return [path];
  const inner = Object.entries(value).flatMap(([name, part]) =>
    placesIn(part, [...path, Array.isArray(value) ? Number(name) : name]),
  );
  return path.length === 0 ? inner : [path, ...inner];
};

const withValueAt = (body: unknown, [name, ...rest]: (string | number)[], value: unknown): unknown => {
  if (name === undefined) return value;
  if (Array.isArray(body)) return body.map((part, index) => (index === name ? withValueAt(part, rest, value) : part));
  return { ...(body as Json), [name]: withValueAt((body as Json)[name], rest, value) };
};

const cases = Object.entries<Endpoint>(ENDPOINTS)
  .filter(([, { body }]) => body !== undefined)
  .flatMap(([name, endpoint]) => {
    const good = GOOD[name];
    const places = [[], ...placesIn(good)];
    const odd = places.flatMap((place) =>
      WRONG.map(([what, value]) => ({ name, endpoint, place, what, body: withValueAt(good, place, value) })),
    );
    const unknown = {
      name,
      endpoint,
      place: ["unknown field"],
      what: "there",
      body: Array.isArray(good) ? [{ ...good[0], zzz: 1 }] : { ...(good as Json), zzz: 1 },
    };
    return [...odd, unknown];
  });

/** Rows of all tables that a refused request might have written to. */
const rowsOf = async (account: TestAccount): Promise<unknown> => {
  const tables = [
    "email",
    "part",
    "delivery",
    "staged",
    "idem",
    "api_key",
    "domain",
    "template",
    "sender",
    "bulk",
    "suppression",
    "webhook",
    "notice",
    "audit",
    "notice",
    "setting",
  ];
  const counts = tables.map((table) => `(SELECT COUNT(*) FROM ${table}) AS ${table}`).join(", ");
  return sqlIn(account.stub, `SELECT ${counts}`);
};

/** Names that may be there once only must not hide the fault that a case is about. */
const fresh = (name: string, body: unknown, place: readonly (string | number)[], index: number): unknown => {
  if (name === "createDomain" && place.length > 0 && place[0] !== "name")
    return { ...(body as Json), name: `d${index}.test` };
  if (name === "createTemplate" && place.length > 0 && place[0] !== "alias")
    return { ...(body as Json), alias: `a${index}` };
  return body;
};

/** Things of the account that its endpoints with an id are asked about. */
const idsOf = async ({ token }: TestAccount): Promise<Record<string, string>> => {
  const made = async (path: string, body: unknown): Promise<string> =>
    String(((await call("POST", path, { token, body })).body as Json)["id"]);
  return {
    emails: await made("/v1/emails", goodSend({ scheduled_at: new Date(Date.now() + 3_600_000).toISOString() })),
    domains: await made("/v1/domains", { name: "there.test" }),
    "api-keys": await made("/v1/api-keys", { name: "there" }),
    templates: await made("/v1/templates", { name: "there", html: "x" }),
    webhooks: await made("/v1/webhooks", { endpoint: "https://there.example.com", events: ["email.sent"] }),
  };
};

const Refusal = ProblemBody.strict();

test("there are more than two thousand cases, of every endpoint that takes a body", () => {
  expect(cases.length).toBeGreaterThan(2000);
  const withBody = Object.entries<Endpoint>(ENDPOINTS)
    .filter(([, { body }]) => body !== undefined)
    .map(([name]) => name);
  expect(Object.keys(GOOD).toSorted()).toEqual(withBody.toSorted());
});

test.each(Object.keys(GOOD))(
  "%s: anything wrong with any field is a refusal, and nothing of it is stored",
  async (name) => {
    const account = await openAccount();
    await call("PUT", `/admin/accounts/${account.id}/domains/shop.test`, {
      token: env.HIKYAKU_ADMIN_TOKEN,
      body: { status: "verified" },
    });
    const ids = await idsOf(account);
    // What is there: only of a verified domain may all be set.
    await call("PUT", `/admin/accounts/${account.id}/domains/there.test`, {
      token: env.HIKYAKU_ADMIN_TOKEN,
      body: { status: "verified" },
    });
    const taken: string[] = [];
    let before = await rowsOf(account);
    for (const [index, { endpoint, place, what, body: odd }] of cases.filter((one) => one.name === name).entries()) {
      const body = fresh(name, odd, place, index);
      const path = endpoint.path
        .replace("/accounts/:id", `/accounts/${account.id}`)
        .replace(":domain", "shop.test")
        .replace(":id", ids[endpoint.path.split("/")[2] ?? ""] ?? "");
      const token = endpoint.needs === "admin" ? env.HIKYAKU_ADMIN_TOKEN : account.token;
      const { status, body: answer } = await call(endpoint.method, path, { token, body });
      const which = `${name} with ${what} at ${place.join(".")}`;
      const after = await rowsOf(account);
      if (status === 200) {
        taken.push(`${place.filter((part) => typeof part === "string").join(".")}: ${what}`);
        before = after;
        continue;
      }
      expect(Refusal.safeParse(answer).success, `${which}: ${status} ${JSON.stringify(answer).slice(0, 300)}`).toBe(
        true,
      );
      expect(status, `${which}: ${JSON.stringify(answer).slice(0, 300)}`).toBeGreaterThanOrEqual(400);
      expect(status, `${which}: ${JSON.stringify(answer).slice(0, 300)}`).toBeLessThan(500);
      expect(after, which).toEqual(before);
    }
    // What was taken is nothing that could end a header, and no other kind of value than the field's own.
    for (const line of taken) {
      const [field = "", what = ""] = line.split(": ");
      if (["NUL", "half of a surrogate pair", "deep nesting"].includes(what)) expect.unreachable(`taken: ${line}`);
      if (["CR and LF", "LF", "a control character", "a long text"].includes(what)) expect(field, line).toMatch(FREE);
    }
    expect(taken.join("\n")).toMatchSnapshot();
  },
  120_000,
);

test("a schema that takes a body says so of every field: no field is untyped", () => {
  const untyped: string[] = [];
  const look = (schema: unknown, path: string): void => {
    if (typeof schema !== "object" || schema === null) return;
    const { properties } = schema as { properties?: Json };
    for (const [field, part] of Object.entries(properties ?? {})) {
      if (Object.keys(part as Json).length === 0) untyped.push(`${path}.${field}`);
      look(part, `${path}.${field}`);
    }
  };
  for (const [name, { body }] of Object.entries<Endpoint>(ENDPOINTS))
    if (body) look(z.toJSONSchema(body, { io: "input" }), name);
  expect(untyped).toEqual([]);
});
