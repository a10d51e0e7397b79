/**
 * `POST /v1/emails/bulk`: NDJSON; the first line is the shared email, each further line one recipient.
 *
 * Content is stored once and merged on the relay. Lines are counted from 1, the shared email being line 1. The stream
 * is accepted in durable chunks: a request cut short is taken up with the same `Idempotency-Key` and the same bytes.
 */
import { z } from "zod";
import { SendRequest } from "./email.ts";
import { Variables } from "./merge.ts";

/** Recipients of one request. */
export const BULK_RECIPIENTS = 100_000;
/** Characters of one line; the shared email's may be as long as any send. */
export const BULK_LINE_LENGTH = 64 * 1024;
/** Refused lines that the reply names; the rest are counted only. */
export const BULK_ERRORS = 1000;

/** Without `to`, which each line brings; `{{placeholders}}` in subject, text, html and header values. */
export const BulkEmail = SendRequest.omit({
  to: true,
  cc: true,
  bcc: true,
  scheduled_at: true,
  topic_id: true,
  template: true,
  // A stream is not refused for one of its recipients: their events tell.
  on_suppressed: true,
})
  .extend({ template: z.strictObject({ id: z.string().min(1).max(100) }).nullish() })
  .meta({ id: "BulkEmail" });
export type BulkEmail = z.infer<typeof BulkEmail>;

export const BulkLine = z
  .strictObject({ to: z.string().max(2000), variables: Variables.nullish() })
  .meta({ id: "BulkLine", example: { to: "ada@example.com", variables: { first_name: "Ada" } } });
export type BulkLine = z.infer<typeof BulkLine>;

export const BulkReply = z
  .object({
    object: z.literal("bulk"),
    id: z.string(),
    status: z.enum(["open", "complete"]),
    lines: z.int().meta({ description: "Lines taken so far, the first with the shared email included" }),
    accepted: z.int(),
    refused: z.int(),
    errors: z
      .array(z.object({ line: z.int(), message: z.string() }))
      .meta({ description: `The first ${BULK_ERRORS} refused lines` }),
  })
  .meta({ id: "BulkReply" });
export type BulkReply = z.infer<typeof BulkReply>;
