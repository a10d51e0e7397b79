/**
 * A received email as lists and webhooks show it: what its relay found in its header, in Resend's shapes.
 */
import type { ReceivedHead, ReceivedNotice, ReceivedPart, ReceivedSummary } from "#contract/received.ts";

type Known = { id: string; created_at: string; attachmentId: (index: number) => string };

export const receivedSummary = (head: ReceivedHead, { id, created_at, attachmentId }: Known): ReceivedSummary => ({
  id,
  to: head.to,
  from: head.from,
  created_at,
  subject: head.subject,
  bcc: orNull(head.bcc),
  cc: orNull(head.cc),
  reply_to: orNull(head.reply_to),
  received_for: head.received_for,
  message_id: head.message_id,
  authentication: head.authentication,
  attachments: head.attachments.map((part, index) => shownPart(part, attachmentId(index))),
});

const orNull = (list: string[]): string[] | null => (list.length > 0 ? list : null);

const shownPart = (part: ReceivedPart, id: string): ReceivedSummary["attachments"][number] => ({
  id,
  filename: part.filename,
  size: part.size,
  content_type: part.type,
  content_id: part.content_id,
  content_disposition: part.content_disposition,
});

/** Octets of JSON that one list of a notice may have: all together fit the 20 kB of a webhook's payload. */
const LIST_BYTES = 2400;
const SUBJECT_LENGTH = 300;
const utf8 = new TextEncoder();

/** What is told; whoever needs all of a long list reads the email. */
export const receivedNotice = (email: ReceivedSummary): ReceivedNotice => ({
  email_id: email.id,
  created_at: email.created_at,
  from: email.from,
  to: withinBytes(email.to),
  bcc: withinBytes(email.bcc ?? []),
  cc: withinBytes(email.cc ?? []),
  received_for: withinBytes(email.received_for),
  message_id: email.message_id,
  subject: email.subject.slice(0, SUBJECT_LENGTH).toWellFormed(),
  authentication: { ...email.authentication, results: withinBytes(email.authentication.results) },
  attachments: withinBytes(email.attachments),
});

const withinBytes = <T>(list: readonly T[]): T[] => {
  let left = LIST_BYTES;
  return list.filter((item) => {
    left -= utf8.encode(JSON.stringify(item)).length + 1;
    return left >= 0;
  });
};
