/**
 * Mail that came in at a relay: whose a domain is, and the message itself, one JSON line and then its octets.
 *
 * The octets go into the account as they come, a few chunks in memory at a time. The answer goes out when the message
 * is durable. A body that is not as long as its line says leaves nothing that anybody sees.
 */
import type { Hono } from "hono";
import { isAccountId } from "#contract/ids.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { RECEIVED_KEY, RECEIVED_LINE_LIMIT, ReceivedMail, type ReceivedVerdict } from "#contract/received.ts";
import { parseDomain } from "#dns/domain.ts";
import { parseJson } from "../../core/json-text.ts";
import { RECEIVED_CHUNK_BYTES, type PieceTaken } from "../../objects/account-received.ts";
import { accountStub } from "../ask.ts";
import { ByteChunks } from "../byte-chunks.ts";
import type { GatewayEnv } from "../context.ts";
import { respond, sendProblem } from "../problem-response.ts";

/** Of one call to the account. */
const CHUNKS_A_CALL = 4;

export const relayReceivedRoutes = (app: Hono<GatewayEnv>): Hono<GatewayEnv> =>
  app
    .get("/domains/:domain", async (c) => {
      const parsed = parseDomain(c.req.param("domain"));
      const account =
        parsed.kind === "domain" ? await c.env.DIRECTORY.getByName("directory").receiver(parsed.domain) : undefined;
      return respond(c, JSON.stringify({ account: account ?? null }));
    })
    .put("/messages/:key", async (c) => {
      const [key, account = ""] = [c.req.param("key"), c.req.query("account")];
      const { body } = c.req.raw;
      if (!RECEIVED_KEY.test(key) || !isAccountId(account)) return sendProblem(c, problem("not_found"));
      if (body === null) return sendProblem(c, noMessage("is empty"));
      const verdict = await take(c.env, account, key, body);
      return typeof verdict === "string" ? respond(c, JSON.stringify({ verdict })) : sendProblem(c, verdict);
    });

const noMessage = (why: string): Problem => problem("validation_error", `The body ${why}.`);

const take = async (
  env: Env,
  account: string,
  key: string,
  body: ReadableStream<Uint8Array>,
): Promise<ReceivedVerdict | Problem> => {
  const source = new ByteChunks(body);
  try {
    const line = await source.line(RECEIVED_LINE_LIMIT);
    if (line === undefined) return noMessage("does not begin with a line of JSON");
    const json = parseJson(line);
    const mail = ReceivedMail.safeParse(json.kind === "json" ? json.value : undefined);
    if (!mail.success) return noMessage("begins with a line that is no message's");
    return await keep(env, account, { key, mail: mail.data }, source);
  } finally {
    await source.cancel();
  }
};

const keep = async (
  env: Env,
  account: string,
  { key, mail }: { key: string; mail: ReceivedMail },
  source: ByteChunks,
): Promise<ReceivedVerdict | Problem> => {
  const stub = accountStub(env, account);
  const total = Math.ceil(mail.size / RECEIVED_CHUNK_BYTES);
  let k: number | undefined;
  for (let offset = 0; offset < total; offset += CHUNKS_A_CALL) {
    const chunks: ArrayBuffer[] = [];
    for (let at = offset; at < Math.min(total, offset + CHUNKS_A_CALL); at++) {
      const chunk = await source.take(Math.min(RECEIVED_CHUNK_BYTES, mail.size - at * RECEIVED_CHUNK_BYTES));
      if (chunk === undefined) return noMessage("ends before its message does");
      chunks.push(chunk);
    }
    const isLast = offset + CHUNKS_A_CALL >= total;
    if (isLast && !(await source.isAtEnd())) return noMessage("goes on behind its message");
    const taken: PieceTaken = await stub.receive({ key, mail, k, offset, chunks, isLast });
    if (taken.kind !== "staged") return taken.kind;
    k = taken.k;
  }
  return noMessage("has no message");
};
