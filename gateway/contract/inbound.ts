/**
 * What a relay tells the gateway of mail that came in for a bounce domain: a bounce or a complaint, as facts.
 *
 * It is what others wrote: only the return-path token that the mail came to, or that the returned message carries,
 * proves which delivery it is about. Addresses and texts in it prove nothing. All of it is bounded and free of
 * control characters. It carries no body.
 */
import { z } from "zod";
import { bounceTypeOf, type BounceVerdict } from "./bounce-type.ts";

/** Recipients, addresses or ids that one report has at most; what is beyond is dropped. */
export const REPORT_LIST_LIMIT = 100;
/** Characters of a field or a diagnosis; what is beyond is cut. */
export const REPORT_TEXT_LIMIT = 2000;

const Text = z.string().max(REPORT_TEXT_LIMIT);

/** RFC 3464 §2.3.3. */
export const DsnAction = z.enum(["failed", "delayed", "delivered", "relayed", "expanded"]);
export type DsnAction = z.infer<typeof DsnAction>;

/** One recipient of a bounce. Neither address is there when the report names none. */
export const BouncedRecipient = z.object({
  final_recipient: Text.optional(),
  original_recipient: Text.optional(),
  action: DsnAction,
  /** Enhanced code (RFC 3463), `5.1.1`; absent: the report has none. */
  status: z.string().max(9).optional(),
  /** The SMTP reply code, when the diagnosis quotes one. */
  code: z.int().min(200).max(599).optional(),
  /** What the recipient's side said, as the report has it. */
  diagnostic: Text.optional(),
  remote_mta: Text.optional(),
});
export type BouncedRecipient = z.infer<typeof BouncedRecipient>;

/** Header fields of the returned message by lower-case name: those that say which of our messages it is. */
const OriginalHeaders = z.record(z.string().max(100), Text);

export const InboundBounce = z.object({
  kind: z.literal("bounce"),
  /** `rfc3464`, or the name of the format that was recognised in the text. */
  format: z.string().max(50),
  recipients: z.array(BouncedRecipient).min(1).max(REPORT_LIST_LIMIT),
  reporting_mta: Text.optional(),
  original_headers: OriginalHeaders,
});
export type InboundBounce = z.infer<typeof InboundBounce>;

export const InboundComplaint = z.object({
  kind: z.literal("complaint"),
  /** RFC 5965 §7.3, lower case: `abuse`, `fraud`, `virus`, `opt-out`; never `not-spam` or `auth-failure`. */
  feedback_type: z.string().max(100),
  user_agent: Text.optional(),
  /** ISO 8601; when the message that is complained about came to its recipient. */
  arrival_date: z.string().max(30).optional(),
  source_ip: z.string().max(45).optional(),
  /** The envelope sender of the message: our return-path, with its token, when it was not redacted. */
  original_mail_from: Text.optional(),
  /** Empty when the reporter redacts them, as most do. */
  original_recipients: z.array(Text).max(REPORT_LIST_LIMIT),
  original_headers: OriginalHeaders,
});
export type InboundComplaint = z.infer<typeof InboundComplaint>;

/** Reports in one post. */
export const REPORTS_A_POST = 100;

/** One report, and the address it came to: that, or what the returned message carries, has the proof. */
export const InboundReport = z.object({
  recipient: z.string().max(320),
  report: z.discriminatedUnion("kind", [InboundBounce, InboundComplaint]),
});
export type InboundReport = z.infer<typeof InboundReport>;

/** `POST /relay/inbound/reports`. Told twice, a report changes nothing. */
export const InboundReports = z.object({ reports: z.array(InboundReport).min(1).max(REPORTS_A_POST) });
export type InboundReports = z.infer<typeof InboundReports>;

/**
 * What became of a report:
 * - `recorded`: an event tells it now, and it is durable
 * - `known`: an event told it before, or it comes too late to matter
 * - `gone`: the proof is right, the delivery is not there any more
 * - `ignored`: it changes nothing: a receipt, a delay
 * - `unclear`: the mail had several recipients, and which of them complains is not to be told: an event tells it of the email
 * - `forged`: it came to an address of our form that is none of ours; nothing was asked or changed
 * - `expired`: its proof is older than `PROOF_DAYS`
 * - `unproved`: it came to an address for everybody and carries no proof of ours
 * - `failed`: its account could not be asked; it may be told again
 */
export const ReportVerdict = z.enum([
  "recorded",
  "known",
  "gone",
  "ignored",
  "unclear",
  "forged",
  "expired",
  "unproved",
  "failed",
]);
export type ReportVerdict = z.infer<typeof ReportVerdict>;

/** The reply: one for each report, in their order. */
export const ReportVerdicts = z.object({ verdicts: z.array(ReportVerdict) });
export type ReportVerdicts = z.infer<typeof ReportVerdicts>;

/** What is reported later than this after its email was accepted counts no more. */
export const PROOF_DAYS = 60;

/** In Resend's words; absent when nothing failed: a receipt, or news of a mailing list. */
export const bounceTypeOfRecipient = (recipient: BouncedRecipient): BounceVerdict | undefined => {
  const { action, code, status, diagnostic = "" } = recipient;
  switch (action) {
    case "delivered":
    case "relayed":
    case "expanded":
      return undefined;
    case "delayed":
    case "failed": {
      const verdict = bounceTypeOf({ code, enhanced: status, text: diagnostic });
      if (verdict.type !== "Permanent") return verdict;
      // RFC 3464 §2.3.3: delayed is still being tried, whatever the code.
      if (action === "delayed") return { type: "Transient", subType: "General" };
      const isNamed = recipient.final_recipient !== undefined || recipient.original_recipient !== undefined;
      return isNamed ? verdict : { type: "Permanent", subType: "NoEmail" };
    }
  }
};
