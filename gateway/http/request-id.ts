/**
 * Every response carries an `x-request-id`, which the log lines of the request carry too.
 *
 * The id is set before the handler runs; whoever makes the response writes it into the headers (`respond`), or this
 * does for rooms that make theirs by other means (`withHeader`): a WebSocket's 101 has headers that cannot be changed.
 */
import type { MiddlewareHandler } from "hono";
import type { GatewayEnv } from "./context.ts";

export const requestId = (): MiddlewareHandler<GatewayEnv> =>
  async function requestId(c, next) {
    c.set("requestId", crypto.randomUUID());
    await next();
  };

/** For rooms whose responses come from `c.text`, `c.html` and the like. */
export const withHeader = (): MiddlewareHandler<GatewayEnv> =>
  async function withHeader(c, next) {
    c.header("x-request-id", c.get("requestId"));
    await next();
  };
