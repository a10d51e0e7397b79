/**
 * `POST /v1/emails/bulk`: an NDJSON stream of one shared email and its recipients, taken in durable chunks.
 */
import type { Hono } from "hono";
import { BulkEmail } from "#contract/bulk.ts";
import { BODY_LIMIT_BYTES } from "#contract/email.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { LineChecker } from "../../core/bulk-line.ts";
import { parseJson } from "../../core/json-text.ts";
import { LineHash } from "../../core/line-hash.ts";
import { addressIn, checkRequest, type CheckedSend } from "../../core/send-request.ts";
import { shapeProblem } from "../../core/shape-problem.ts";
import type { SendCall } from "../../objects/account-admission.ts";
import type { BulkOpened, BulkTemplate } from "../../objects/bulk-admission.ts";
import { accountOf, ask } from "../ask.ts";
import { refusedAtTurnstile } from "../authenticate.ts";
import { BulkFeed, type Take } from "../bulk-feed.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { packSend, unstage } from "../pack-send.ts";
import { answer as answerWith, sendProblem } from "../problem-response.ts";
import { readLines, type Line } from "../read-lines.ts";
import { serve, serveRaw } from "../serve.ts";
import type { Turnstile } from "../turnstile.ts";
import { idempotencyOf, idOf, refuse } from "./emails.ts";

/** A line above what a line may have is refused by its number; one above this ends the reading. */
const LONGEST_LINE = 1_000_000;

export const bulkRoutes = (app: Hono<GatewayEnv>, turnstile: Turnstile): void => {
  serveRaw(app, "sendBulk", (c) => sendBulk(c, turnstile));
  serve(app, "getBulk", (c) => ask(c, "getBulk", { id: idOf(c) }));
};

const sendBulk = async (c: GatewayContext, turnstile: Turnstile): Promise<Response> => {
  const closed = refusedAtTurnstile(c, turnstile, c.get("visitor").account, "sends");
  if (closed) return closed;
  const may = await accountOf(c).mayProceed(c.get("visitor"), undefined);
  c.set("rate", may.rate);
  if (isProblem(may.answer)) return refuse(c, turnstile, may.answer);
  const body = c.req.raw.body;
  if (body === null) return sendProblem(c, problem("validation_error", "The body is empty; it must be NDJSON."));
  const lines = readLines(body, (line) => (line === 1 ? BODY_LIMIT_BYTES : LONGEST_LINE));
  const first = (await lines.next()).value;
  if (!first || first.kind === "too-long")
    return sendProblem(c, problem("validation_error", "The first line must be the shared email."));
  const shared = checkShared(first.text);
  if (isProblem(shared)) return sendProblem(c, shared);
  const hash = new LineHash();
  hash.add(first.text);
  const idempotency = await idempotencyOf(c, first.text);
  if (idempotency && isProblem(idempotency)) return sendProblem(c, idempotency);
  const packed = await packSend(c, shared, undefined);
  if (isProblem(packed)) return sendProblem(c, packed);

  const visitor = c.get("visitor");
  const opening = { ...packed, templateId: shared.template?.id, idempotency, hash: hash.value };
  const answer = await accountOf(c).openBulk(visitor, opening);
  if (isProblem(answer)) {
    await unstage(c, [packed]);
    return refuse(c, turnstile, answer);
  }
  return feed(c, turnstile, lines, shared, packed, hash, answer);
};

const feed = async (
  c: GatewayContext,
  turnstile: Turnstile,
  lines: AsyncGenerator<Line>,
  shared: CheckedSend,
  { sender, stream }: SendCall,
  hash: LineHash,
  { state, template, ofDomain }: BulkOpened,
): Promise<Response> => {
  const account = accountOf(c);
  const visitor = c.get("visitor");
  const checker = checkerOf(shared, template, ofDomain);
  const from = shared.from ?? addressIn(template?.from ?? "");
  if (!from) return sendProblem(c, problem("missing_required_field", "Missing `from` field."));
  const take: Take = (chunk) => account.addToBulk(visitor, { ...chunk, from, sender, stream });
  const bulk = new BulkFeed(state, checker, hash, take);
  for await (const line of lines) {
    if (line.kind === "too-long")
      return sendProblem(
        c,
        problem(
          "validation_error",
          `A line is longer than ${LONGEST_LINE} characters: what follows was not read. Mend it and send the stream again.`,
        ),
      );
    const ended = await bulk.add(line.text);
    if (ended) return finish(c, turnstile, ended);
  }
  if (!state.done) return finish(c, turnstile, await bulk.end());
  const shorter = bulk.shortfall();
  if (shorter) return sendProblem(c, shorter);
  const reply = await account.bulkReply(visitor, state.k);
  return finish(c, turnstile, isProblem(reply) ? reply : { reply });
};

const finish = (c: GatewayContext, turnstile: Turnstile, ended: Awaited<ReturnType<BulkFeed["end"]>>): Response => {
  if (isProblem(ended)) return refuse(c, turnstile, ended);
  const { reply, limited } = ended;
  if (!limited) return answerWith(c, reply);
  const text = `${limited.message} ${reply.accepted} recipients up to line ${reply.lines} are accepted; send the same stream with the same Idempotency-Key again for the rest.`;
  return refuse(c, turnstile, { ...limited, message: text });
};

const checkShared = (line: string): CheckedSend | Problem => {
  const json = parseJson(line);
  if (json.kind === "malformed")
    return problem("validation_error", `The first line, the shared email, ${json.reason}.`);
  const parsed = BulkEmail.safeParse(json.value);
  if (!parsed.success) return shapeProblem(parsed.error, json.value);
  const { template, ...request } = parsed.data;
  return checkRequest({ ...request, ...(template && { template: { id: template.id } }) }, Date.now());
};

const checkerOf = (
  { meta, content }: CheckedSend,
  template: BulkTemplate | undefined,
  ofDomain: BulkOpened["ofDomain"],
): LineChecker =>
  new LineChecker({
    meta: {
      ...meta,
      ...ofDomain,
      from: meta.from === "" ? (template?.from ?? "") : meta.from,
      subject: meta.subject === "" ? (template?.subject ?? "") : meta.subject,
      ...(meta.reply_to === undefined && template?.reply_to && { reply_to: template.reply_to }),
      ...(template?.id !== undefined && { template_id: template.id }),
    },
    text: template ? template.text : content.text,
    html: template ? template.html : content.html,
    headers: content.headers ?? {},
    declared: template?.variables,
  });
