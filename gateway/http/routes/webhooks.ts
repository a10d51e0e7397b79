/**
 * `/v1/webhooks`: their settings, which the account keeps, and their events, which each endpoint's object keeps.
 *
 * URLs are judged here and secrets made here, sealed before they go to the account; whoever may read a webhook may read
 * its secret, as in Resend's API. Every question goes by the account first: it says who may ask.
 */
import type { Hono } from "hono";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { seal, sealingKey, unseal } from "#contract/sealed.ts";
import type { EndpointConfig, WebhookDetail } from "#contract/webhook.ts";
import { generateDkimKey } from "../../core/dkim-key.ts";
import { checkUrl } from "../../core/public-address.ts";
import { formatWebhookSecret } from "../../core/webhook-signature.ts";
import { endpointStub } from "../../objects/endpoint-stub.ts";
import { ask, askAs } from "../ask.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { answer, answerTold, sendProblem } from "../problem-response.ts";
import { serve } from "../serve.ts";
import { idOf } from "./emails.ts";

export const webhookRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "createWebhook", async (c, { body }) => {
    const refused = urlProblem(c, body.endpoint);
    if (refused) return sendProblem(c, refused);
    const secret = newSecret();
    const { privateKeyPem, publicKeyBase64 } = await generateDkimKey("ed25519-sha256");
    const keys = {
      secret: await sealed(c, secret),
      signingKey: await sealed(c, privateKeyPem),
      publicKey: `whpk_${publicKeyBase64}`,
    };
    return showSecret(c, secret, "createWebhook", { request: body, keys });
  });
  serve(app, "listWebhooks", (c, { query }) => ask(c, "listWebhooks", query));
  serve(app, "getWebhook", getWebhook);
  serve(app, "updateWebhook", (c, { body }) => {
    const refused = body.endpoint === undefined ? undefined : urlProblem(c, body.endpoint);
    return refused ? sendProblem(c, refused) : ask(c, "updateWebhook", { id: idOf(c), request: body });
  });
  serve(app, "deleteWebhook", (c) => ask(c, "deleteWebhook", { id: idOf(c) }));
  serve(app, "rotateWebhookSecret", async (c) => {
    const secret = newSecret();
    return showSecret(c, secret, "rotateWebhookSecret", { id: idOf(c), sealed: await sealed(c, secret) });
  });
  serve(app, "testWebhook", (c) =>
    atEndpoint(c, (endpoint, { id }) => endpoint.sendTest(testPayload(id, new Date().toISOString()))),
  );
  serve(app, "replayWebhook", (c, { body: { status, since, until } }) =>
    atEndpoint(c, async (endpoint, { id }) => {
      const range = { status, sinceMs: msOf(since), untilMs: msOf(until) };
      return { object: "webhook", id, replayed: await endpoint.replayMany(range) };
    }),
  );
  serve(app, "listWebhookEvents", (c, { query }) => atEndpoint(c, (endpoint) => endpoint.list(query)));
  serve(app, "getWebhookEvent", (c) => atEndpoint(c, (endpoint) => endpoint.get(eventOf(c))));
  serve(app, "listWebhookAttempts", (c, { query }) =>
    atEndpoint(c, (endpoint) => endpoint.attempts(eventOf(c), query)),
  );
  serve(app, "replayWebhookEvent", (c) => atEndpoint(c, (endpoint) => endpoint.replay(eventOf(c))));
};

const eventOf = (c: GatewayContext): string => c.req.param("eid") ?? "";
const msOf = (time: string | undefined): number | undefined => (time === undefined ? undefined : Date.parse(time));

const testPayload = (id: string, created_at: string): string =>
  JSON.stringify({ type: "webhook.test", created_at, data: { webhook_id: id } });

/** Standard Webhooks: 24 to 64 random bytes. */
const newSecret = (): string => formatWebhookSecret(crypto.getRandomValues(new Uint8Array(32)));

const sealed = async (c: GatewayContext, text: string): Promise<string> =>
  seal(await sealingKey(c.env.HIKYAKU_MASTER_KEY, "webhook-at-rest"), text, crypto.getRandomValues(new Uint8Array(12)));

/** Line breaks and the like, which a URL parser drops in silence. */
const NOT_OF_A_URL = /[\s\p{Cc}\p{Cs}]/u;

const urlProblem = (c: GatewayContext, text: string): Problem | undefined => {
  if (NOT_OF_A_URL.test(text)) return problem("validation_error", "Invalid `endpoint` field: it is not a URL.");
  const checked = checkUrl(text, { allowPrivate: c.env.HIKYAKU_ALLOW_PRIVATE === "1" });
  if (checked.kind === "url") return undefined;
  return checked.code === "private"
    ? problem("security_error", `The webhook may not be called: ${checked.reason}.`)
    : problem("validation_error", `Invalid \`endpoint\` field: ${checked.reason}.`);
};

const showSecret = async <Q extends "createWebhook" | "rotateWebhookSecret">(
  c: GatewayContext,
  signing_secret: string,
  question: Q,
  args: Parameters<typeof askAs<Q>>[4],
): Promise<Response> => {
  const visitor = c.get("visitor");
  const { rate, answer: told } = await askAs(c.env, visitor.account, visitor, question, args);
  if (isProblem(told)) return answerTold(c, { rate, answer: told });
  return answerTold(c, { rate, answer: { object: "webhook", id: told.id, signing_secret } });
};

const getWebhook = async (c: GatewayContext): Promise<Response> => {
  const visitor = c.get("visitor");
  const { rate, answer: told } = await askAs(c.env, visitor.account, visitor, "getWebhook", { id: idOf(c) });
  if (isProblem(told)) return answerTold(c, { rate, answer: told });
  const { secret, ...shown } = told;
  const plain = await unseal(await sealingKey(c.env.HIKYAKU_MASTER_KEY, "webhook-at-rest"), secret);
  if (plain.kind === "unreadable")
    throw new Error(`the secret of webhook ${told.id} does not open with this master key`);
  const detail: WebhookDetail = { object: "webhook", ...shown, signing_secret: plain.text };
  return answerTold(c, { rate, answer: detail });
};

/** What is asked of a webhook's own object, once its account has said that there is one and who asks may. */
const atEndpoint = async (
  c: GatewayContext,
  question: (endpoint: ReturnType<typeof endpointStub>, config: EndpointConfig) => Promise<object>,
): Promise<Response> => {
  const visitor = c.get("visitor");
  const { rate, answer: config } = await askAs(c.env, visitor.account, visitor, "webhookConfig", { id: idOf(c) });
  c.set("rate", rate);
  if (isProblem(config)) return sendProblem(c, config);
  return answer(c, await question(endpointStub(c.env, config.account, config.webhook), config));
};
