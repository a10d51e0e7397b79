/**
 * Every response carries an `x-request-id`, which the log lines of the request carry too.
 */
import type { MiddlewareHandler } from "hono";
import type { GatewayEnv } from "./context.ts";

export const requestId = (): MiddlewareHandler<GatewayEnv> =>
  async function requestId(c, next) {
    const id = crypto.randomUUID();
    c.set("requestId", id);
    await next();
    c.res.headers.set("x-request-id", id);
  };
