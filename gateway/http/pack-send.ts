/**
 * From a checked send to what the account is handed: attachments fetched, large content staged, the rest as JSON text.
 */
import { BODY_LIMIT_BYTES } from "#contract/email.ts";
import { isProblem, type Problem } from "#contract/problem.ts";
import type { EmailContent } from "#contract/relay-protocol.ts";
import { INLINE_CONTENT_LIMIT } from "#contract/relay-protocol.ts";
import type { CheckedSend } from "../core/send-request.ts";
import type { Piece, SendCall } from "../objects/account-admission.ts";
import type { Idempotency, SendContent } from "../objects/account-intake.ts";
import { accountOf } from "./ask.ts";
import type { GatewayContext } from "./context.ts";
import { fetchAttachment } from "./fetch-attachment.ts";
import { bodyTooLarge } from "./read-body.ts";

/** UTF-16 units a chunk: in UTF-8 it stays under the 2 MB that a row may have. */
const CHUNK_LENGTH = 500_000;
/** A call between Worker and object carries 32 MiB at most, and two bytes a character. */
const CHUNKS_A_CALL = 16;
const FETCH_TIMEOUT_MS = 15_000;
/** All attachments of a send. */
const FETCH_ALL_MS = 30_000;

export const packSend = async (
  c: GatewayContext,
  send: CheckedSend,
  idempotency: Idempotency | undefined,
): Promise<SendCall | Problem> => {
  const of = { from: send.from, sender: send.sender, recipients: send.recipients, idempotency };
  const fetched = send.remote.length > 0 ? await fetchAllowed(c, send, of) : send.content;
  if (isProblem(fetched)) return fetched;
  const whole =
    send.template && (fetched.headers || fetched.attachments)
      ? await withTemplate(c, send.template.id, fetched)
      : fetched;
  if (isProblem(whole)) return whole;
  const content = await keepLarge(c, JSON.stringify(whole), of);
  if (typeof content === "object" && isProblem(content)) return content;
  const { from, sender, recipients, stream, scheduledMs, refuseSuppressed, hasUnsubscribePlace, template } = send;
  const meta = JSON.stringify(send.meta);
  return {
    ...{ from, sender, recipients, stream, scheduledMs, refuseSuppressed, hasUnsubscribePlace, template },
    ...{ meta, content },
  };
};

/** Content too large for a batch is put into the account first, in chunks that fit a row, some of them a call. */
const keepLarge = async (c: GatewayContext, content: string, of: Piece["of"]): Promise<SendContent | Problem> => {
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
  let part: number | undefined;
  for (let offset = 0; offset < chunks.length; offset += CHUNKS_A_CALL) {
    const piece = { part, total: chunks.length, offset, chunks: chunks.slice(offset, offset + CHUNKS_A_CALL), of };
    const staged = await accountOf(c).stage(c.get("visitor"), piece);
    if (isProblem(staged)) return staged;
    // Accepted before: its reply is given again, nobody looks at the content.
    if (staged.kind === "replay") return "{}";
    part = staged.part;
  }
  return { part: part ?? 0, chunks: chunks.length, size: content.length };
};

/** Headers and attachments of a send stand beside its template's texts: the two make a content of its own. */
const withTemplate = async (c: GatewayContext, id: string, content: EmailContent): Promise<EmailContent | Problem> => {
  const template = await accountOf(c).template(c.get("visitor"), id);
  if (isProblem(template)) return template;
  return { ...content, html: template.html, ...(template.text !== undefined && { text: template.text }) };
};

/** Nothing is fetched for a send that the account would refuse, or has accepted before. */
const fetchAllowed = async (c: GatewayContext, send: CheckedSend, of: Piece["of"]): Promise<EmailContent | Problem> => {
  const { rate, answer } = await accountOf(c).mayProceed(c.get("visitor"), of);
  c.set("rate", rate);
  if (isProblem(answer)) return answer;
  return answer.kind === "replay" ? {} : fetchRemote(c, send);
};

/** One after the other: together they may not be larger than a body may be. */
const fetchRemote = async (c: GatewayContext, { content, remote }: CheckedSend): Promise<EmailContent | Problem> => {
  const attachments = [...(content.attachments ?? [])];
  let leftBytes = BODY_LIMIT_BYTES * 0.75 - attachments.reduce((sum, part) => sum + part.content.length * 0.75, 0);
  const deadlineMs = Date.now() + FETCH_ALL_MS;
  for (const { index, url, named } of remote) {
    const attachment = attachments[index];
    if (!attachment) continue;
    const leftMs = Math.max(1, deadlineMs - Date.now());
    if (leftBytes <= 0) return bodyTooLarge();
    const fetched = await fetchAttachment(url, {
      allowPrivate: c.env.HIKYAKU_ALLOW_PRIVATE === "1",
      limitBytes: Math.floor(leftBytes),
      timeoutMs: Math.min(FETCH_TIMEOUT_MS, leftMs),
    });
    if (isProblem(fetched)) return { ...fetched, message: `\`attachments[${index}]\`: ${fetched.message}` };
    leftBytes -= fetched.bytes;
    const content_type = attachment.content_type ?? fetched.contentType;
    attachments[index] = {
      ...attachment,
      filename: named ? attachment.filename : (fetched.filename ?? attachment.filename),
      content: fetched.base64,
      ...(content_type !== undefined && { content_type }),
    };
  }
  return { ...content, attachments };
};

/** Lets the account forget content that was staged for sends it has refused. */
export const unstage = async (c: GatewayContext, sends: readonly SendCall[]): Promise<void> => {
  const parts = sends.flatMap(({ content }) => (typeof content === "string" ? [] : [content.part]));
  if (parts.length > 0) await accountOf(c).unstage(c.get("visitor"), parts);
};
