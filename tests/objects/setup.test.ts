/**
 * The wizard where the gateway has it, at `/setup`: open to anybody, with the service's own names filled in.
 *
 * What it finds out is tested with the wizard; here nothing is looked up. The domains of an account are the API's own.
 */
import { env, exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { recordLog } from "./support/recorded-log.ts";
import { call, mintKey, openAccount } from "./support/worker-calls.ts";

const log = recordLog();

const get = (path: string, method = "GET"): Promise<Response> =>
  exports.default.fetch(`https://gateway.test${path}`, { method, headers: { accept: "text/html" } });

test("the form, with and without a slash, has the service's SPF name and bounce host", async () => {
  for (const path of ["/setup", "/setup/"]) {
    const response = await get(path);
    expect(response.status, path).toBe(200);
    expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'self'/);
    const html = await response.text();
    expect(html).toContain('action="/setup/check"');
    expect(html.split(`value="${env.HIKYAKU_BOUNCE_DOMAIN}"`)).toHaveLength(3);
  }
});

test("its files, its refusals, and nothing else", async () => {
  expect((await get("/setup/wizard.css")).headers.get("content-type")).toMatch(/^text\/css/);
  expect((await get("/setup/check?domain=192.0.2.1")).status).toBe(400);
  expect((await get("/setup/plan.json?domain=d")).headers.get("content-type")).toBe("application/json");
  expect((await get("/setup/nowhere")).status).toBe(404);
  expect((await get("/setup", "POST")).status).toBe(404);
  expect((await get("/setups")).status).toBe(404);
});

test("who asks without end is put off until the next minute, and nobody else", async () => {
  const from = (ip: string): Promise<Response> =>
    exports.default.fetch("https://gateway.test/setup/wizard.css", { headers: { "cf-connecting-ip": ip } });
  const statuses = await Promise.all(Array.from({ length: 260 }, async () => (await from("192.0.2.77")).status));
  expect(statuses).toContain(429);
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(120);
  const refused = await from("192.0.2.77");
  if (refused.status === 429) expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await from("192.0.2.78")).status).toBe(200);
});

const accountPage = async (key: string, headers: Record<string, string> = {}): Promise<[number, string]> => {
  const response = await exports.default.fetch("https://gateway.test/setup/account", {
    method: "POST",
    headers: {
      ...{ accept: "text/html", "content-type": "application/x-www-form-urlencoded" },
      ...{ origin: "https://gateway.test", "cf-connecting-ip": "192.0.2.50", ...headers },
    },
    body: new URLSearchParams({ key }).toString(),
  });
  return [response.status, await response.text()];
};

test("an API key shows its account's domains, with all that the pages need", async () => {
  const account = await openAccount();
  for (const name of ["one.test", "two.test"])
    expect((await call("POST", "/v1/domains", { token: account.token, body: { name } })).status).toBe(200);
  const [status, html] = await accountPage(account.token);
  expect(status).toBe(200);
  expect(html).toMatch(/<h2>two\.test<\/h2>[\s\S]*<h2>one\.test<\/h2>|<h2>one\.test<\/h2>[\s\S]*<h2>two\.test<\/h2>/);
  const [, link = ""] = /href="\/setup\/plan\?([^"]*domain=one\.test[^"]*)"/.exec(html) ?? [];
  const query = new URLSearchParams(link.replaceAll("&amp;", "&"));
  expect(query.getAll("selector")).toEqual(["hikyaku1", "hikyaku2", "hikyaku3"]);
  expect(query.getAll("key").every((key) => key.startsWith("v=DKIM1; k="))).toBe(true);
  expect(query.get("include")).toBe(env.HIKYAKU_BOUNCE_DOMAIN);
  expect(query.get("bounce")).toBe(env.HIKYAKU_BOUNCE_DOMAIN);
  expect(query.get("return-path")).toBe("send");
  expect(html + log.join()).not.toContain(account.token);
});

test("a key has the rights and the refusals that it has at the API", async () => {
  const account = await openAccount();
  const check = async (key: string, words: RegExp): Promise<void> => {
    const [status, html] = await accountPage(key);
    expect(status).toBe(422);
    expect(html).toMatch(words);
    expect(html).not.toContain(key);
  };
  await check("hk_not_a_key", /The API key is not valid/);
  const [tenth = ""] = account.token.slice(-10);
  const forged = `${account.token.slice(0, -10)}${tenth === "a" ? "b" : "a"}${account.token.slice(-9)}`;
  await check(forged, /The API key is not valid/);
  await check((await mintKey(account, "sending_access")).token, /may only send emails/);
  expect((await accountPage(account.token, { origin: "https://evil.test" }))[0]).toBe(403);
  const listed = await openAccount({ ip_allowlist: ["192.0.2.51"] });
  await check(listed.token, /not allowed/);
  expect((await accountPage(listed.token, { "cf-connecting-ip": "192.0.2.51" }))[0]).toBe(200);
});

test("the gateway sends no DNS UPDATE for anybody", async () => {
  const response = await exports.default.fetch("https://gateway.test/setup/publish/update?domain=d.test", {
    method: "POST",
    headers: { origin: "https://gateway.test", "content-type": "application/x-www-form-urlencoded" },
    body: "server=127.0.0.1",
  });
  expect(response.status).toBe(404);
});
