/**
 * The events of an email: one closed union, one event for each change of state of each recipient.
 *
 * `rank` lets a listener rebuild the order when events overtake each other: a state of a higher rank
 * came later. `queued` and `scheduled` are never stored, the email's own row says them.
 */
import { z } from "zod";
import { Phase, Reply } from "./reply.ts";
import { TlsVerdict } from "./outcome.ts";

/** The state of one recipient. `unknown`: sent whole, no reply seen; it is tried once more with the same bytes. */
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
};

/** Resend's vocabulary has no word for doubt: an email in doubt is delayed until it is tried again. */
export const lastEventWord = (kind: EventKind): string => (kind === "unknown" ? "delivery_delayed" : kind);

/** What is stored of an event, beside its key, email and recipient. */
export const EventData = z.object({
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
