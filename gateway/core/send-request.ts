/**
 * From a posted JSON value to an email that may be stored: the one place where a send is checked.
 *
 * What passes here has every address parsed, every header safe, every attachment readable, so no later room
 * looks again. It builds the JSON texts that are stored and ride to the relay as they are. It knows no
 * account: whether the sender is allowed, the account says.
 */
import type { z } from "zod";
import { parseMailbox } from "#contract/address.ts";
import { BODY_LIMIT_BYTES, RECIPIENT_LIMIT, SendRequest } from "#contract/email.ts";
import { problem, type Problem } from "#contract/problem.ts";
import type { EmailContent, EmailMeta } from "#contract/relay-protocol.ts";
import { isReservedHeader, isSafeContentId, isSafeHeaderName, isSafeHeaderValue } from "#contract/header-text.ts";

export type CheckedSend = {
  kind: "send";
  from: { address: string; domain: string };
  /** Envelope recipients: to, cc and bcc, each once. */
  recipients: string[];
  stream: "transactional" | "bulk";
  /** JSON texts of `EmailMeta` and `EmailContent`. */
  meta: string;
  content: string;
};

/** Checks one email. Refusals name the field and say what is wrong with it. */
export const checkSend = (body: unknown): CheckedSend | Problem => {
  const parsed = SendRequest.safeParse(body);
  if (!parsed.success) return shapeProblem(parsed.error, body);
  const request = parsed.data;
  if (!request.text && !request.html) return problem("missing_required_field", "Missing `html` or `text` field.");

  const from = parseMailbox(request.from);
  if (from.kind === "invalid") return problem("invalid_from_address", `Invalid \`from\` field: ${from.reason}.`);
  const meta: EmailMeta = { from: request.from, to: [], subject: request.subject };
  const recipients = new Set<string>();
  for (const field of ["to", "cc", "bcc", "reply_to"] as const) {
    const written = listOf(request[field]);
    if (written.length === 0 && field !== "to") continue;
    for (const text of written) {
      const mailbox = parseMailbox(text);
      if (mailbox.kind === "invalid")
        return problem("validation_error", `Invalid \`${field}\` field: ${mailbox.reason}.`);
      if (field !== "reply_to") recipients.add(mailbox.mailbox.address);
    }
    if (written.length > RECIPIENT_LIMIT)
      return problem(
        "validation_error",
        `The \`${field}\` field has ${written.length} addresses; at most ${RECIPIENT_LIMIT} are allowed.`,
      );
    meta[field] = written;
  }
  if (recipients.size > RECIPIENT_LIMIT)
    return problem(
      "validation_error",
      `The email has ${recipients.size} recipients in \`to\`, \`cc\` and \`bcc\`; at most ${RECIPIENT_LIMIT} are allowed.`,
    );

  const refusal = headerProblem(request) ?? attachmentProblem(request);
  if (refusal) return refusal;
  if (request.tags) meta.tags = request.tags;
  if (request.metadata) meta.metadata = request.metadata;
  if (request.stream) meta.stream = request.stream;
  if (request.require_tls) meta.require_tls = true;
  return {
    kind: "send",
    from: { address: from.mailbox.address, domain: from.mailbox.domain },
    recipients: [...recipients],
    stream: request.stream ?? "transactional",
    meta: JSON.stringify(meta),
    content: JSON.stringify(contentOf(request)),
  };
};

const listOf = (field: string | string[] | null | undefined): string[] =>
  field === null || field === undefined ? [] : typeof field === "string" ? [field] : field;

const contentOf = (request: SendRequest): EmailContent => {
  const content: EmailContent = {};
  if (request.text) content.text = request.text;
  if (request.html) content.html = request.html;
  if (request.headers && Object.keys(request.headers).length > 0) content.headers = request.headers;
  if (request.attachments && request.attachments.length > 0) {
    content.attachments = request.attachments.map(({ filename, content: base64, content_type, content_id }) => ({
      filename,
      content: base64,
      ...(content_type === undefined ? {} : { content_type }),
      ...(content_id === undefined ? {} : { content_id }),
    }));
  }
  return content;
};

const headerProblem = (request: SendRequest): Problem | undefined => {
  if (!isSafeHeaderValue(request.subject))
    return problem("validation_error", "Invalid `subject` field: it may not have line breaks or control characters.");
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (!isSafeHeaderName(name))
      return problem("validation_error", `Invalid \`headers\` field: ${JSON.stringify(name)} is not a header name.`);
    if (isReservedHeader(name))
      return problem("validation_error", `Invalid \`headers\` field: \`${name}\` is set by the service.`);
    if (!isSafeHeaderValue(value))
      return problem(
        "validation_error",
        `Invalid \`headers\` field: the value of \`${name}\` may not have line breaks or control characters.`,
      );
  }
  return undefined;
};

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const attachmentProblem = (request: SendRequest): Problem | undefined => {
  for (const [index, attachment] of (request.attachments ?? []).entries()) {
    const bad = (what: string): Problem => problem("invalid_attachment", `Invalid \`attachments[${index}]\`: ${what}.`);
    // Wrapped base64 is common; its line ends carry nothing.
    if (attachment.content.includes("\n")) attachment.content = attachment.content.replaceAll(/\r?\n/g, "");
    if (attachment.content.length % 4 !== 0 || !BASE64.test(attachment.content)) return bad("`content` is not base64");
    for (const field of ["filename", "content_type", "content_id"] as const) {
      const value = attachment[field];
      if (value !== undefined && !isSafeHeaderValue(value))
        return bad(`\`${field}\` may not have line breaks or control characters`);
    }
    if (attachment.content_id !== undefined && !isSafeContentId(attachment.content_id))
      return bad("`content_id` must be printable ASCII without spaces and angle brackets");
  }
  return undefined;
};

/** Turns the first issue of a failed parse into the contract's words. */
const shapeProblem = (error: z.ZodError, body: unknown): Problem => {
  const issue = error.issues[0];
  if (issue === undefined || typeof body !== "object" || body === null || Array.isArray(body))
    return problem("validation_error", "The body must be a JSON object.");
  if (issue.code === "unrecognized_keys")
    return problem("validation_error", `Unknown field \`${[...issue.path, issue.keys[0]].join(".")}\`.`);
  const field = issue.path.join(".");
  const missing = issue.path.length === 1 && !(field in body);
  if (missing) return problem("missing_required_field", `Missing \`${field}\` field.`);
  const code =
    issue.path[0] === "attachments"
      ? "invalid_attachment"
      : issue.path[0] === "from"
        ? "invalid_from_address"
        : "validation_error";
  return problem(code, `Invalid \`${field}\` field: ${issue.message}.`);
};

export const bodyTooLarge = (): Problem =>
  problem("payload_too_large", `The body is larger than ${BODY_LIMIT_BYTES / 1_000_000} MB.`);
