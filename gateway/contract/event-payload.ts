/**
 * Events as those who listen get them: one closed union for webhooks, `GET /v1/events` and its live stream.
 *
 * Types and shapes of `data` are Resend's; what it has not (`event_id`, `rank`, `recipient`, `metadata`, `delay`, `open`,
 * `complaint`; an `unsubscribe` among the origins and reasons of suppressions) is added, nothing is renamed. One event speaks of one recipient, but for complaints that do not say whose they are; `to` is all of the email. How a stored
 * row becomes one is decided in `gateway/core/told-event.ts`.
 */
import { z } from "zod";
import { Bounce, Notice } from "./event.ts";
import { WEBHOOK_EVENTS } from "./webhook-events.ts";

/** Of a payload's JSON text, as Standard Webhooks has it: at most 20 kB. */
export const PAYLOAD_LIMIT_BYTES = 20_000;

const aboutEmail = z.object({
  email_id: z.string(),
  message_id: z.string(),
  created_at: z.string().meta({ description: "When the email was accepted" }),
  from: z.string(),
  to: z.array(z.string()),
  subject: z.string(),
  template_id: z.string().optional(),
  tags: z.record(z.string(), z.string()).optional(),
  event_id: z.string(),
  rank: z.int().meta({ description: "Which state of a recipient wins; the order of events is that of their ids" }),
  recipient: z.string(),
  metadata: z.record(z.string(), z.string()).optional(),
  shortened: z
    .literal(true)
    .optional()
    .meta({ description: "It would have been longer than 20 kB: `metadata`, `tags` and most of `to` are left out" }),
});
export type AboutEmail = z.infer<typeof aboutEmail>;

const Delay = z.object({
  attempt: z.int().optional(),
  next_attempt_at: z.string().optional(),
  reason: z.string().optional(),
  smtp_code: z.int().optional(),
  enhanced_code: z.string().optional(),
  in_doubt: z.literal(true).optional().meta({ description: "It was sent whole and no reply was seen" }),
});
const visitor = { ipAddress: z.string(), timestamp: z.string(), userAgent: z.string(), bot: z.string().optional() };

/** What an email's event says beside `aboutEmail`, by its type. */
const MORE = {
  "email.sent": {},
  "email.scheduled": {},
  "email.delivered": {},
  "email.canceled": {},
  "email.unsubscribed": {},
  "email.delivery_delayed": { delay: Delay },
  "email.bounced": { bounce: Bounce },
  "email.failed": { failed: z.object({ reason: z.string() }) },
  "email.suppressed": {
    suppressed: z.object({
      type: z.string(),
      reason: z.string(),
      message: z.string(),
      diagnosticCode: z.array(z.string()),
    }),
  },
  "email.complained": {
    recipient: z.string().optional().meta({
      description:
        "Absent when the complaint does not prove which recipient of the email it is from: nobody is suppressed then",
    }),
    complaint: z.object({ feedback_type: z.string(), user_agent: z.string().optional() }).optional(),
  },
  "email.opened": { open: z.object(visitor) },
  "email.clicked": { click: z.object({ ...visitor, link: z.string() }) },
} as const;

const told = <T extends keyof typeof MORE>(type: T) =>
  z.object({ type: z.literal(type), data: aboutEmail.extend(MORE[type]) });

/** What is told of an email: its type, and its data in the shape of that type. */
export const ToldEmail = z.discriminatedUnion("type", [
  told("email.sent"),
  told("email.scheduled"),
  told("email.delivered"),
  told("email.canceled"),
  told("email.unsubscribed"),
  told("email.delivery_delayed"),
  told("email.bounced"),
  told("email.failed"),
  told("email.suppressed"),
  told("email.complained"),
  told("email.opened"),
  told("email.clicked"),
]);
export type ToldEmail = z.infer<typeof ToldEmail>;

/** All that is told. */
export type Told = ToldEmail | Notice;

const event = z.object({ object: z.literal("event"), id: z.string(), rank: z.int(), created_at: z.string() });

/** An event as `GET /v1/events` and its live stream show it; a webhook gets `{type, created_at, data}` of it. */
export const AccountEvent = z
  .union([...ToldEmail.options, ...Notice.options].map(({ shape }) => z.object({ ...event.shape, ...shape })))
  .meta({ id: "AccountEvent" });
export type AccountEvent = z.infer<typeof event> & Told;

const types = z
  .string()
  .transform((text) => text.split(","))
  .pipe(z.array(z.enum(WEBHOOK_EVENTS)).max(WEBHOOK_EVENTS.length));

export const EventsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().max(100).optional().meta({ description: "The id of an event: what comes after it" }),
  types: types.optional().meta({ description: "Types, comma separated", example: "email.delivered,email.bounced" }),
});
export type EventsQuery = z.infer<typeof EventsQuery>;

export const EventsPage = z.object({
  object: z.literal("list"),
  has_more: z.boolean(),
  next: z
    .string()
    .nullable()
    .meta({ description: "The `after` of the next page, also when this one is empty; null: there was no event yet" }),
  data: z.array(AccountEvent),
});
export type EventsPage = z.infer<typeof EventsPage>;
