/**
 * The types of events that can be listened to: Resend's words for what happens here, and a few of our own.
 */

export const EMAIL_EVENTS = [
  "email.sent",
  "email.scheduled",
  "email.delivered",
  "email.delivery_delayed",
  "email.bounced",
  "email.complained",
  "email.opened",
  "email.clicked",
  "email.failed",
  "email.suppressed",
  "email.received",
  // Ours.
  "email.canceled",
  "email.unsubscribed",
] as const;

export const WEBHOOK_EVENTS = [
  ...EMAIL_EVENTS,
  "domain.created",
  "domain.updated",
  "domain.deleted",
  "suppression.added",
  "suppression.removed",
  // Ours.
  "webhook.disabled",
] as const;
export type WebhookEventType = (typeof WEBHOOK_EVENTS)[number];
