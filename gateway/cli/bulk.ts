/**
 * `hikyaku bulk`: an NDJSON file through the API: the shared email on its first line, a recipient on each further one.
 *
 * The file goes as a stream, under an idempotency key of its own, so that the command can be given again when it was
 * cut: it goes on where it was, and nobody has the mail twice.
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { BulkReply } from "#contract/bulk.ts";
import { ProblemBody } from "#contract/problem.ts";
import type { Answer } from "./api-client.ts";
import { accountApi, type ApiOptions } from "./credentials.ts";
import { show } from "./show.ts";
import { EXIT, type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

const SHOWN_ERRORS = 20;

export const bulk = async (
  file: string,
  options: ApiOptions & { json?: boolean; idempotencyKey?: string },
  around: Surroundings,
): Promise<Exit> => {
  const path = resolve(around.cwd, file);
  if (!existsSync(path)) throw new WrongUse(`there is no file ${path}`);
  const api = accountApi(options, around);
  const key = options.idempotencyKey ?? (await fingerprintOf(path));
  const answer = await post(`${api.url}/v1/emails/bulk`, api.token ?? "", key, path);
  const exit = show(answer, BulkReply, options.json === true, around, describe);
  const reply = answer.kind === "ok" ? BulkReply.safeParse(answer.body).data : undefined;
  return exit === EXIT.done && reply && reply.refused > 0 ? EXIT.no : exit;
};

/** The same file is the same bulk. */
const fingerprintOf = async (path: string): Promise<string> => {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return `file-${hash.digest("hex")}`;
};

const post = async (url: string, token: string, key: string, path: string): Promise<Answer> => {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/x-ndjson", "idempotency-key": key },
      body: Readable.toWeb(createReadStream(path)) as ReadableStream,
      duplex: "half",
    });
    const body: unknown = await response.json().catch(() => undefined);
    const about = { status: response.status, body, headers: response.headers };
    if (response.ok) return { kind: "ok", ...about };
    const refusal = ProblemBody.safeParse(body).data;
    return { kind: "refused", ...about, name: refusal?.name ?? "unreadable", message: refusal?.message ?? "no reason" };
  } catch (error) {
    return { kind: "unreachable", reason: error instanceof Error ? error.message : String(error) };
  }
};

const describe = ({ id, accepted, refused, errors }: BulkReply): string =>
  [
    `bulk ${id}: ${accepted} accepted, ${refused} refused`,
    ...errors.slice(0, SHOWN_ERRORS).map(({ line, message }) => `  line ${line}: ${message}`),
    ...(errors.length > SHOWN_ERRORS ? [`  … and ${refused - SHOWN_ERRORS} more`] : []),
  ].join("\n");
