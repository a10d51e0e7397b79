/**
 * `/v1/emails`: send, list, read, reschedule, cancel, and what happened.
 */
import type { Hono } from "hono";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { checkSend, scheduledMsOf } from "../../core/send-request.ts";
import { sha256Hex } from "../../core/token.ts";
import type { Idempotency } from "../../objects/account-intake.ts";
import { accountOf, ask } from "../ask.ts";
import { refusedAtTurnstile } from "../authenticate.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { packSend, unstage } from "../pack-send.ts";
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
  const idempotency = await idempotencyOf(c, body.text);
  if (idempotency && isProblem(idempotency)) return sendProblem(c, idempotency);
  const checked = checkSend(body.json, Date.now());
  if (isProblem(checked)) return replayOr(c, checked, idempotency);
  const visitor = c.get("visitor");
  const sender = checked.from && refusedAtTurnstile(c, turnstile, visitor.account, senderPassage(checked.from.address));
  if (sender) return sender;
  const packed = await packSend(c, checked, idempotency);
  if (isProblem(packed)) return refuse(c, turnstile, packed);
  const { rate, answer } = await together.send(c.env, c.executionCtx, { visitor, sends: [packed], idempotency });
  c.set("rate", rate);
  if (!isProblem(answer)) return respond(c, `{"id":"${answer.ids[0] ?? ""}"}`);
  await unstage(c, [packed]);
  return refuse(c, turnstile, answer);
};

/** A refusal of the account: what is everybody's is kept in mind. */
export const refuse = (c: GatewayContext, turnstile: Turnstile, refusal: Problem): Response => {
  turnstile.remember(c.get("visitor").account, refusal, c.get("rate"), Date.now());
  return sendProblem(c, refusal);
};

/** A time that has passed since must not refuse what the key has answered already. */
const replayOr = async (
  c: GatewayContext,
  refusal: Problem,
  idempotency: Idempotency | undefined,
): Promise<Response> => {
  const told = idempotency && (await accountOf(c).replay(c.get("visitor"), idempotency));
  if (!told || isProblem(told.answer)) return sendProblem(c, refusal);
  c.set("rate", told.rate);
  return respond(c, `{"id":"${told.answer.ids[0] ?? ""}"}`);
};

export const senderPassage = (address: string): `sender ${string}` => `sender ${address.toLowerCase()}`;

export const idempotencyOf = async (c: GatewayContext, text: string): Promise<Idempotency | Problem | undefined> => {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (key.length < 1 || key.length > 256) return problem("invalid_idempotency_key");
  return { key, fingerprint: await sha256Hex(text) };
};
