/**
 * Who may do what with which key: refusals in the contract's words, nothing stored, and no object woken by
 * what was not minted here.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { mintApiKey, tagKey } from "../../gateway/core/token.ts";
import {
  call,
  countIn,
  goodSend,
  mintKey,
  objectsMadeBy,
  openAccount,
  openRelay,
  sendEmail,
} from "./support/worker-calls.ts";

afterEach(reset);

const SEND = { method: "POST", path: "/v1/emails" };
const SOME_ID = "01a20d37-a323-7000-8d1f-72a42b3cc6d9";

/** Everything behind an API key. */
const ROUTES = [
  SEND,
  { method: "GET", path: "/v1/emails" },
  { method: "GET", path: `/v1/emails/${SOME_ID}` },
  { method: "GET", path: `/v1/emails/${SOME_ID}/events` },
  { method: "GET", path: "/v1/sandbox/messages" },
  { method: "GET", path: "/v1/api-keys" },
  { method: "POST", path: "/v1/api-keys" },
  { method: "DELETE", path: "/v1/api-keys/abcdef" },
];

const problem = (status: number, name: string) => ({
  status,
  body: { statusCode: status, name, message: expect.any(String) },
});

/** Calls a route with a body where it takes one. */
const knock = (route: { method: string; path: string }, token: string | undefined) =>
  call(route.method, route.path, {
    ...(token === undefined ? {} : { token }),
    ...(route.method === "POST" ? { body: goodSend() } : {}),
  });

test.each(ROUTES)("$method $path without a key is refused and wakes no object", async (route) => {
  const made = await objectsMadeBy(env.ACCOUNT, async () =>
    expect(await knock(route, undefined)).toEqual(problem(401, "missing_api_key")),
  );
  expect(made).toBe(0);
});

const SHAPE = `hk_${"0".repeat(12)}_${"0".repeat(6)}_${"0".repeat(32)}`;

const GARBAGE: [what: string, token: string][] = [
  ["one letter", "x"],
  ["the scheme again", "Bearer"],
  ["percent escapes", "%00%ff"],
  ["a key of Resend's shape", "re_123456789_abcdefghijklmnopqrstuvwxyz"],
  ["our prefix", "hk_"],
  ["our separators", "hk____"],
  ["our shape without a tag", SHAPE],
  ["our shape with an empty tag", `${SHAPE}_`],
  ["our shape with a tag nobody made", `${SHAPE}_${"0".repeat(13)}`],
  ["a relay token nobody made", `hr_${"0".repeat(12)}_${"0".repeat(32)}_${"0".repeat(13)}`],
  ["ten thousand letters", "k".repeat(10_000)],
  ["the admin token", env.HIKYAKU_ADMIN_TOKEN],
  ["the master key", env.HIKYAKU_MASTER_KEY],
];

test.each(GARBAGE)("a garbage key, %s, is refused on every route and wakes no object", async (_, token) => {
  const made = await objectsMadeBy(env.ACCOUNT, async () => {
    for (const route of ROUTES) expect(await knock(route, token)).toEqual(problem(403, "invalid_api_key"));
  });
  expect(made).toBe(0);
});

test("the count of objects can tell: a key of ours for an account nobody opened makes one", async () => {
  const random = crypto.getRandomValues(new Uint8Array(38));
  const { token } = await mintApiKey(await tagKey(env.HIKYAKU_MASTER_KEY), "zzzzzzzzzzzz", random);
  const made = await objectsMadeBy(env.ACCOUNT, async () =>
    expect(await knock(SEND, token)).toEqual(problem(403, "invalid_api_key")),
  );
  expect(made).toBe(1);
});

test("a relay token is no API key", async () => {
  const { token } = await openRelay();
  expect(await knock(SEND, token)).toEqual(problem(403, "invalid_api_key"));
});

test("a key with one character changed anywhere is refused", async () => {
  const account = await openAccount();
  for (let index = 3; index < account.token.length; index += 1) {
    const other = account.token[index] === "0" ? "1" : "0";
    const changed = account.token.slice(0, index) + other + account.token.slice(index + 1);
    expect(await knock(SEND, changed)).toEqual(problem(403, "invalid_api_key"));
  }
  expect(await countIn(account, "email")).toBe(0);
});

test("another scheme than Bearer is no key", async () => {
  const { token } = await openAccount();
  const answer = await call("GET", "/v1/emails", { headers: { authorization: `Basic ${token}` } });
  expect(answer).toEqual(problem(401, "missing_api_key"));
});

test("a revoked key is refused from then on, other keys are not, also after an eviction", async () => {
  const account = await openAccount();
  const key = await mintKey(account, "full_access");
  expect((await knock(SEND, key.token)).status).toBe(200);
  expect(await call("DELETE", `/v1/api-keys/${key.id}`, { token: account.token })).toMatchObject({ status: 200 });
  for (const evicted of [false, true]) {
    if (evicted) await evictDurableObject(account.stub);
    for (const route of ROUTES.filter(({ path }) => !path.startsWith("/v1/api-keys")))
      expect(await knock(route, key.token)).toEqual(problem(403, "invalid_api_key"));
  }
  expect(await countIn(account, "email")).toBe(1);
  expect((await knock(SEND, account.token)).status).toBe(200);
});

