/**
 * What the service says of itself, to anybody: the OpenAPI document and the page made of it.
 */
import type { Hono } from "hono";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { docsPage } from "../docs-page.ts";
import { respond } from "../problem-response.ts";
import { openapiDocument } from "../openapi.ts";
import { serve } from "../serve.ts";
import { VERSION } from "../version.ts";

const KEPT = 10;
const PAGE_HEADERS = {
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
  "cache-control": "max-age=300",
};

type Made = { document: string; page: string };

export const aboutRoutes = (app: Hono<GatewayEnv>): void => {
  const kept = new Map<string, Made>();
  /** Made when first asked for: it takes some milliseconds, and most isolates are never asked. */
  const madeFor = async (url: string): Promise<Made> => {
    const known = kept.get(url);
    if (known) return known;
    const document = openapiDocument(url, VERSION);
    const made = { document: JSON.stringify(document), page: await docsPage(document, url) };
    // Without a public URL, it is whatever host somebody asked at.
    if (kept.size < KEPT) kept.set(url, made);
    return made;
  };
  serve(app, "openapi", async (c) =>
    respond(c, (await madeFor(publicUrl(c))).document, 200, { "cache-control": "max-age=300" }),
  );
  app.get("/docs", async (c) => c.html((await madeFor(publicUrl(c))).page, 200, PAGE_HEADERS));
};

const publicUrl = (c: GatewayContext): string => c.env.HIKYAKU_PUBLIC_URL || new URL(c.req.url).origin;
