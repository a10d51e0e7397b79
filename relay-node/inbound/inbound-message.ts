/**
 * What a mail to a return-path is: a bounce, a complaint, an automatic reply, or something else.
 *
 * The order decides: complaints and RFC 3464 reports by their parts, then bounces by their words, then automatic
 * replies (many bounces call themselves that too). Total: every sequence of bytes has an answer, within bounds, and
 * when in doubt it is `other`. Nothing here is proved; the token in the address is the caller's to check.
 */
import type { InboundBounce, InboundComplaint } from "#contract/inbound.ts";
import { readFeedback } from "./arf.ts";
import { isAutoReply } from "./auto-reply.ts";
import { readDsn } from "./dsn.ts";
import { readLooseBounce } from "./dsn-loose.ts";
import { openMail } from "./inbound-mail.ts";

/** `other`: nothing that speaks of a delivery: a letter, a receipt, a newsletter, or more than we open. */
export type InboundMessage = InboundBounce | InboundComplaint | { kind: "auto-reply" } | { kind: "other" };

/** `bytes` is the whole message as it came after DATA, without dot-stuffing; `mailFrom` is empty for `<>`. */
export const classifyInbound = async (bytes: Uint8Array, mailFrom: string): Promise<InboundMessage> => {
  const mail = await openMail(bytes, mailFrom);
  if (!mail) return { kind: "other" };
  const feedback = readFeedback(mail);
  if (feedback) return feedback.kind === "complaint" ? feedback.complaint : { kind: "other" };
  // RFC 8098: that a message was shown or deleted is no word on its delivery.
  if (mail.reportType === "disposition-notification") return { kind: "other" };
  const bounce = readDsn(mail) ?? readLooseBounce(mail);
  if (bounce) return bounce;
  return isAutoReply(mail) ? { kind: "auto-reply" } : { kind: "other" };
};
