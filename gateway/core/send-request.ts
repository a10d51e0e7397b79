/**
 * From a posted JSON value to an email that may be stored: the one place where a send is checked.
 *
 * What passes here has every address parsed, every header safe, every attachment readable, so no later room
 * looks again. It knows no account: whether the sender is allowed, what a template brings and how much may be
 * sent, the account says.
 */
import { parseMailbox } from "#contract/address.ts";
import { RECIPIENT_LIMIT, SCHEDULE_LIMIT_MS, SendRequest } from "#contract/email.ts";
import { isReservedHeader, isSafeHeaderName, isSafeHeaderValue } from "#contract/header-text.ts";
import { compile, compileReserved, PLACEHOLDERS_LIMIT, unsubscribePlaces, type Variables } from "#contract/merge.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import type { EmailContent, EmailMeta } from "#contract/relay-protocol.ts";
import { mentionsUnsubscribe } from "#contract/unsubscribe-place.ts";
import { checkAttachments, type RemoteAttachment } from "./attachment-check.ts";
import { placeRefusal } from "./place-refusal.ts";
import { shapeProblem } from "./shape-problem.ts";

export type Address = { address: string; domain: string };

export type CheckedSend = {
  kind: "send";
  /** `undefined`: the template brings it. */
  from: Address | undefined;
  /** The header `Sender`, when there is one: it must be allowed as From must. */
  sender: Address | undefined;
  /** Envelope recipients: to, cc and bcc, each once. */
  recipients: string[];
  stream: "transactional" | "bulk";
  scheduledMs: number | undefined;
  /** It is to be refused when a recipient is suppressed. */
  refuseSuppressed: boolean;
  /** Its own `html` or `text` has a place for the link to unsubscribe by, so it is to be refused when it has none. */
  hasUnsubscribePlace: boolean;
  /** `headers`: the send's own, which are merged as the template's texts are. */
  template: { id: string; variables: Variables; headers: Record<string, string> } | undefined;
  meta: EmailMeta;
  content: EmailContent;
  /** Attachments of `content` that are still to be fetched. */
  remote: RemoteAttachment[];
};

/** A time that has just passed means now: clocks differ. */
const LATE_MS = 60_000;

/** Checks one email. Refusals name the field and say what is wrong with it; `where` goes before it (`[3].`). */
export const checkSend = (body: unknown, nowMs: number, where = ""): CheckedSend | Problem => {
  const parsed = SendRequest.safeParse(body);
  if (!parsed.success) return shapeProblem(parsed.error, body, where);
  const checked = checkRequest(parsed.data, nowMs);
  return where !== "" && isProblem(checked) ? { ...checked, message: `${where} ${checked.message}` } : checked;
};

/** A send of the right shape; without `to` when it is the shared email of a bulk. */
export const checkRequest = (
  request: Omit<SendRequest, "to"> & { to?: SendRequest["to"] },
  nowMs: number,
): CheckedSend | Problem => {
  const template = request.template ?? undefined;
  const refusal = missingProblem(request, template !== undefined) ?? headerProblem(request);
  if (refusal) return refusal;
  const from = request.from === undefined ? undefined : parseMailbox(request.from);
  if (from?.kind === "invalid") return problem("invalid_from_address", `Invalid \`from\` field: ${from.reason}.`);
  const sender = senderOf(request);
  if (sender?.kind === "problem") return sender;
  const addresses = checkAddresses(request);
  if (addresses.kind === "problem") return addresses;
  const places = checkPlaces(request);
  if (places.kind === "problem") return places;
  const attachments = checkAttachments(request.attachments ?? []);
  if (attachments.kind === "problem") return attachments;
  const scheduledMs = scheduledMsOf(request.scheduled_at, nowMs);
  if (typeof scheduledMs === "object") return scheduledMs;
  return {
    kind: "send",
    from: from?.mailbox,
    sender: sender?.mailbox,
    recipients: addresses.recipients,
    stream: request.stream ?? "transactional",
    scheduledMs,
    refuseSuppressed: request.on_suppressed === "refuse",
    hasUnsubscribePlace: places.count > 0,
    template: template && { id: template.id, variables: template.variables ?? {}, headers: request.headers ?? {} },
    meta: metaOf(request, addresses.written, scheduledMs),
    content: {
      ...(request.text && { text: request.text }),
      ...(request.html && { html: request.html }),
      ...(request.headers && Object.keys(request.headers).length > 0 && { headers: request.headers }),
      ...(attachments.list.length > 0 && { attachments: attachments.list }),
    },
    remote: attachments.remote,
  };
};

/** The address in a mailbox that was checked before. */
export const addressIn = (text: string): Address | undefined => {
  const parsed = parseMailbox(text);
  return parsed.kind === "mailbox" ? parsed.mailbox : undefined;
};

/** The time to send at, in ms; `undefined`: now. */
export const scheduledMsOf = (text: string | null | undefined, nowMs: number): number | undefined | Problem => {
  if (text === null || text === undefined) return undefined;
  const atMs = Date.parse(text);
  if (atMs > nowMs + SCHEDULE_LIMIT_MS)
    return problem("validation_error", "Invalid `scheduled_at` field: it is more than 30 days ahead.");
  if (!(atMs >= nowMs - LATE_MS))
    return problem("validation_error", "Invalid `scheduled_at` field: it lies in the past.");
  return atMs > nowMs ? atMs : undefined;
};

