/**
 * Visitors without a key, by the address they come from: so many requests a minute, then 429 until the next.
 *
 * Counted in this isolate only, for it protects resolvers and us from a flood, not a price. Who comes from nowhere that
 * is known is one visitor with all others of that kind.
 */
import type { MiddlewareHandler } from "hono";
import { problem } from "#contract/problem.ts";
import { clientIp } from "./client-ip.ts";
import type { GatewayContext, GatewayEnv } from "./context.ts";
import { sendProblem } from "./problem-response.ts";

const MINUTE_MS = 60_000;
const REMEMBERED = 50_000;

export const limitVisitors = (perMinute: number): MiddlewareHandler<GatewayEnv> => {
  const count = countVisitors(perMinute);
  return async (c, next) => {
    const retryAtMs = count(c);
    if (retryAtMs === undefined) return next();
    const refusal = problem("rate_limit_exceeded", `Too many requests: ${perMinute} a minute are answered here.`);
    return sendProblem(c, { ...refusal, retryAtMs });
  };
};

/** Counts a request of its visitor; when they may come again, ms, if it was one too many. */
export const countVisitors = (perMinute: number): ((c: GatewayContext) => number | undefined) => {
  let minute = 0;
  const counts = new Map<string, number>();
  return (c) => {
    const now = Math.floor(Date.now() / MINUTE_MS);
    if (now !== minute || counts.size >= REMEMBERED) counts.clear();
    minute = now;
    const visitor = clientIp(c) ?? "";
    const count = (counts.get(visitor) ?? 0) + 1;
    counts.set(visitor, count);
    return count <= perMinute ? undefined : (now + 1) * MINUTE_MS;
  };
};
