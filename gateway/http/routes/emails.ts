/**
 * `/v1/emails`: send, list, read, and what happened.
 */
import { Hono } from "hono";
import { PageQuery } from "#contract/email.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { INLINE_CONTENT_LIMIT } from "#contract/relay-protocol.ts";
import { checkSend, type CheckedSend } from "../../core/send-request.ts";
import { sha256Hex } from "../../core/token.ts";
import type { Send } from "../../objects/account-intake.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { answer, isProblem, sendProblem } from "../problem-response.ts";
import { readJson } from "../read-body.ts";
import { SendTogether } from "../send-together.ts";

/** UTF-16 units a chunk: in UTF-8 it stays under the 2 MB that a row may have. */
const CHUNK_LENGTH = 500_000;

export const emailRoutes = (): Hono<GatewayEnv> => {
  const together = new SendTogether();
  return new Hono<GatewayEnv>()
    .post("/", async (c) => {
      const body = await readJson(c.req.raw);
      if (isProblem(body)) return sendProblem(c, body);
      const checked = checkSend(body.json);
      if (checked.kind === "problem") return sendProblem(c, checked);
      const idempotency = await idempotencyOf(c, body.text);
      if (idempotency?.kind === "problem") return sendProblem(c, idempotency);
      const content = await keepLarge(c, checked);
      if (typeof content === "object" && "kind" in content) return sendProblem(c, content);
      const { from, recipients, stream, meta } = checked;
      const call = {
        caller: c.get("caller"),
        from,
        recipients,
        stream,
        meta,
        content,
        ...(idempotency && { idempotency }),
      };
      const accepted = await together.send(c.env, c.executionCtx, call);
      return accepted.kind === "problem" ? sendProblem(c, accepted) : c.json({ id: accepted.id });
    })
    .get("/", async (c) => {
      const query = PageQuery.safeParse(c.req.query());
      if (!query.success) return sendProblem(c, queryProblem(query.error.issues[0]));
      return answer(c, await accountOf(c).listEmails(c.get("caller"), query.data));
    })
    .get("/:id", async (c) => answer(c, await accountOf(c).getEmail(c.get("caller"), c.req.param("id"))))
    .get("/:id/events", async (c) => answer(c, await accountOf(c).listEvents(c.get("caller"), c.req.param("id"))));
};

/** The object of the caller's account: the one place that would know of shards. */
export const accountOf = (c: GatewayContext) => c.env.ACCOUNT.getByName(c.get("caller").account);

const queryProblem = (issue: { path: PropertyKey[]; message: string } | undefined): Problem =>
  problem("validation_error", `Invalid query parameter \`${issue?.path.join(".") ?? ""}\`: ${issue?.message ?? ""}.`);

const idempotencyOf = async (
  c: GatewayContext,
  text: string,
): Promise<(NonNullable<Send["idempotency"]> & { kind: "key" }) | Problem | undefined> => {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (key.length < 1 || key.length > 256) return problem("invalid_idempotency_key");
  return { kind: "key", key, fingerprint: await sha256Hex(text) };
};

/** Content too large for a batch is put into the account first, in chunks that fit a row. */
const keepLarge = async (c: GatewayContext, send: CheckedSend): Promise<Send["content"] | Problem> => {
  const { content } = send;
  if (content.length <= INLINE_CONTENT_LIMIT) return content;
  const chunks: string[] = [];
  for (let start = 0; start < content.length;) {
    let end = Math.min(content.length, start + CHUNK_LENGTH);
    // A surrogate pair must not be cut in two: halves do not survive UTF-8.
    const last = content.charCodeAt(end - 1);
    if (last >= 0xd800 && last < 0xdc00 && end < content.length) end -= 1;
    chunks.push(content.slice(start, end));
    start = end;
  }
  const staged = await accountOf(c).stage(c.get("caller"), chunks);
  return staged.kind === "problem" ? staged : { part: staged.part, chunks: chunks.length, size: content.length };
};
