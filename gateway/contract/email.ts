/**
 * An email as customers post it and read it: the wire shapes of `POST /v1/emails` and its readers.
 *
 * Resend's field names, snake_case, plus our own `stream`, `require_tls` and `metadata`. Unknown fields are
 * refused: a typo must not lose a customer's header in silence. Addresses stay as written here; what is in
 * them is checked by `gateway/core/send-request.ts`, which also names the right problem.
 */
import { z } from "zod";

export const RECIPIENT_LIMIT = 50;
/** Body of a request, in bytes: attachments count as the base64 they come in. */
export const BODY_LIMIT_BYTES = 40 * 1000 * 1000;

const addresses = z.union([z.string(), z.array(z.string()).min(1)]);

export const Tag = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,256}$/, "may have letters, digits, _ and -, at most 256"),
  value: z.string().regex(/^[A-Za-z0-9_-]{0,256}$/, "may have letters, digits, _ and -, at most 256"),
});

export const Attachment = z.strictObject({
  filename: z.string().min(1).max(255),
  content: z.string().meta({ description: "The bytes in base64" }),
  content_type: z.string().max(255).optional(),
  content_id: z.string().min(1).max(128).optional().meta({ description: 'For `<img src="cid:…">`' }),
});

export const SendRequest = z
  .strictObject({
    from: z.string(),
    to: addresses,
    subject: z.string().max(2000),
    html: z.string().nullish(),
    text: z.string().nullish(),
    cc: addresses.nullish(),
    bcc: addresses.nullish(),
    reply_to: addresses.nullish(),
    headers: z.record(z.string(), z.string()).nullish(),
    tags: z.array(Tag).max(75).nullish(),
    attachments: z.array(Attachment).nullish(),
    stream: z.enum(["transactional", "bulk"]).optional(),
    require_tls: z.boolean().optional(),
    metadata: z.record(z.string().max(64), z.string().max(1024)).optional(),
  })
  .meta({ id: "SendRequest" });
export type SendRequest = z.infer<typeof SendRequest>;

export const SendReply = z.object({ id: z.string() }).meta({ id: "SendReply" });

/** A row of `GET /v1/emails`. */
export const EmailSummary = z
  .object({
    id: z.string(),
    message_id: z.string(),
    from: z.string(),
    to: z.array(z.string()),
    cc: z.array(z.string()).nullable(),
    bcc: z.array(z.string()).nullable(),
    reply_to: z.array(z.string()).nullable(),
    subject: z.string(),
    created_at: z.string(),
    last_event: z.string(),
    scheduled_at: z.string().nullable(),
  })
  .meta({ id: "EmailSummary" });
export type EmailSummary = z.infer<typeof EmailSummary>;

/** `GET /v1/emails/:id`. */
export const EmailDetail = EmailSummary.extend({
  object: z.literal("email"),
  html: z.string().nullable(),
  text: z.string().nullable(),
  tags: z.array(z.object({ name: z.string(), value: z.string() })),
  topic_id: z.string().nullable(),
  metadata: z.record(z.string(), z.string()).nullable(),
}).meta({ id: "EmailDetail" });
export type EmailDetail = z.infer<typeof EmailDetail>;

/** `?limit=1..100&after=ID | before=ID`, ids exclusive. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().optional(),
  before: z.string().optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;

export type Page<T> = { object: "list"; has_more: boolean; data: T[] };
