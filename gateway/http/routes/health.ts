/**
 * `GET /healthz`: can the service take mail and carry it? 200 with the number of relays joined, or 503 and why.
 */
import { Hono } from "hono";
import type { GatewayEnv } from "../context.ts";

export const healthRoutes = (): Hono<GatewayEnv> =>
  new Hono<GatewayEnv>().get("/", async (c) => {
    const pools = await c.env.DIRECTORY.getByName("directory").pools();
    const joined = await Promise.all(pools.map((pool) => c.env.POOL.getByName(pool).relays()));
    const relays = new Set(joined.flat().map(({ relay }) => relay)).size;
    if (relays > 0) return c.json({ status: "ok", relays });
    return c.json({ status: "unavailable", relays, reason: "No relay is connected: mail is accepted and waits." }, 503);
  });
