/**
 * What the returned message says of itself: the header fields by which it is known to be ours.
 *
 * Reporters redact addresses, seldom these: the Message-ID is made of the email's id, Return-Path has the token that
 * proves the delivery, Feedback-ID and `X-Hikyaku-…` are what we wrote. Nothing else of the message is kept.
 */
import { cleanText, readFieldGroups } from "./field-groups.ts";
import type { MailPart } from "./inbound-mail.ts";

/** RFC 3462 §2, RFC 6533 §6: the message, or its header alone. */
const RETURNED = new Set([
  "message/rfc822",
  "text/rfc822-headers",
  "message/global",
  "message/global-headers",
  "text/rfc822",
]);
const KEPT = /^(?:return-path|message-id|feedback-id|x-hikyaku-[a-z0-9-]{1,60})$/;
const KEPT_LIMIT = 20;

/** The part with the returned message. */
export const returnedPart = (parts: readonly MailPart[]): MailPart | undefined =>
  parts.find(({ type }) => RETURNED.has(type));

export const originalHeaders = (parts: readonly MailPart[]): Record<string, string> => {
  // RFC 5322 §2.1: the header ends at the first blank line.
  const [header] = readFieldGroups(returnedPart(parts)?.text ?? "");
  return keep(Array.from(header ?? [], ([name, [value = ""]]) => [name, value]));
};

const QUOTED = /^[ \t>]*(return-path|message-id|feedback-id|x-hikyaku-[a-z0-9-]{1,60})[ \t]*:[ \t]*(.{1,500})$/gim;

/** Of a message that is returned in the text itself. */
export const quotedHeaders = (text: string): Record<string, string> =>
  keep(Array.from(text.matchAll(QUOTED), ([, name = "", value = ""]) => [name.toLowerCase(), cleanText(value)]));

/** The first of each name wins. */
const keep = (fields: Iterable<readonly [name: string, value: string]>): Record<string, string> => {
  const kept = new Map<string, string>();
  for (const [name, value] of fields)
    if (KEPT.test(name) && value !== "" && !kept.has(name) && kept.size < KEPT_LIMIT) kept.set(name, value);
  return Object.fromEntries(kept);
};
