/**
 * The wizard where the gateway has it, at `/setup`: open to anybody, with the service's own names filled in.
 *
 * What it finds out is tested with the wizard; here nothing is looked up.
 */
import { env, exports } from "cloudflare:workers";
import { expect, test } from "vitest";

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
