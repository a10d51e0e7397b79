/**
 * How a stored event becomes what is told of it: its public type and data, and the text a webhook gets.
 *
 * Pure and total: whatever is stored has its words. What is in doubt is told as delayed. A text never exceeds the limit
 * of the contract: what makes it too long is left out, and the event says so.
 */
import { parseMailbox } from "#contract/address.ts";
import { EVENT_RANK, type EventData, type EventKind } from "#contract/event.ts";
import { type AboutEmail, type AccountEvent, PAYLOAD_LIMIT_BYTES, type Told } from "#contract/event-payload.ts";
import { kToMs } from "#contract/ids.ts";
import type { EmailMeta } from "#contract/relay-protocol.ts";
import type { WebhookEventType } from "#contract/webhook-events.ts";

/** A row of an email's event, with what is told of its email. */
export type EmailOccurrence = {
  id: string;
  kind: EventKind;
  atMs: number;
  data: EventData;
  /** Undefined: it is told of the email, and which recipient it is about is not known. */
  recipient: string | undefined;
  email: { k: number; id: string; meta: EmailMeta };
};

/** Of what a server or a client said: enough to act on it, and so little that any event fits when it is shortened. */
const TEXT_LIMIT = 500;
const LINE_LIMIT = 5;

/** Kinds of stored events by the type they are told as. */
export const storedKinds = (types: readonly WebhookEventType[]): string[] =>
  types.flatMap((type) => {
    if (type === "email.delivery_delayed") return ["delivery_delayed", "unknown"];
    // Notices are stored by the type they are told as; `email.received` is one of them.
    return type.startsWith("email.") ? [type.slice("email.".length), type] : [type];
  });

/** Of an email's event; `queued` is never stored. */
export const tellEmail = (row: EmailOccurrence): Told => {
  const { kind, atMs, data } = row;
  const about = aboutOf(row);
  switch (kind) {
    case "queued":
    case "scheduled":
      return { type: "email.scheduled", data: about };
    case "sent":
    case "delivered":
    case "canceled":
    case "unsubscribed":
      return { type: `email.${kind}`, data: about };
    case "unknown":
    case "delivery_delayed":
      return { type: "email.delivery_delayed", data: { ...about, delay: delayOf(kind, data) } };
    case "bounced":
      return { type: "email.bounced", data: { ...about, bounce: bounceOf(data) } };
    case "failed":
      return { type: "email.failed", data: { ...about, failed: { reason: clip(data.reason ?? "") } } };
    case "suppressed": {
      const { type, reason, message } = data.suppressed ?? { type: "Suppressed", reason: "", message: "" };
      return {
        type: "email.suppressed",
        data: { ...about, suppressed: { type, reason, message, diagnosticCode: [] } },
      };
    }
    case "complained": {
      const { recipient: _, ...ofEmail } = about;
      return {
        type: "email.complained",
        data: {
          ...(row.recipient === undefined ? ofEmail : about),
          ...(data.complaint !== undefined && { complaint: data.complaint }),
        },
      };
    }
    case "opened":
      return { type: "email.opened", data: { ...about, open: visitOf(data, atMs) } };
    case "clicked":
      return {
        type: "email.clicked",
        data: { ...about, click: { ...visitOf(data, atMs), link: data.visit?.link ?? "" } },
      };
  }
};

/** The JSON text of a webhook, within the limit. */
export const webhookPayload = (event: AccountEvent): string => {
  const text = payloadOf(event);
  // No character takes more than three bytes a unit: most texts need not be measured.
  if (text.length * 3 <= PAYLOAD_LIMIT_BYTES || sizeOf(text) <= PAYLOAD_LIMIT_BYTES || !("event_id" in event.data))
    return text;
  const { metadata: _, tags: __, ...data } = event.data;
  return payloadOf({
    ...event,
    data: { ...data, to: data.recipient === undefined ? [] : [data.recipient], shortened: true },
  });
};

const payloadOf = ({ type, created_at, data }: { type: string; created_at: string; data: object }): string =>
  JSON.stringify({ type, created_at, data });

const sizeOf = (text: string): number => new TextEncoder().encode(text).byteLength;

const aboutOf = ({ id, kind, recipient, email }: EmailOccurrence): AboutEmail => {
  const { from, to, subject, template_id, tags, metadata } = email.meta;
  const mailbox = parseMailbox(from);
  return {
    email_id: email.id,
    message_id: `<${email.id}@${mailbox.kind === "mailbox" ? mailbox.mailbox.domain : "invalid"}>`,
    created_at: new Date(kToMs(email.k)).toISOString(),
    from,
    to,
    subject,
    ...(template_id !== undefined && { template_id }),
    ...(tags !== undefined && { tags: Object.fromEntries(tags.map(({ name, value }) => [name, value])) }),
    event_id: id,
    rank: EVENT_RANK[kind],
    recipient: recipient ?? "",
    ...(metadata !== undefined && { metadata }),
  };
};

const delayOf = (kind: EventKind, { attempt, next_attempt_at, reason, reply }: EventData) => ({
  ...(attempt !== undefined && { attempt }),
  ...(next_attempt_at !== undefined && { next_attempt_at }),
  ...(reason !== undefined && { reason: clip(reason) }),
  ...(reply !== undefined && { smtp_code: reply.code }),
  ...(reply?.enhanced !== undefined && { enhanced_code: reply.enhanced }),
  ...(kind === "unknown" && { in_doubt: true as const }),
});

const bounceOf = ({ bounce, reason }: EventData) => ({
  type: bounce?.type ?? "Undetermined",
  subType: bounce?.subType ?? "Undetermined",
  message: clip(bounce?.message ?? reason ?? ""),
  diagnosticCode: (bounce?.diagnosticCode ?? []).slice(0, LINE_LIMIT).map(clip),
});

const visitOf = ({ visit }: EventData, atMs: number) => ({
  ipAddress: visit?.ip ?? "",
  timestamp: new Date(atMs).toISOString(),
  userAgent: clip(visit?.user_agent ?? ""),
  ...(visit?.bot !== undefined && { bot: visit.bot }),
});

/** What JSON would write with six bytes a character goes too. */
const clip = (text: string): string =>
  text
    .slice(0, TEXT_LIMIT)
    .toWellFormed()
    .replaceAll(/[^\P{Cc}\n\t]/gu, " ");
