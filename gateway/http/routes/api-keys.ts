/**
 * `/v1/api-keys` and `/v1/senders`: an account's own keys, and the addresses it has listed.
 *
 * A key's secret is made here and never leaves but in this one response: the account gets its hash.
 */
import type { Hono } from "hono";
import { mintApiKey, tagKey } from "../../core/token.ts";
import { ask, askAndAdd } from "../ask.ts";
import type { GatewayEnv } from "../context.ts";
import { serve } from "../serve.ts";
import { idOf } from "./emails.ts";

export const apiKeyRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "createApiKey", async (c, { body }) => {
    const { token, claims } = await mintKey(c.env, c.get("visitor").account);
    return askAndAdd(c, "createApiKey", { claims, request: body }, { token });
  });
  serve(app, "listApiKeys", (c, { query }) => ask(c, "listApiKeys", query));
  serve(app, "updateApiKey", (c, { body }) => ask(c, "updateApiKey", { id: idOf(c), name: body.name }));
  serve(app, "rotateApiKey", async (c) => {
    const { token, claims } = await mintKey(c.env, c.get("visitor").account);
    return askAndAdd(c, "rotateApiKey", { id: idOf(c), claims }, { token });
  });
  serve(app, "deleteApiKey", (c) => ask(c, "deleteApiKey", { id: idOf(c) }));

  serve(app, "createSender", (c, { body }) => ask(c, "createSender", body));
  serve(app, "listSenders", (c, { query }) => ask(c, "listSenders", query));
  serve(app, "deleteSender", (c) => ask(c, "deleteSender", { id: idOf(c) }));
};

export const mintKey = async (env: Env, account: string): ReturnType<typeof mintApiKey> =>
  mintApiKey(await tagKey(env.HIKYAKU_MASTER_KEY), account, crypto.getRandomValues(new Uint8Array(38)));
