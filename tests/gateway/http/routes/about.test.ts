/** The document and the page as they are served: to anybody, with their headers, for the address asked at. */
import { Hono } from "hono";
import { expect, test } from "vitest";
import type { GatewayEnv } from "../../../../gateway/http/context.ts";
import { aboutRoutes } from "../../../../gateway/http/routes/about.ts";

const ask = async (url: string, publicUrl = ""): Promise<Response> => {
  const app = new Hono<GatewayEnv>();
  aboutRoutes(app);
  return await app.request(url, {}, { HIKYAKU_PUBLIC_URL: publicUrl });
};

test("the document", async () => {
  const response = await ask("http://127.0.0.1:8787/v1/openapi.json");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(response.headers.get("cache-control")).toBe("max-age=300");
  expect(await response.json()).toMatchObject({ openapi: "3.1.1", servers: [{ url: "http://127.0.0.1:8787" }] });
});

test("the page, which may load and run nothing", async () => {
  const response = await ask("http://127.0.0.1:8787/docs");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^text\/html; charset=utf-8$/i);
  expect(response.headers.get("content-security-policy")).toContain("default-src 'none'; style-src 'unsafe-inline'");
  expect(await response.text()).toContain("RESEND_BASE_URL=http://127.0.0.1:8787/v1");
});

test("a public URL stands before the address asked at", async () => {
  const page = await (await ask("http://127.0.0.1:8787/docs", "https://mail.example.com")).text();
  expect(page).toContain("RESEND_BASE_URL=https://mail.example.com/v1");
  expect(page).not.toContain("127.0.0.1");
});

test("each address gets its own, the same each time", async () => {
  const app = new Hono<GatewayEnv>();
  aboutRoutes(app);
  for (const host of Array.from({ length: 12 }, (_, index) => `h${index}.test`))
    for (const _ of [1, 2]) {
      const response = await app.request(`http://${host}/v1/openapi.json`, {}, {});
      expect(await response.json()).toMatchObject({ servers: [{ url: `http://${host}` }] });
    }
});
