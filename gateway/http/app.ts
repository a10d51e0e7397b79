/**
 * The gateway's rooms put together: who may enter where, and what answers when nobody does.
 */
import { Hono } from "hono";
import { problem } from "#contract/problem.ts";
import { apiKey } from "./authenticate.ts";
import type { GatewayEnv } from "./context.ts";
import { answer, onError, sendProblem } from "./problem-response.ts";
import { requestId } from "./request-id.ts";
import { adminRoutes } from "./routes/admin.ts";
import { apiKeyRoutes } from "./routes/api-keys.ts";
import { accountOf, emailRoutes } from "./routes/emails.ts";
import { healthRoutes } from "./routes/health.ts";
import { relayRoutes } from "./routes/relay.ts";

const v1 = (): Hono<GatewayEnv> =>
  new Hono<GatewayEnv>()
    .use(apiKey())
    .route("/emails", emailRoutes())
    .route("/api-keys", apiKeyRoutes())
    .get("/sandbox/messages", async (c) => answer(c, await accountOf(c).listSandbox(c.get("caller"))));

export const createApp = (): Hono<GatewayEnv> =>
  new Hono<GatewayEnv>()
    .use(requestId())
    .route("/v1", v1())
    .route("/admin", adminRoutes())
    .route("/relay", relayRoutes())
    .route("/healthz", healthRoutes())
    .notFound((c) => sendProblem(c, problem("not_found", `There is nothing at ${c.req.path}.`)))
    .onError(onError);
