/**
 * Bounces and complaints that came by mail, applied to the deliveries that they are proved to be about.
 *
 * The proof was checked by whoever calls (`core/inbound-proof.ts`). Told again, a report changes nothing. A complaint that
 * may be any recipient's is told of the email, and suppresses nobody.
 */
import type { InboundComplaint, InboundReport, ReportVerdict } from "#contract/inbound.ts";
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

/** An event of an email and of no delivery: the index `event_of_email` has it once. */
const COMPLAINED_OF_EMAIL = `INSERT OR IGNORE INTO event (k, email, delivery, kind, at_ms, data)
  VALUES (?1, ?2, 0, 'complained', ?3, ?4)`;

type ReportsContext = {
  sql: SqlStorage;
  takeK: (count: number, nowMs: number) => number;
  feedback: AccountFeedback;
  /** There is an event that was not there before. */
  onEvents: () => void;
};

export class AccountReports {
  readonly #context: ReportsContext;

  constructor(context: ReportsContext) {
    this.#context = context;
  }

  take({ of, k, report }: ProvedReport, nowMs: number): ReportVerdict {
    const { sql, feedback } = this.#context;
    const [about, ...others] = sql.exec<Recipient>(REPORT_SQL[of], k).toArray();
    if (!about) return "gone";
    // All recipients of the email hold this proof: what the report says of who complains would let any of them take
    // the mail from another.
    if (others.length > 0) {
      if (report.kind === "complaint") this.#tellOfEmail(k, report, nowMs);
      return "unclear";
    }
    const found = feedbackOf(report, about.rcpt);
    return found ? feedback.take(about.k, found, nowMs) : "ignored";
  }

  #tellOfEmail(email: number, complaint: InboundComplaint, nowMs: number): void {
    const { sql, takeK, onEvents } = this.#context;
    const data = JSON.stringify(feedbackOfComplaint(complaint).data);
    if (sql.exec(COMPLAINED_OF_EMAIL, takeK(1, nowMs), email, nowMs, data).rowsWritten > 0) onEvents();
  }
}

const feedbackOf = (report: InboundReport["report"], rcpt: string): ReportFeedback | undefined =>
  report.kind === "bounce" ? feedbackOfBounce(report, rcpt) : feedbackOfComplaint(report);
