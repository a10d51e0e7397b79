/**
 * The events of an email: one closed union, one event for each change of state of each recipient.
 *
 * An event's id tells the order in which things became known; its rank, which state of a recipient wins (who opened a
 * mail has it, whatever a forwarder's late bounce says). `queued` is never stored, the email's own row says it.
 */
import { z } from "zod";
import { DomainNotice } from "./domain.ts";
import { Phase, Reply } from "./reply.ts";
import { TlsVerdict } from "./outcome.ts";
import { ReceivedNotice } from "./received.ts";
import { SuppressionSummary } from "./suppression.ts";
import { WebhookSummary } from "./webhook.ts";

/**
 * The state of one recipient. `unknown`: sent whole, no reply seen; it is tried once more with the same bytes.
 * `suppressed`: not sent, the address is on a suppression list.
 */
export const EventKind = z.enum([
  "queued",
  "scheduled",
  "sent",
  "delivery_delayed",
  "unknown",
  "delivered",
  "bounced",
  "failed",
  "canceled",
  "suppressed",
  "opened",
  "clicked",
  "unsubscribed",
  "complained",
]);
export type EventKind = z.infer<typeof EventKind>;

export const EVENT_RANK: Record<EventKind, number> = {
  queued: 0,
  scheduled: 0,
  sent: 1,
  delivery_delayed: 2,
  unknown: 2,
  delivered: 3,
  bounced: 4,
  failed: 4,
  canceled: 4,
  suppressed: 4,
  opened: 5,
  clicked: 6,
  unsubscribed: 7,
  complained: 8,
};

/** Resend's vocabulary has no word for doubt: an email in doubt is delayed until it is tried again. */
export const lastEventWord = (kind: EventKind): string => (kind === "unknown" ? "delivery_delayed" : kind);

/** Why a recipient's side refused, in Resend's words (`bounce-type.ts`). */
export const Bounce = z.object({
  type: z.enum(["Permanent", "Transient", "Undetermined"]),
  subType: z.string(),
  message: z.string(),
  diagnosticCode: z.array(z.string()),
});

/** What is stored of an event, beside its key, email and recipient. */
export const EventData = z.object({
  bounce: Bounce.optional(),
  /** Of `bounced` and `complained`: it came by mail, after the server had taken the message. */
  by_mail: z.boolean().optional(),
  complaint: z.object({ feedback_type: z.string(), user_agent: z.string().optional() }).optional(),
  suppressed: z.object({ type: z.string(), reason: z.string(), message: z.string() }).optional(),
  /** Of `opened` and `clicked`; `bot`: by its marks no person did it. */
  visit: z
    .object({
      ip: z.string().optional(),
      user_agent: z.string(),
      link: z.string().optional(),
      bot: z.string().optional(),
    })
    .optional(),
  attempt: z.int().optional(),
  reply: Reply.optional(),
  phase: Phase.optional(),
  reason: z.string().optional(),
  next_attempt_at: z.string().optional(),
  duration_ms: z.int().optional(),
  relay: z.string().optional(),
  route: z.object({ host: z.string(), ip: z.string().optional(), port: z.int().optional() }).optional(),
  tls: TlsVerdict.optional(),
  transcript: z.array(z.string()).optional(),
});
export type EventData = z.infer<typeof EventData>;

/** An event as `GET /v1/emails/:id/events` shows it. */
export const EmailEvent = EventData.extend({
  object: z.literal("event"),
  id: z.string(),
  type: z.string().meta({ description: "`email.` and the kind", example: "email.delivered" }),
  rank: z.int(),
  created_at: z.string(),
  email_id: z.string(),
  recipient: z.string(),
}).meta({ id: "EmailEvent" });
export type EmailEvent = z.infer<typeof EmailEvent>;

/** What happens to an account beside its emails: one closed union, told as it was when it happened. */
export const Notice = z.discriminatedUnion("type", [
  z.object({ type: z.enum(["domain.created", "domain.updated", "domain.deleted"]), data: DomainNotice }),
  z.object({ type: z.enum(["suppression.added", "suppression.removed"]), data: SuppressionSummary }),
  z.object({ type: z.literal("email.received"), data: ReceivedNotice }),
  /** By us, because it does not answer. */
  z.object({ type: z.literal("webhook.disabled"), data: WebhookSummary }),
]);
export type Notice = z.infer<typeof Notice>;
