/**
 * `/relay`: where relay nodes join and fetch what a batch only names. Behind the relay token.
 */
import { Hono } from "hono";
import { z } from "zod";
import { isAccountId } from "#contract/ids.ts";
import { problem } from "#contract/problem.ts";
import { seal, sealingKey } from "#contract/sealed.ts";
import { accountStub } from "../ask.ts";
import { relayToken } from "../authenticate.ts";
import type { GatewayEnv } from "../context.ts";
import { sendProblem } from "../problem-response.ts";
import { relayInboundRoutes } from "./relay-inbound.ts";

const PartQuery = z.object({ k: z.coerce.number().int().min(0), chunks: z.coerce.number().int().min(1).max(1000) });

export const relayRoutes = (): Hono<GatewayEnv> =>
  new Hono<GatewayEnv>()
    .use(relayToken())
    .route("/inbound", relayInboundRoutes())
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
      const body = await partBody(c.env, account, query.data);
      return body ? c.body(body, 200, { "content-type": "application/json" }) : sendProblem(c, problem("not_found"));
    })
    .get("/accounts/:account/keys/:domain", async (c) => {
      const account = c.req.param("account");
      if (!isAccountId(account)) return sendProblem(c, problem("not_found"));
      const keys = await c.env.ACCOUNT.getByName(account).signingKeys(c.req.param("domain"));
      const sealing = await sealingKey(c.get("relay").token, "relay-keys");
      return c.text(await seal(sealing, JSON.stringify(keys), crypto.getRandomValues(new Uint8Array(12))));
    });

/** Chunks that one call brings: together under what a call may carry. */
const CHUNKS_A_CALL = 16;

/** Stored content as a stream: of large content no more than a few chunks are here at a time. */
const partBody = async (
  env: Env,
  account: string,
  { k, chunks }: z.infer<typeof PartQuery>,
): Promise<ReadableStream<Uint8Array> | undefined> => {
  const read = (offset: number): Promise<string | undefined> =>
    accountStub(env, account).part(k + offset, Math.min(CHUNKS_A_CALL, chunks - offset));
  const first = await read(0);
  if (first === undefined) return undefined;
  let offset = 0;
  const utf8 = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const text = offset === 0 ? first : await read(offset);
      if (text === undefined) return controller.error(new Error("a part of the content is missing"));
      controller.enqueue(utf8.encode(text));
      offset += CHUNKS_A_CALL;
      if (offset >= chunks) controller.close();
    },
  });
};
