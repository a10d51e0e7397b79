/**
 * Every response carries an `x-request-id`, which the log lines of the request carry too.
 *
 * Set before the handler runs: a WebSocket's 101 has headers that cannot be changed any more.
 */
import type { MiddlewareHandler } from "hono";
import type { GatewayEnv } from "./context.ts";

export const requestId = (): MiddlewareHandler<GatewayEnv> =>
  async function requestId(c, next) {
    const id = crypto.randomUUID();
    c.set("requestId", id);
    c.header("x-request-id", id);
    await next();
  };
