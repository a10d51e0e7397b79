/**
 * `/v1/emails`: send, read, count.
 */
import { BulkReply } from "../bulk.ts";
import { BatchReply, BatchRequest, EmailDetail, EmailSummary, SendReply, SendRequest, UpdateEmail } from "../email.ts";
import { EmailEvent } from "../event.ts";
import { MetricsQuery, MetricsReply } from "../metrics.ts";
import { PageQuery, pageOf, referenceTo } from "../pagination.ts";
import type { Endpoint } from "./endpoint.ts";

const IDEMPOTENCY = { "Idempotency-Key": "1 to 256 characters; the same key within 24 hours gives the same reply" };
const SEND_PROBLEMS = [
  "not_found",
  "no_unsubscribe_link",
  "invalid_from_address",
  "sender_not_allowed",
  "invalid_attachment",
  "payload_too_large",
  "invalid_idempotency_key",
  "invalid_idempotent_request",
  "daily_quota_exceeded",
  "security_error",
] as const;

const emails = { tag: "Emails", needs: "full" } as const;

export const EMAIL_ENDPOINTS = {
  sendEmail: {
    ...emails,
    needs: "send",
    method: "POST",
    path: "/v1/emails",
    summary: "Send an email",
    body: SendRequest,
    reply: SendReply,
    headers: IDEMPOTENCY,
    problems: ["missing_required_field", "recipient_suppressed", ...SEND_PROBLEMS],
  },
  sendBatch: {
    ...emails,
    needs: "send",
    method: "POST",
    path: "/v1/emails/batch",
    summary: "Send up to 100 emails",
    body: BatchRequest,
    reply: BatchReply,
    headers: { ...IDEMPOTENCY, "x-batch-validation": "`strict` (all or none, the default) or `permissive`" },
    problems: ["missing_required_field", "recipient_suppressed", ...SEND_PROBLEMS],
  },
  sendBulk: {
    ...emails,
    needs: "send",
    method: "POST",
    path: "/v1/emails/bulk",
    summary: "Send one email to up to 100,000 recipients, merged for each",
    bodyType: "application/x-ndjson",
    reply: BulkReply,
    headers: IDEMPOTENCY,
    problems: ["missing_required_field", "concurrent_idempotent_requests", ...SEND_PROBLEMS],
  },
  getBulk: {
    ...emails,
    method: "GET",
    path: "/v1/emails/bulk/:id",
    summary: "How far a bulk send has come",
    reply: BulkReply,
  },
  listEmails: {
    ...emails,
    method: "GET",
    path: "/v1/emails",
    summary: "List emails, newest first",
    query: PageQuery,
    reply: pageOf(EmailSummary),
  },
  emailMetrics: {
    ...emails,
    method: "GET",
    path: "/v1/emails/metrics",
    summary: "Count what became of emails",
    query: MetricsQuery,
    reply: MetricsReply,
  },
  getEmail: { ...emails, method: "GET", path: "/v1/emails/:id", summary: "Read an email", reply: EmailDetail },
  updateEmail: {
    ...emails,
    method: "PATCH",
    path: "/v1/emails/:id",
    summary: "Reschedule an email",
    body: UpdateEmail,
    reply: referenceTo("email"),
    problems: ["invalid_access"],
  },
  cancelEmail: {
    ...emails,
    method: "POST",
    path: "/v1/emails/:id/cancel",
    summary: "Cancel a scheduled email",
    reply: referenceTo("email"),
    problems: ["invalid_access"],
  },
  listEvents: {
    ...emails,
    method: "GET",
    path: "/v1/emails/:id/events",
    summary: "What happened to each recipient of an email",
    reply: pageOf(EmailEvent),
  },
} as const satisfies Record<string, Endpoint>;