test("an email of another account is not there", async () => {
  const [owner, stranger] = [await openAccount(), await openAccount()];
  const id = await sendEmail(owner);
  for (const path of [
    `/v1/emails/${id}`,
    `/v1/emails/${id}/events`,
    `/v1/emails?after=${id}`,
    `/v1/emails?before=${id}`,
  ]) {
    expect(await call("GET", path, { token: stranger.token })).toEqual(problem(404, "not_found"));
    expect((await call("GET", path, { token: owner.token })).status).toBe(200);
  }
  expect((await call("GET", "/v1/emails", { token: stranger.token })).body).toMatchObject({ data: [] });
});

test("a key of another account is not there", async () => {
  const [owner, stranger] = [await openAccount(), await openAccount()];
  const key = await mintKey(owner, "full_access");
  const answer = await call("DELETE", `/v1/api-keys/${key.id}`, { token: stranger.token });
  expect(answer).toEqual(problem(404, "not_found"));
  expect((await knock(SEND, key.token)).status).toBe(200);
});

test.each(["x", "01a20d37", SOME_ID, "..%2f..%2fadmin"])("an email id that is none, %j, is not there", async (id) => {
  const { token } = await openAccount();
  for (const path of [`/v1/emails/${id}`, `/v1/emails/${id}/events`])
    expect(await call("GET", path, { token })).toEqual(problem(404, "not_found"));
});

test("a key that may only send sends, and does nothing else", async () => {
  const account = await openAccount();
  const { token } = await mintKey(account, "sending_access");
  expect((await knock(SEND, token)).status).toBe(200);
  for (const route of ROUTES.filter((each) => each !== SEND)) {
    const body = route.method === "POST" ? { body: { name: "more" } } : {};
    const answer = await call(route.method, route.path, { token, ...body });
    expect(answer).toEqual(problem(401, "restricted_api_key"));
  }
});

test("an address that is nobody's answers in the contract's JSON", async () => {
  expect(await call("GET", "/v2/emails")).toEqual(problem(404, "not_found"));
});

const ADMIN = [
  { method: "POST", path: "/admin/accounts" },
  { method: "GET", path: "/admin/accounts" },
  { method: "GET", path: "/admin/accounts/0123456789ab" },
  { method: "PUT", path: "/admin/accounts/0123456789ab/domains/shop.test" },
  { method: "POST", path: "/admin/relays" },
  { method: "GET", path: "/admin/relays" },
  { method: "DELETE", path: "/admin/relays/0123456789ab" },
];

test.each(ADMIN)("$method $path is the operator's alone", async ({ method, path }) => {
  const { token } = await openAccount();
  expect(await call(method, path)).toEqual(problem(401, "missing_api_key"));
  for (const wrong of [token, `${env.HIKYAKU_ADMIN_TOKEN}x`, env.HIKYAKU_ADMIN_TOKEN.slice(0, -1)])
    expect(await call(method, path, { token: wrong })).toEqual(problem(403, "invalid_api_key"));
});

test("an account nobody opened is not made by asking for it", async () => {
  const token = env.HIKYAKU_ADMIN_TOKEN;
  const id = "0123456789ab";
  const vouch = { token, body: { status: "verified" } };
  const made = await objectsMadeBy(env.ACCOUNT, async () => {
    expect(await call("GET", `/admin/accounts/${id}`, { token })).toEqual(problem(404, "not_found"));
    expect(await call("PUT", `/admin/accounts/${id}/domains/shop.test`, vouch)).toEqual(problem(404, "not_found"));
  });
  expect(made).toBe(0);
});

const SENDERS: [settings: object, from: string, to: string, status: number][] = [
  [{ allowed_senders: "any" }, "a@anything.test", "b@inbox.test", 200],
  [{ allowed_senders: "domains" }, "a@verified.test", "b@inbox.test", 200],
  [{ allowed_senders: "domains" }, "A <a@VERIFIED.test>", "b@inbox.test", 200],
  [{ allowed_senders: "domains" }, "a@other.test", "b@inbox.test", 403],
  [{ allowed_senders: "domains" }, "a@sub.verified.test", "b@inbox.test", 403],
  [{ allowed_senders: "domains" }, "a@sandbox.test", "b@sandbox.test", 200],
  [{ allowed_senders: "domains" }, "a@sandbox.test", "b@inbox.test", 403],
];

test.each(SENDERS)("with %j, from %s to %s: %i", async (settings, from, to, status) => {
  const account = await openAccount(settings);
  const vouch = { token: env.HIKYAKU_ADMIN_TOKEN, body: { status: "verified" } };
  await call("PUT", `/admin/accounts/${account.id}/domains/verified.test`, vouch);
  const answer = await call("POST", "/v1/emails", { token: account.token, body: goodSend({ from, to }) });
  if (status === 403) expect(answer).toEqual(problem(403, "validation_error"));
  expect(answer.status).toBe(status);
  expect(await countIn(account, "email")).toBe(status === 200 ? 1 : 0);
});