type Request = Parameters<typeof checkRequest>[0];
type Written = Pick<EmailMeta, "to" | "cc" | "bcc" | "reply_to">;

const missing = (field: string): Problem => problem("missing_required_field", `Missing \`${field}\` field.`);

const missingProblem = (request: Request, hasTemplate: boolean): Problem | undefined => {
  if (hasTemplate)
    return request.text || request.html
      ? problem("validation_error", "Give `template`, or `html` and `text`, not both.")
      : undefined;
  if (request.from === undefined) return missing("from");
  if (request.subject === undefined) return missing("subject");
  return request.text || request.html
    ? undefined
    : problem("missing_required_field", "Missing `html` or `text` field.");
};

const metaOf = (request: Request, written: Written, scheduledMs: number | undefined): EmailMeta => ({
  from: request.from ?? "",
  ...written,
  subject: request.subject ?? "",
  ...(request.tags && { tags: request.tags }),
  ...(request.metadata && { metadata: request.metadata }),
  ...(request.stream && { stream: request.stream }),
  ...(request.require_tls && { require_tls: true }),
  ...(request.unsubscribe !== undefined && { unsubscribe: request.unsubscribe }),
  ...(scheduledMs !== undefined && { scheduled_at: scheduledMs }),
});

const listOf = (field: string | string[] | null | undefined): string[] =>
  field === null || field === undefined ? [] : typeof field === "string" ? [field] : field;

const checkAddresses = (request: Request): { kind: "addresses"; written: Written; recipients: string[] } | Problem => {
  const written: Written = { to: [] };
  const recipients = new Set<string>();
  for (const field of ["to", "cc", "bcc", "reply_to"] as const) {
    const list = listOf(request[field]);
    if (list.length === 0) continue;
    if (list.length > RECIPIENT_LIMIT)
      return problem(
        "validation_error",
        `The \`${field}\` field has ${list.length} addresses; at most ${RECIPIENT_LIMIT} are allowed.`,
      );
    for (const text of list) {
      const mailbox = parseMailbox(text);
      if (mailbox.kind === "invalid")
        return problem("validation_error", `Invalid \`${field}\` field: ${mailbox.reason}.`);
      if (field !== "reply_to") recipients.add(mailbox.mailbox.address);
    }
    written[field] = list;
  }
  if (recipients.size > RECIPIENT_LIMIT)
    return problem(
      "validation_error",
      `The email has ${recipients.size} recipients in \`to\`, \`cc\` and \`bcc\`; at most ${RECIPIENT_LIMIT} are allowed.`,
    );
  return { kind: "addresses", written, recipients: [...recipients] };
};

/** `Sender` is the one address that comes as a header (RFC 5322 §3.6.2). */
const senderOf = (request: Request): (ReturnType<typeof parseMailbox> & { kind: "mailbox" }) | Problem | undefined => {
  const name = Object.keys(request.headers ?? {}).find((header) => header.toLowerCase() === "sender");
  if (name === undefined) return undefined;
  const parsed = parseMailbox(request.headers?.[name] ?? "");
  return parsed.kind === "mailbox"
    ? parsed
    : problem("validation_error", `Invalid \`headers\` field: \`Sender\`: ${parsed.reason}.`);
};

/** `count`: in the body that has more. In what is merged, `{{UNSUBSCRIBE_URL}}` may be a variable of the customer's. */
const checkPlaces = (request: Request): { kind: "places"; count: number } | Problem => {
  const { subject, text, html } = request;
  const headers = request.headers ?? {};
  if (![subject, text, html, ...Object.values(headers)].some((each) => mentionsUnsubscribe(each ?? "")))
    return { kind: "places", count: 0 };
  const takeApart = request.to === undefined || request.template ? compile : compileReserved;
  const named = (what: string, each: string | null | undefined) => ({ what, text: takeApart(each ?? "") });
  const fields = Object.entries(headers).map(([name, value]) => named(`header \`${name}\``, value));
  const body = [named("text", text), named("html", html)];
  const refusal = placeRefusal([named("subject", subject), ...fields], body);
  if (refusal !== undefined) return problem("no_unsubscribe_link", refusal);
  const count = Math.max(...body.map((part) => unsubscribePlaces(part.text)));
  return count > PLACEHOLDERS_LIMIT
    ? problem("validation_error", `There are more than ${PLACEHOLDERS_LIMIT} places for the unsubscribe link.`)
    : { kind: "places", count };
};

const headerProblem = (request: Request): Problem | undefined => {
  if (!isSafeHeaderValue(request.subject ?? ""))
    return problem("validation_error", "Invalid `subject` field: it may not have line breaks or control characters.");
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    const refuse = (what: string): Problem => problem("validation_error", `Invalid \`headers\` field: ${what}.`);
    if (!isSafeHeaderName(name))
      return refuse(`${JSON.stringify(name.slice(0, 80)).toWellFormed()} is not a header name`);
    if (isReservedHeader(name)) return refuse(`\`${name}\` is set by the service`);
    if (seen.has(name.toLowerCase())) return refuse(`\`${name}\` is there twice`);
    seen.add(name.toLowerCase());
    if (!isSafeHeaderValue(value))
      return refuse(`the value of \`${name}\` may not have line breaks or control characters`);
  }
  return undefined;
};
