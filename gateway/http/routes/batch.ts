/**
 * `POST /v1/emails/batch`: up to 100 emails in one request, accepted in one commit.
 *
 * `strict`: all or none, the first fault refuses the whole. `permissive`: those without a fault; the reply says which
 * were left out. A limit always refuses the whole: half a batch now and half later is nobody's wish.
 */
import type { Hono } from "hono";
import { BATCH_EMAILS } from "#contract/email.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { checkSend, type CheckedSend } from "../../core/send-request.ts";
import type { AcceptCall, SendCall } from "../../objects/account-admission.ts";
import { accountOf } from "../ask.ts";
import { refusedAtTurnstile } from "../authenticate.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { packSend, unstage } from "../pack-send.ts";
import { respond, sendProblem } from "../problem-response.ts";
import { readJson } from "../read-body.ts";
import { serveRaw } from "../serve.ts";
import type { Turnstile } from "../turnstile.ts";
import { idempotencyOf, refuse } from "./emails.ts";

type Checked = { sends: SendCall[]; indexes: number[]; errors: { index: number; message: string }[] };

export const batchRoutes = (app: Hono<GatewayEnv>, turnstile: Turnstile): void =>
  serveRaw(app, "sendBatch", (c) => sendBatch(c, turnstile));

const sendBatch = async (c: GatewayContext, turnstile: Turnstile): Promise<Response> => {
  const closed = refusedAtTurnstile(c, turnstile, c.get("visitor").account, "sends");
  if (closed) return closed;
  const validation = c.req.header("x-batch-validation") ?? "strict";
  if (validation !== "strict" && validation !== "permissive")
    return sendProblem(c, problem("validation_error", "The header `x-batch-validation` is `strict` or `permissive`."));
  const body = await readJson(c.req.raw);
  if (isProblem(body)) return sendProblem(c, body);
  const checked = await checkAll(c, body.json, validation === "permissive");
  if (isProblem(checked)) return sendProblem(c, checked);
  const idempotency = await idempotencyOf(c, body.text);
  if (idempotency && isProblem(idempotency)) return sendProblem(c, idempotency);
  const { sends, indexes, errors } = checked;
  const visitor = c.get("visitor");
  const call: AcceptCall = {
    visitor,
    sends,
    idempotency,
    batch: { permissive: validation === "permissive", indexes, errors },
  };
  const [told] = await accountOf(c).accept([call]);
  if (!told) return sendProblem(c, problem("application_error"));
  c.set("rate", told.rate);
  if (!isProblem(told.answer)) return respond(c, told.answer.reply ?? "{}");
  await unstage(c, sends);
  return refuse(c, turnstile, told.answer);
};

const checkAll = async (c: GatewayContext, json: unknown, permissive: boolean): Promise<Checked | Problem> => {
  if (!Array.isArray(json) || json.length === 0)
    return problem("validation_error", `The body must be a JSON array of 1 to ${BATCH_EMAILS} emails.`);
  if (json.length > BATCH_EMAILS)
    return problem("validation_error", `The batch has ${json.length} emails; at most ${BATCH_EMAILS} are allowed.`);
  const items = json.map((item, index) => checkItem(item, index));
  const wrong = items.find(isProblem);
  if (wrong && !permissive) return wrong;
  const checked: Checked = { sends: [], indexes: [], errors: [] };
  for (const [index, item] of items.entries()) {
    const packed = isProblem(item) ? item : await packSend(c, item, undefined);
    if (!isProblem(packed)) {
      checked.sends.push(packed);
      checked.indexes.push(index);
    } else if (permissive) checked.errors.push({ index, message: packed.message });
    else {
      await unstage(c, checked.sends);
      return packed;
    }
  }
  return checked;
};

const checkItem = (item: unknown, index: number): CheckedSend | Problem => {
  const checked = checkSend(item, Date.now(), `[${index}].`);
  if (isProblem(checked)) return checked;
  if (checked.content.attachments || checked.meta.scheduled_at !== undefined)
    return problem(
      "validation_error",
      `[${index}]. \`attachments\` and \`scheduled_at\` are not for batches: send such an email alone.`,
    );
  return checked;
};
