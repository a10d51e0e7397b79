/**
 * Bounces and complaints that came by mail, applied to the deliveries that they are proved to be about.
 *
 * The proof was checked by whoever calls (`core/inbound-proof.ts`). Told again, a report changes nothing.
 */
import type { InboundReport, ReportVerdict } from "#contract/inbound.ts";
import { feedbackOfBounce, feedbackOfComplaint, type ReportFeedback } from "../core/feedback-of-report.ts";
import type { AccountFeedback } from "./account-feedback.ts";

/** `of`: whether k is that of one delivery, or of an email with perhaps several. */
export type ProvedReport = { of: "delivery" | "email"; k: number; report: InboundReport["report"] };

type Recipient = { k: number; rcpt: string };

export const REPORT_SQL = {
  delivery: "SELECT k, rcpt FROM delivery WHERE k = ?1",
  // Deliveries have the keys from their email's on (`account-schema.ts`).
  email: `SELECT d.k, d.rcpt FROM email e JOIN delivery d ON d.k >= e.k AND d.k < e.k + e.rcpts WHERE e.k = ?1`,
} as const;

export class AccountReports {
  readonly #sql: SqlStorage;
  readonly #feedback: AccountFeedback;

  constructor(sql: SqlStorage, feedback: AccountFeedback) {
    this.#sql = sql;
    this.#feedback = feedback;
  }

  take({ of, k, report }: ProvedReport, nowMs: number): ReportVerdict {
    const [about, ...others] = this.#sql.exec<Recipient>(REPORT_SQL[of], k).toArray();
    if (!about) return "gone";
    // All recipients of the email hold this proof: what the report says of who complains would let any of them take
    // the mail from another.
    if (others.length > 0) return "unclear";
    const feedback = feedbackOf(report, about.rcpt);
    return feedback ? this.#feedback.take(about.k, feedback, nowMs) : "ignored";
  }
}

const feedbackOf = (report: InboundReport["report"], rcpt: string): ReportFeedback | undefined =>
  report.kind === "bounce" ? feedbackOfBounce(report, rcpt) : feedbackOfComplaint(report);
