/**
 * `/v1/templates`: content that sends name.
 */
import type { Hono } from "hono";
import { ask } from "../ask.ts";
import type { GatewayEnv } from "../context.ts";
import { serve } from "../serve.ts";
import { idOf } from "./emails.ts";

export const templateRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "createTemplate", (c, { body }) => ask(c, "createTemplate", body));
  serve(app, "listTemplates", (c, { query }) => ask(c, "listTemplates", query));
  serve(app, "getTemplate", (c) => ask(c, "getTemplate", { id: idOf(c) }));
  serve(app, "updateTemplate", (c, { body }) => ask(c, "updateTemplate", { id: idOf(c), request: body }));
  serve(app, "publishTemplate", (c) => ask(c, "publishTemplate", { id: idOf(c) }));
  serve(app, "duplicateTemplate", (c) => ask(c, "duplicateTemplate", { id: idOf(c) }));
  serve(app, "deleteTemplate", (c) => ask(c, "deleteTemplate", { id: idOf(c) }));
};
