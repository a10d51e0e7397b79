/**
 * `/v1/api-keys`: an account's own keys.
 */
import { Hono } from "hono";
import { CreateApiKey } from "#contract/account.ts";
import type { GatewayEnv } from "../context.ts";
import { answer, sendProblem, isProblem } from "../problem-response.ts";
import { readAs } from "../read-as.ts";
import { accountOf } from "./emails.ts";

export const apiKeyRoutes = (): Hono<GatewayEnv> =>
  new Hono<GatewayEnv>()
    .post("/", async (c) => {
      const request = await readAs(c.req.raw, CreateApiKey);
      if (isProblem(request)) return sendProblem(c, request);
      return answer(c, await accountOf(c).createApiKey(c.get("caller"), request));
    })
    .get("/", async (c) => answer(c, await accountOf(c).listApiKeys(c.get("caller"))))
    .delete("/:id", async (c) => answer(c, await accountOf(c).revokeApiKey(c.get("caller"), c.req.param("id"))));
