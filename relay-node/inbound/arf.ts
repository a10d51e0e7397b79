/**
 * Complaints: feedback reports after RFC 5965, as RFC 6650 means them, and Microsoft's older form without one.
 *
 * Addresses are missing from most: reporters redact them. What then tells the delivery is in the returned message's
 * header (`original-headers.ts`). A report that something is *not* spam, or that its signature failed (RFC 6591),
 * is no complaint.
 */
import { isIP } from "node:net";
import { type InboundComplaint, REPORT_LIST_LIMIT } from "#contract/inbound.ts";
import { cleanText, type Fields, firstOf, readFieldGroups } from "./field-groups.ts";
import type { InboundMail } from "./inbound-mail.ts";
import { originalHeaders, returnedPart } from "./original-headers.ts";

const NO_COMPLAINT = new Set(["not-spam", "auth-failure", "dkim-failure"]);

/** RFC 4291 §2.2, with an IPv4 address at its end. */
const LONGEST_IP = 45;

/** `no-complaint`: it is a report of this form, and nobody complains in it. */
export type FeedbackReading = { kind: "complaint"; complaint: InboundComplaint } | { kind: "no-complaint" };

export const readFeedback = (mail: InboundMail): FeedbackReading | undefined => {
  const part = mail.parts.find(({ type }) => type === "message/feedback-report");
  if (!part) return readMicrosoftFeedback(mail);
  // RFC 5965 §2: multipart/report. A letter with such an attachment is a letter.
  if (mail.type !== "multipart/report" || (mail.reportType ?? "feedback-report") !== "feedback-report")
    return undefined;
  // RFC 5965 §3.1: one group; blank lines that should not be there part nothing.
  const fields = merge(readFieldGroups(part.text));
  const type = /^[\w-]{1,100}/.exec(firstOf(fields, "feedback-type") ?? "")?.[0].toLowerCase();
  if (type === undefined) return undefined;
  if (NO_COMPLAINT.has(type)) return { kind: "no-complaint" };
  const userAgent = firstOf(fields, "user-agent");
  const mailFrom = addressOf(firstOf(fields, "original-mail-from") ?? "");
  const arrivalDate = dateOf(firstOf(fields, "arrival-date") ?? firstOf(fields, "received-date"));
  const sourceIp = firstOf(fields, "source-ip")?.slice(0, LONGEST_IP);
  return {
    kind: "complaint",
    complaint: {
      kind: "complaint",
      feedback_type: type,
      ...(userAgent === undefined ? {} : { user_agent: userAgent }),
      ...(arrivalDate === undefined ? {} : { arrival_date: arrivalDate }),
      ...(sourceIp === undefined || isIP(sourceIp) === 0 ? {} : { source_ip: sourceIp }),
      ...(mailFrom === undefined ? {} : { original_mail_from: mailFrom }),
      original_recipients: addressesOf(fields.get("original-rcpt-to") ?? []),
      original_headers: originalHeaders(mail.parts),
    },
  };
};

/** Junk Mail Reporting of outlook.com: the message alone, its recipient in a header field that Microsoft added. */
const readMicrosoftFeedback = (mail: InboundMail): FeedbackReading | undefined => {
  const returned = returnedPart(mail.parts);
  if (!returned || mail.from !== "staff@hotmail.com" || !/^complaint about message from/i.test(mail.subject))
    return undefined;
  const [header] = readFieldGroups(returned.text);
  return {
    kind: "complaint",
    complaint: {
      kind: "complaint",
      feedback_type: "abuse",
      original_recipients: addressesOf(header?.get("x-hmxmroriginalrecipient") ?? []),
      original_headers: originalHeaders(mail.parts),
    },
  };
};

const merge = (groups: readonly Fields[]): Fields => {
  const merged = new Map<string, readonly string[]>();
  for (const group of groups)
    for (const [name, values] of group) merged.set(name, [...(merged.get(name) ?? []), ...values]);
  return merged;
};

/** `<>`, `redacted` and the like are no address. */
const addressOf = (field: string): string | undefined => /[^\s<>"(),;:]{1,64}@[^\s<>"(),;]{1,255}/.exec(field)?.[0];

const addressesOf = (fields: readonly string[]): string[] =>
  fields
    .flatMap((field) => field.split(/[,;]/))
    .map((field) => addressOf(field))
    .filter((address) => address !== undefined)
    .slice(0, REPORT_LIST_LIMIT);

/** RFC 5322 §3.3 into ISO 8601; what is no date is not there. */
const dateOf = (field: string | undefined): string | undefined => {
  const ms = Date.parse(cleanText((field ?? "").replaceAll(/\([^)]*\)/g, "")));
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
};
