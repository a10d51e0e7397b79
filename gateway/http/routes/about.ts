/**
 * What the service says of itself, to anybody: the OpenAPI document and the page made of it.
 */
import type { Hono } from "hono";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { docsPage } from "../docs-page.ts";
import { respond } from "../problem-response.ts";
import { openapiDocument, type Json } from "../openapi.ts";
import { serve } from "../serve.ts";
import { VERSION } from "../version.ts";

const PAGE_HEADERS = {
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
  "cache-control": "max-age=300",
};

export const aboutRoutes = (app: Hono<GatewayEnv>): void => {
  /** Made when it is first asked for: it takes some milliseconds, and most isolates are never asked. */
  const made = new Map<string, Json>();
  const documentFor = (url: string): Json => {
    const document = made.get(url) ?? openapiDocument(url, VERSION);
    if (made.size < 10) made.set(url, document);
    return document;
  };
  serve(app, "openapi", (c) =>
    respond(c, JSON.stringify(documentFor(publicUrl(c))), 200, { "cache-control": "max-age=300" }),
  );
  app.get("/docs", async (c) => c.html(await docsPage(documentFor(publicUrl(c)), publicUrl(c)), 200, PAGE_HEADERS));
};

const publicUrl = (c: GatewayContext): string => c.env.HIKYAKU_PUBLIC_URL || new URL(c.req.url).origin;
