/**
 * `/relay`: where relay nodes join and fetch what a batch only names. Behind the relay token.
 */
import { Hono } from "hono";
import { z } from "zod";
import { isAccountId } from "#contract/ids.ts";
import { problem } from "#contract/problem.ts";
import { seal, sealingKey } from "#contract/sealed.ts";
import { relayToken } from "../authenticate.ts";
import type { GatewayEnv } from "../context.ts";
import { sendProblem } from "../problem-response.ts";

const PartQuery = z.object({ k: z.coerce.number().int().min(0), chunks: z.coerce.number().int().min(1).max(1000) });

export const relayRoutes = (): Hono<GatewayEnv> =>
  new Hono<GatewayEnv>()
    .use(relayToken())
    .get("/connect", async (c) => {
      const { id, name, pools } = c.get("relay");
      const pool = c.req.query("pool") ?? "default";
      if (!pools.includes(pool))
        return sendProblem(c, problem("pool_not_allowed", `This relay may not serve the pool \`${pool}\`.`));
      if (c.req.header("upgrade") !== "websocket")
        return sendProblem(c, problem("validation_error", "Relays join by WebSocket."));
      const headers = {
        upgrade: "websocket",
        "hikyaku-relay": id,
        "hikyaku-relay-name": encodeURIComponent(name),
        "hikyaku-pool": pool,
      };
      return c.env.POOL.getByName(pool).fetch("https://pool/connect", { headers });
    })
    .get("/accounts/:account/parts/:k", async (c) => {
      const query = PartQuery.safeParse({ k: c.req.param("k"), chunks: c.req.query("chunks") });
      const account = c.req.param("account");
      if (!query.success || !isAccountId(account)) return sendProblem(c, problem("not_found"));
      const text = await c.env.ACCOUNT.getByName(account).part(query.data.k, query.data.chunks);
      return text === undefined
        ? sendProblem(c, problem("not_found"))
        : c.body(text, 200, { "content-type": "application/json" });
    })
    .get("/accounts/:account/keys/:domain", async (c) => {
      const account = c.req.param("account");
      if (!isAccountId(account)) return sendProblem(c, problem("not_found"));
      const keys = await c.env.ACCOUNT.getByName(account).signingKeys(c.req.param("domain"));
      const sealing = await sealingKey(c.get("relay").token, "relay-keys");
      return c.text(await seal(sealing, JSON.stringify(keys), crypto.getRandomValues(new Uint8Array(12))));
    });
