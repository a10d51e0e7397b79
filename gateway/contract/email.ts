/**
 * An email as customers post it and read it: the wire shapes of `POST /v1/emails` and its readers.
 *
 * Resend's field names, snake_case, plus our own `stream`, `require_tls`, `metadata` and `on_suppressed`. Unknown fields are
 * refused: a typo must not lose a customer's header in silence. Addresses stay as written here; what is in
 * them is checked by `gateway/core/send-request.ts`, which also names the right problem.
 */
import { z } from "zod";
import { Variables } from "./merge.ts";

export const RECIPIENT_LIMIT = 50;
/** Body of a request, in bytes: attachments count as the base64 they come in. */
export const BODY_LIMIT_BYTES = 40 * 1000 * 1000;

const addresses = z.union([z.string(), z.array(z.string()).min(1)]);

export const Tag = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,256}$/, "may have letters, digits, _ and -, at most 256"),
  value: z.string().regex(/^[A-Za-z0-9_-]{0,256}$/, "may have letters, digits, _ and -, at most 256"),
});

/** Characters of `html` and of `text`: a reader's reply holds both. */
export const BODY_TEXT_LIMIT = 5_000_000;
/** Attachments by URL in one email. */
export const REMOTE_ATTACHMENTS = 20;
/** How far ahead `scheduled_at` may lie. */
export const SCHEDULE_LIMIT_MS = 30 * 24 * 3600 * 1000;

/** Bytes as base64 in `content`, or a `path`: a public http or https URL that is fetched while the send is answered. */
export const Attachment = z
  .strictObject({
    filename: z.string().min(1).max(255).nullish(),
    content: z.string().nullish().meta({ description: "The bytes in base64" }),
    path: z.string().max(2048).nullish().meta({ description: "Or where they are to be fetched: an http or https URL" }),
    content_type: z.string().max(255).nullish(),
    content_id: z.string().min(1).max(128).nullish().meta({ description: 'For `<img src="cid:…">`' }),
  })
  .meta({ id: "Attachment" });
export type Attachment = z.infer<typeof Attachment>;

const Metadata = z
  .record(z.string().max(64), z.string().max(1024))
  .refine((metadata) => Object.keys(metadata).length <= 50, "has more than 50 entries");

const ScheduledAt = z.iso.datetime({ offset: true, local: false });

export const SendRequest = z
  .strictObject({
    from: z
      .string()
      .optional()
      .meta({ description: "`a@example.com` or `Name <a@example.com>`; a template may bring it" }),
    to: addresses,
    subject: z.string().max(2000).optional(),
    html: z.string().max(BODY_TEXT_LIMIT).nullish(),
    text: z.string().max(BODY_TEXT_LIMIT).nullish(),
    cc: addresses.nullish(),
    bcc: addresses.nullish(),
    reply_to: addresses.nullish(),
    headers: z
      .record(z.string(), z.string().max(10_000))
      .refine((headers) => Object.keys(headers).length <= 100, "has more than 100 headers")
      .nullish(),
    tags: z.array(Tag).max(75).nullish(),
    attachments: z
      .array(Attachment)
      .max(100)
      .refine(
        (list) => list.filter(({ path }) => path).length <= REMOTE_ATTACHMENTS,
        `has more than ${REMOTE_ATTACHMENTS} URLs`,
      )
      .nullish(),
    scheduled_at: ScheduledAt.nullish().meta({ description: "ISO 8601, at most 30 days ahead" }),
    template: z.strictObject({ id: z.string().min(1).max(100), variables: Variables.nullish() }).nullish(),
    topic_id: z.null().optional().meta({ description: "There are no topics here: null only" }),
    stream: z.enum(["transactional", "bulk"]).optional(),
    require_tls: z.boolean().optional(),
    unsubscribe: z.boolean().optional().meta({
      description:
        "Whether recipients may unsubscribe by one click (RFC 8058); as its domain says when not given. Mail of the stream `bulk` always has it. In `html` and `text`, `{{unsubscribe_url}}` (or `{{{RESEND_UNSUBSCRIBE_URL}}}`) stands for the recipient's own link; mail that has none is refused then. A `List-Unsubscribe` of your own in `headers` is kept when it is one-click too: an https URI, and `List-Unsubscribe-Post` beside it; else ours takes its place, with your `mailto:` behind it",
    }),
    metadata: Metadata.optional(),
    on_suppressed: z.enum(["event", "refuse"]).optional().meta({
      description:
        "When a recipient is suppressed: `event` (the default) sends to the others and says so in an event; `refuse` refuses the whole email with the addresses. Suppressed since then, it is an event always",
    }),
  })
  .meta({ id: "SendRequest" });
export type SendRequest = z.infer<typeof SendRequest>;

/** `POST /v1/emails/batch`; what one may not have in a batch: `attachments` and `scheduled_at`. */
export const BATCH_EMAILS = 100;
export const BatchRequest = z.array(SendRequest).min(1).max(BATCH_EMAILS).meta({ id: "BatchRequest" });
export const BatchReply = z
  .object({
    data: z.array(z.object({ id: z.string() })),
    errors: z
      .array(z.object({ index: z.int(), message: z.string() }))
      .optional()
      .meta({ description: "With `x-batch-validation: permissive`: those that were not sent" }),
  })
  .meta({ id: "BatchReply" });
export type BatchReply = z.infer<typeof BatchReply>;

/** `PATCH /v1/emails/:id`: another time for an email that is still scheduled. */
export const UpdateEmail = z.strictObject({ scheduled_at: ScheduledAt }).meta({ id: "UpdateEmail" });
export type UpdateEmail = z.infer<typeof UpdateEmail>;

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
    topic_id: z.string().nullable(),
  })
  .meta({ id: "EmailSummary" });
export type EmailSummary = z.infer<typeof EmailSummary>;

/** `GET /v1/emails/:id`. */
export const EmailDetail = EmailSummary.extend({
  object: z.literal("email"),
  html: z.string().nullable(),
  text: z.string().nullable(),
  tags: z.array(z.object({ name: z.string(), value: z.string() })),
  metadata: z.record(z.string(), z.string()).nullable(),
}).meta({ id: "EmailDetail" });
export type EmailDetail = z.infer<typeof EmailDetail>;
