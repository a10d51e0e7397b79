/**
 * The gateway's rooms put together: who may enter where, and what answers when nobody does.
 */
import { Hono } from "hono";
import { methodsAt } from "#contract/endpoints.ts";
import { problem } from "#contract/problem.ts";
import { adminToken, apiKey } from "./authenticate.ts";
import type { GatewayContext, GatewayEnv } from "./context.ts";
import { onError, sendProblem } from "./problem-response.ts";
import { requestId, withHeader } from "./request-id.ts";
import { aboutRoutes } from "./routes/about.ts";
import { accountRoutes } from "./routes/account.ts";
import { adminRoutes } from "./routes/admin.ts";
import { apiKeyRoutes } from "./routes/api-keys.ts";
import { batchRoutes } from "./routes/batch.ts";
import { bulkRoutes } from "./routes/bulk.ts";
import { domainRoutes } from "./routes/domains.ts";
import { emailRoutes } from "./routes/emails.ts";
import { eventRoutes } from "./routes/events.ts";
import { healthRoutes } from "./routes/health.ts";
import { mtaStsRoutes } from "./routes/mta-sts.ts";
import { downloadRoutes, receivedRoutes } from "./routes/received.ts";
import { relayRoutes } from "./routes/relay.ts";
import { suppressionRoutes } from "./routes/suppressions.ts";
import { trackingRoutes } from "./routes/tracking.ts";
import { templateRoutes } from "./routes/templates.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import { unsubscribeRoutes } from "./routes/unsubscribe.ts";
import { SendTogether } from "./send-together.ts";
import { Turnstile } from "./turnstile.ts";

export const createApp = (): Hono<GatewayEnv> => {
  const app = new Hono<GatewayEnv>();
  const turnstile = new Turnstile();
  app.use(requestId());
  app.use("/docs", withHeader());
  aboutRoutes(app);
  mtaStsRoutes(app);
  unsubscribeRoutes(app);
  trackingRoutes(app);
  downloadRoutes(app);
  app.use("/v1/*", apiKey(turnstile));
  // Before `/v1/emails/:id`, which would take `batch`, `bulk` and `receiving` for ids.
  batchRoutes(app, turnstile);
  bulkRoutes(app, turnstile);
  receivedRoutes(app);
  emailRoutes(app, turnstile, new SendTogether());
  domainRoutes(app);
  apiKeyRoutes(app);
  templateRoutes(app);
  suppressionRoutes(app);
  webhookRoutes(app);
  eventRoutes(app);
  accountRoutes(app);
  app.use("/admin/*", adminToken());
  adminRoutes(app, turnstile);
  for (const path of ["/relay/*", "/healthz"]) app.use(path, withHeader());
  app.route("/relay", relayRoutes());
  app.route("/healthz", healthRoutes());
  return app.notFound(nothingHere).onError(onError);
};

/** 405 where another method would be answered (RFC 9110 §15.5.6), else 404. */
const nothingHere = (c: GatewayContext): Response => {
  const methods = methodsAt(c.req.path);
  if (methods.length === 0)
    return sendProblem(c, problem("not_found", `There is nothing at ${c.req.path.slice(0, 200)}.`));
  return sendProblem(
    c,
    problem(
      "method_not_allowed",
      `${c.req.path.slice(0, 200)} answers ${methods.join(", ")}, not ${c.req.method.slice(0, 20)}.`,
    ),
    { allow: methods.join(", ") },
  );
};
