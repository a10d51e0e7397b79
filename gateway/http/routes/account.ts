/**
 * What an account can ask about itself: its limits, and what arrived in the sandbox.
 */
import type { Hono } from "hono";
import { ask } from "../ask.ts";
import type { GatewayEnv } from "../context.ts";
import { serve } from "../serve.ts";

export const accountRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "getLimits", (c) => ask(c, "getLimits", {}));
  serve(app, "listSandbox", (c) => ask(c, "listSandbox", {}));
};
