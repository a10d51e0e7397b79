/**
 * What readers do by the links of their mail: open, click, unsubscribe, and come back.
 *
 * Whoever calls has proved that the link is of this very delivery. Unsubscribing speaks of the stream that the mail was of,
 * and coming back takes only that away: who is suppressed for another reason stays so.
 */
import type { EventData } from "#contract/event.ts";
import { idFormatter } from "#contract/ids.ts";
import type { AccountFeedback } from "./account-feedback.ts";
import { STREAMS, type Stream } from "./account-schema.ts";
import type { AccountSuppressions } from "./account-suppressions.ts";

/** `looked`: at the page that asks whether to unsubscribe. */
export type ReaderDeed =
  | { kind: "opened" | "clicked"; visit: NonNullable<EventData["visit"]> }
  | { kind: "looked" | "unsubscribed" | "returned" };
/** `mayReturn`: nothing but unsubscribing keeps the mail away. */
export type Subscription = {
  from: string;
  recipient: string;
  stream: Stream;
  isSubscribed: boolean;
  mayReturn: boolean;
};

/** Scanners follow links while the message is still on its way in; people take longer. */
const SOONEST_MS = 1000;

export const LINK_SQL = {
  mail: `SELECT d.rcpt, d.stream, e.meta ->> '$.from' AS sender FROM delivery d JOIN email e ON e.k = d.email WHERE d.k = ?1`,
  arrived: `SELECT MIN(e.at_ms) AS at_ms FROM delivery d JOIN json_each(d.events) j JOIN event e ON e.k = j.value
    WHERE d.k = ?1 AND e.kind IN ('delivered', 'unknown')`,
  unsubscribed: `SELECT k FROM suppression WHERE address = ?1 AND stream = ?2 AND origin = 'unsubscribe'`,
} as const;

export class AccountLinks {
  readonly #sql: SqlStorage;
  readonly #formatId: (k: number) => string;
  readonly #feedback: AccountFeedback;
  readonly #suppressions: AccountSuppressions;

  constructor(
    sql: SqlStorage,
    account: string,
    rooms: { feedback: AccountFeedback; suppressions: AccountSuppressions },
  ) {
    this.#sql = sql;
    this.#formatId = idFormatter(account);
    this.#feedback = rooms.feedback;
    this.#suppressions = rooms.suppressions;
  }

  /** How the reader stands to the stream after their deed; `undefined`: there is no such delivery. */
  take(k: number, deed: ReaderDeed, nowMs: number): Subscription | undefined {
    const [mail] = this.#sql.exec<{ rcpt: string; stream: number; sender: string }>(LINK_SQL.mail, k).toArray();
    if (!mail) return undefined;
    const { rcpt, stream, sender } = mail;
    switch (deed.kind) {
      case "opened":
      case "clicked": {
        const bot = deed.visit.bot ?? (this.#isTooSoon(k, nowMs) ? "too_soon" : undefined);
        const visit = { ...deed.visit, ...(bot !== undefined && { bot }) };
        this.#feedback.take(k, { kind: deed.kind, data: { visit } }, nowMs);
        break;
      }
      case "unsubscribed":
        this.#feedback.take(k, { kind: "unsubscribed", data: {} }, nowMs);
        break;
      case "returned":
        this.#suppressions.remove(this.#unsubscribed(rcpt, stream), nowMs);
        break;
      case "looked":
    }
    return {
      from: sender,
      recipient: rcpt,
      stream: STREAMS[stream] ?? "transactional",
      isSubscribed: !this.#suppressions.blocked([rcpt], stream, nowMs).has(rcpt),
      mayReturn: this.#unsubscribed(rcpt, stream).length > 0,
    };
  }

  /** Ids of the suppressions that unsubscribing made. */
  #unsubscribed(recipient: string, stream: number): string[] {
    return this.#sql
      .exec<{ k: number }>(LINK_SQL.unsubscribed, recipient.toLowerCase(), stream)
      .toArray()
      .map(({ k }) => this.#formatId(k));
  }

  #isTooSoon(k: number, nowMs: number): boolean {
    const arrivedMs = this.#sql.exec<{ at_ms: number | null }>(LINK_SQL.arrived, k).one().at_ms;
    return arrivedMs === null || nowMs - arrivedMs < SOONEST_MS;
  }
}
