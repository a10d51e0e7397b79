/**
 * The bounces that are no RFC 3464 report: by what each mail system is recognised, and where its report begins.
 *
 * Read from the top, first fit wins. A row is sure of its system only together with a sender that is a machine
 * (`dsn-loose.ts` asks for that): the same words stand in letters that quote a bounce. A row never says what a
 * refusal means; the codes and words behind it do.
 */
import type { DsnAction } from "#contract/inbound.ts";
import type { InboundMail } from "./inbound-mail.ts";

export type LooseFormat = {
  /** As it is told in a report's `format`. */
  name: string;
  action: DsnAction;
  /** All that are there must fit. In `text` the report begins where it fits. */
  text?: RegExp;
  subject?: RegExp;
  header?: string;
};

const failed = (name: string, signs: Omit<LooseFormat, "name" | "action">): LooseFormat => ({
  name,
  action: "failed",
  ...signs,
});
const delayed = (name: string, signs: Omit<LooseFormat, "name" | "action">): LooseFormat => ({
  name,
  action: "delayed",
  ...signs,
});

/** Subjects of bounces in the languages that mail systems write; at the start, where a reply has its `Re:`. */
const FAILURE_SUBJECT =
  /^(?:undeliver(?:able|ed)|delivery (?:status notification \(failure\)|failure|failed|has failed)|mail delivery (?:failed|failure|error|problem)|failure notice|returned mail|message (?:not delivered|undeliverable|delivery failure)|non[- ]?delivery|unzustellbar|nicht zugestellt|mail ?system error|échec de (?:la )?remise|non remis|no se (?:puede|pudo) entregar|impossibile recapitare|não (?:entregue|é possível entregar)|nie dostarczono|недоставлен|не удалось доставить|配信不能|邮件无法投递|退信)/iu;

export const LOOSE_FORMATS: readonly LooseFormat[] = [
  failed("qmail", { text: /^Hi\. This is the (?:qmail-send|deliver) program/m }),
  delayed("exim", {
    text: /^This message was created automatically by mail delivery software[^]{0,400}?has not(?: yet)? been delivered|^A message that you sent has not yet been delivered/m,
  }),
  failed("gmx", {
    text: /^A message that you (?:have )?sent could not be delivered to\s+one or more(?: of)?\s+(?:its )?recipients\. This is a permanent error\.\s+The following address(?:es)?\s+failed:/m,
  }),
  failed("zoho", {
    text: /^This message was created automatically by mail delivery software[^]{0,600}?ERROR[_ ]CODE/m,
  }),
  failed("exim", { text: /^This message was created automatically by mail delivery software/m }),
  failed("exim", { header: "x-failed-recipients" }),
  delayed("sendmail", { text: /^ *-{3,} ?The following addresses had transient non-fatal errors/m }),
  failed("sendmail", {
    text: /^ *-{3,} ?(?:The following addresses had (?:permanent fatal|delivery) errors|Transcript of session follows)/m,
  }),
  delayed("postfix", {
    text: /^This is the (?:Postfix program|mail system) at host [^]{0,800}?(?:has not been delivered yet|could not be delivered for)/m,
  }),
  failed("postfix", { text: /^This is the (?:Postfix program|mail system) at host /m }),
  failed("exchange", {
    text: /^(?:Delivery has failed to these recipients or (?:groups|distribution lists)|Your message (?:did not reach some or all of the intended recipients|to .{1,320} couldn't be delivered)|The following recipient\(s\) (?:cannot|could not) be reached)/im,
  }),
  failed("exchange", { text: /^ ?did not reach the following recipient\(s\):/m }),
  delayed("google", {
    text: /^(?:Delivery incomplete|This is an automatically generated Delivery Status Notification\s+THIS IS A WARNING MESSAGE ONLY)/m,
  }),
  failed("google", {
    text: /^(?:\** ?(?:Address not found|Message not delivered|Message blocked|Recipient inbox full|Message too large)|Delivery to the following recipients? failed permanently)/im,
  }),
  failed("yahoo", { text: /^Sorry, we were unable to deliver your message to the following address/m }),
  failed("aol", { text: /^Your mail to the following recipients could not be delivered/m }),
  failed("domino", { text: /^[ \t]*was not delivered to:/m }),
  failed("mail-ru", { text: /^(?:Ваше сообщение не может быть доставлено|Это письмо создано автоматически)/mu }),
  failed("kddi", {
    text: /^(?:Each of the following recipients was rejected by a remote mail server|The user\(s\) account is )/m,
  }),
  failed("courier", { text: /running the Courier mail server/m }),
  failed("groupwise", { text: /^The message that you sent was undeliverable to the following/m }),
  failed("communigate", { text: /^Failed to deliver to '/m }),
  failed("imail", { text: /^(?:Unknown user: |User mailbox exceeds allowed size: |undeliverable to )/m }),
  failed("mdaemon", {
    text: /^(?:The following data may contain sections which represent BASE64|The attached message has been undeliverable|The attached message could not be delivered)/m,
  }),
  failed("generic", { subject: FAILURE_SUBJECT }),
];

/** The format of a mail and where in its text the report begins. */
export const recognise = (mail: InboundMail): { format: LooseFormat; start: number } | undefined => {
  for (const format of LOOSE_FORMATS) {
    if (format.header !== undefined && !mail.headers.has(format.header)) continue;
    if (format.subject && !format.subject.test(mail.subject)) continue;
    const found = format.text?.exec(mail.text);
    if (found || !format.text) return { format, start: found?.index ?? 0 };
  }
  return undefined;
};
