/**
 * How an email becomes the bytes of a message (RFC 5322, RFC 2045-2049).
 *
 * Deterministic: the same email gives the same bytes on every try and every relay. Date, Message-ID and
 * boundaries come from the email's key and id; nothing from the clock. Bcc is never written.
 *
 *   mixed( alternative( text, related( html, inline images ) ), attachments )     each level only when needed
 */
import { parseMailbox, type Mailbox } from "../address.ts";
import {
  isReservedHeader,
  isSafeContentId,
  isSafeHeaderValue,
  mailboxField,
  parameter,
  unstructuredField,
} from "../header-text.ts";
import { kToMs } from "../ids.ts";
import type { EmailContent, EmailMeta } from "../relay-protocol.ts";
import { contentTypeOf } from "./content-type.ts";
import { encodeText, wrapBase64 } from "./transfer-encoding.ts";

export type ComposeInput = { k: number; id: string; meta: EmailMeta; content: EmailContent };
export type Composed = {
  bytes: Uint8Array;
  /** A header has an address whose local part is beyond ASCII: only SMTPUTF8 servers can take it. */
  needsSmtpUtf8: boolean;
};

type Attachment = NonNullable<EmailContent["attachments"]>[number];
/** A body part: its header fields, and its content behind the blank line. */
type Part = { fields: string; body: (string | Uint8Array)[] };

const utf8 = new TextEncoder();

/** Throws when the email could not have come through the API: an address or header that is not valid. */
export const composeMessage = ({ k, id, meta, content }: ComposeInput): Composed => {
  const from = mailboxes([meta.from]);
  const headers = Object.entries(content.headers ?? {});
  const sender = mailboxes(headers.filter(([name]) => isSender(name)).map(([, value]) => value));
  // RFC 5322 §3.6.2: Sender is one mailbox, never a list.
  if (sender.length > 1) throw new Error("the email has more than one Sender");
  const visible = {
    From: from,
    Sender: sender,
    "Reply-To": mailboxes(meta.reply_to),
    To: mailboxes(meta.to),
    Cc: mailboxes(meta.cc),
  };
  let head = "";
  for (const [name, list] of Object.entries(visible)) if (list.length > 0) head += mailboxField(name, list);
  head += unstructuredField("Subject", meta.subject);
  head += `Date: ${formatDate(meta.scheduled_at ?? kToMs(k))}\r\n`;
  head += `Message-ID: <${id}@${from[0]?.domain ?? ""}>\r\n`;
  for (const [name, value] of headers) {
    if (isSender(name)) continue;
    if (isReservedHeader(name)) throw new Error(`the header ${name} is not the customer's to set`);
    // Looked at as it came: trimmed, a line break at its end would not be seen.
    if (!isSafeHeaderValue(value)) throw new Error(`the value of the header ${name} is not safe`);
    // White space has no meaning beyond parting words, and `List-Unsubscribe` in encoded words would be none.
    head += unstructuredField(name, value.trim().replaceAll(/[\t ]+/g, " "));
  }
  const body = bodyPart(content, id);
  return {
    bytes: concat([`${head}MIME-Version: 1.0\r\n${body.fields}\r\n`, ...body.body]),
    needsSmtpUtf8: Object.values(visible).some((list) => list.some((mailbox) => mailbox.utf8)),
  };
};

/** The one address field that customers set as a header (RFC 5322 §3.6.2). */
const isSender = (name: string): boolean => name.toLowerCase() === "sender";

const mailboxes = (texts: readonly string[] | undefined): Mailbox[] =>
  (texts ?? []).map((text) => {
    const parsed = parseMailbox(text);
    if (parsed.kind === "invalid") throw new Error(`an address of the email is not valid: ${parsed.reason}`);
    return parsed.mailbox;
  });

const bodyPart = (content: EmailContent, id: string): Part => {
  const attachments = content.attachments ?? [];
  const inline = attachments.filter(({ content_id }) => isShownIn(content.html, content_id));
  const others = attachments.filter((attachment) => !inline.includes(attachment));
  const views: Part[] = [];
  if (content.text !== undefined) views.push(textPart("text/plain", content.text));
  if (content.html !== undefined) {
    const html = textPart("text/html", content.html);
    views.push(
      inline.length === 0
        ? html
        : multipart("related", id, [html, ...inline.map((part) => attachmentPart(part, "inline"))]),
    );
  }
  const view = views.length === 1 && views[0] ? views[0] : multipart("alternative", id, views);
  return others.length === 0
    ? view
    : multipart("mixed", id, [view, ...others.map((part) => attachmentPart(part, "attachment"))]);
};

/** What no `cid:` URL names (RFC 2392 §2, perhaps percent-encoded) would be seen nowhere among the inline parts. */
const isShownIn = (html: string | undefined, contentId: string | undefined): boolean =>
  html !== undefined &&
  contentId !== undefined &&
  (html.includes(`cid:${contentId}`) || html.includes(`cid:${encodeURIComponent(contentId)}`));

const textPart = (type: "text/plain" | "text/html", text: string): Part => {
  const { encoding, body } = encodeText(text);
  return { fields: `Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n`, body: [body] };
};

const attachmentPart = (attachment: Attachment, disposition: "inline" | "attachment"): Part => {
  const { filename, content, content_id } = attachment;
  if (content_id !== undefined && !isSafeContentId(content_id)) throw new Error("unsafe content id");
  const fields =
    `Content-Type: ${contentTypeOf(attachment)}${parameter("name", filename)}\r\n` +
    `Content-Transfer-Encoding: base64\r\n` +
    `Content-Disposition: ${disposition}${parameter("filename", filename)}\r\n` +
    (content_id === undefined ? "" : unstructuredField("Content-ID", `<${content_id}>`));
  return { fields, body: [wrapBase64(content)] };
};

/** `=_` cannot stand in base64 or quoted-printable; `encodeText` keeps it out of plain text. */
const multipart = (kind: "mixed" | "alternative" | "related", id: string, parts: Part[]): Part => {
  const boundary = `=_${kind}_${id}`;
  const body: (string | Uint8Array)[] = [];
  // Every part ends in CRLF, which belongs to the boundary after it (RFC 2046 §5.1.1).
  for (const part of parts) body.push(`--${boundary}\r\n${part.fields}\r\n`, ...part.body);
  body.push(`--${boundary}--\r\n`);
  return { fields: `Content-Type: multipart/${kind};\r\n boundary="${boundary}"\r\n`, body };
};

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** RFC 5322 §3.3, in UTC. */
const formatDate = (ms: number): string => {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  return `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${time} +0000`;
};

const concat = (pieces: readonly (string | Uint8Array)[]): Uint8Array => {
  const chunks = pieces.map((piece) => (typeof piece === "string" ? utf8.encode(piece) : piece));
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
};
