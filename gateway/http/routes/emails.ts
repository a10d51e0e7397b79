/**
 * `/v1/emails`: send, list, read, reschedule, cancel, and what happened.
 */
import type { Hono } from "hono";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { checkSend, scheduledMsOf } from "../../core/send-request.ts";
import { sha256Hex } from "../../core/token.ts";
import type { Idempotency } from "../../objects/account-intake.ts";
import { ask } from "../ask.ts";
import { refusedAtTurnstile } from "../authenticate.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { packSend } from "../pack-send.ts";
import { respond, sendProblem } from "../problem-response.ts";
import { readJson } from "../read-body.ts";
import type { SendTogether } from "../send-together.ts";
import { serve, serveRaw } from "../serve.ts";
import type { Turnstile } from "../turnstile.ts";

export const emailRoutes = (app: Hono<GatewayEnv>, turnstile: Turnstile, together: SendTogether): void => {
  serveRaw(app, "sendEmail", (c) => sendOne(c, turnstile, together));
  serve(app, "listEmails", (c, { query }) => ask(c, "listEmails", query));
  serve(app, "emailMetrics", (c, { query }) => ask(c, "emailMetrics", query));
  serve(app, "getEmail", (c) => ask(c, "getEmail", { id: idOf(c) }));
  serve(app, "updateEmail", (c, { body }) => {
    const scheduledMs = scheduledMsOf(body.scheduled_at, Date.now());
    if (typeof scheduledMs === "object") return sendProblem(c, scheduledMs);
    return ask(c, "updateEmail", { id: idOf(c), scheduledMs });
  });
  serve(app, "cancelEmail", (c) => ask(c, "cancelEmail", { id: idOf(c) }));
  serve(app, "listEvents", (c) => ask(c, "listEvents", { id: idOf(c) }));
};

export const idOf = (c: GatewayContext): string => c.req.param("id") ?? "";

const sendOne = async (c: GatewayContext, turnstile: Turnstile, together: SendTogether): Promise<Response> => {
  const closed = refusedAtTurnstile(c, turnstile, c.get("visitor").account, "sends");
  if (closed) return closed;
  const body = await readJson(c.req.raw);
  if (isProblem(body)) return sendProblem(c, body);
  const checked = checkSend(body.json, Date.now());
  if (isProblem(checked)) return sendProblem(c, checked);
  const sender =
    checked.from && refusedAtTurnstile(c, turnstile, c.get("visitor").account, senderPassage(checked.from.address));
  if (sender) return sender;
  const idempotency = await idempotencyOf(c, body.text);
  if (idempotency && isProblem(idempotency)) return sendProblem(c, idempotency);
  const packed = await packSend(c, checked, idempotency);
  if (isProblem(packed)) return sendProblem(c, packed);
  const visitor = c.get("visitor");
  const { rate, answer } = await together.send(c.env, c.executionCtx, { visitor, sends: [packed], idempotency });
  c.set("rate", rate);
  if (!isProblem(answer)) return respond(c, `{"id":"${answer.ids[0] ?? ""}"}`);
  turnstile.remember(visitor.account, answer, rate, Date.now());
  return sendProblem(c, answer);
};

export const senderPassage = (address: string): `sender ${string}` => `sender ${address.toLowerCase()}`;

export const idempotencyOf = async (c: GatewayContext, text: string): Promise<Idempotency | Problem | undefined> => {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (key.length < 1 || key.length > 256) return problem("invalid_idempotency_key");
  return { key, fingerprint: await sha256Hex(text) };
};
