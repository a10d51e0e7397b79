/**
 * All that happened to an account, as one stream: events of its emails and notices, in the order of their keys.
 *
 * Invariant: what is read is complete up to `last`; nothing with a lower key comes later. Keys are committed in their
 * order, but for the group of sends that is open, which is therefore closed before each read. A page looks at so many
 * rows and no more, however few of them are of the types that are asked for. Reads only.
 */
import { EVENT_RANK, EventData, EventKind, Notice } from "#contract/event.ts";
import type { AccountEvent, EventsPage, EventsQuery } from "#contract/event-payload.ts";
import { idFormatter, kToMs, parseId } from "#contract/ids.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { EmailMeta } from "#contract/relay-protocol.ts";
import type { WebhookEventType } from "#contract/webhook-events.ts";
import { storedKinds, tellEmail } from "../core/told-event.ts";
import { NOTICES_KEPT_MS } from "./account-notices.ts";

export const EVENTS_SQL = {
  /** How far a page looks, and at how many rows. */
  window: `SELECT MAX(k) AS last, COUNT(*) AS n FROM
    (SELECT k FROM event WHERE k > ?1 UNION ALL SELECT k FROM notice WHERE k > ?1 ORDER BY k LIMIT ?2)`,
  page: `SELECT k, kind AS type, at_ms, data, email, delivery FROM event
      WHERE k > ?1 AND k <= ?2 AND (?3 IS NULL OR kind IN (SELECT value FROM json_each(?3)))
    UNION ALL SELECT k, type, at_ms, data, NULL, NULL FROM notice
      WHERE k > ?1 AND k <= ?2 AND (?3 IS NULL OR type IN (SELECT value FROM json_each(?3)))
    ORDER BY k LIMIT ?4`,
  metas: `SELECT e.k, e.meta AS text FROM json_each(?1) j JOIN email e ON e.k = j.value`,
  recipients: `SELECT d.k, d.rcpt AS text FROM json_each(?1) j JOIN delivery d ON d.k = j.value`,
  newestEvent: `SELECT MAX(k) AS k FROM event`,
  newestNotice: `SELECT MAX(k) AS k FROM notice`,
  known: `SELECT 1 FROM event WHERE k = ?1 UNION ALL SELECT 1 FROM notice WHERE k = ?1`,
} as const;

type Row = { k: number; type: string; at_ms: number; data: string; email: number | null; delivery: number | null };

export type OrderedEvent = { k: number; atMs: number; event: AccountEvent };

/** `last`: up to where was looked; the same as `after`: there is nothing behind it. `more`: there may be. */
export type EventRun = { events: OrderedEvent[]; last: number; more: boolean };

/** What is asked for. `types` undefined: all. `windowRows`: how many rows are looked at. */
export type RunQuery = {
  after: number;
  limit: number;
  windowRows: number;
  types?: readonly WebhookEventType[] | undefined;
};

/** Rows that one request looks at. */
const LIST_ROWS = 5000;

export class AccountEvents {
  readonly #sql: SqlStorage;
  readonly #account: string;
  readonly #formatId: (k: number) => string;
  readonly #closeGroup: () => void;

  constructor(sql: SqlStorage, account: string, closeGroup: () => void) {
    this.#sql = sql;
    this.#account = account;
    this.#formatId = idFormatter(account);
    this.#closeGroup = closeGroup;
  }

  /** The next events behind a key, oldest first. */
  run({ after, limit, windowRows, types }: RunQuery): EventRun {
    this.#closeGroup();
    const { last, n } = this.#sql.exec<{ last: number | null; n: number }>(EVENTS_SQL.window, after, windowRows).one();
    if (last === null) return { events: [], last: after, more: false };
    const kinds = types === undefined ? null : JSON.stringify(storedKinds(types));
    const rows = this.#sql.exec<Row>(EVENTS_SQL.page, after, last, kinds, limit + 1).toArray();
    const page = rows.slice(0, limit);
    const isCut = rows.length > limit;
    return {
      events: this.#tell(page),
      last: isCut ? (page.at(-1)?.k ?? after) : last,
      more: isCut || n === windowRows,
    };
  }

  /** `after`: the id of an event; absent: from the first. */
  list(query: EventsQuery, nowMs: number): EventsPage | Problem {
    const after = query.after === undefined ? 0 : this.find(query.after, nowMs);
    if (typeof after === "object") return after;
    const { limit, types } = query;
    const { events, last, more } = this.run({ after, limit, types, windowRows: LIST_ROWS });
    return {
      object: "list",
      has_more: more,
      next: last === 0 ? null : this.#formatId(last),
      data: events.map(({ event }) => event),
    };
  }

  /** The key behind an event's id; of what is old enough to be forgotten nobody knows whether it was there. */
  find(id: string, nowMs: number): number | Problem {
    const k = parseId(this.#account, id);
    this.#closeGroup();
    const isKnown =
      k !== undefined &&
      (kToMs(k) < nowMs - NOTICES_KEPT_MS || this.#sql.exec(EVENTS_SQL.known, k).toArray().length > 0);
    return isKnown ? k : problem("not_found", "There was never an event with the id in `after`.");
  }

  /** The key of the newest event; 0: there is none. */
  newest(): number {
    this.#closeGroup();
    const of = (statement: string): number => this.#sql.exec<{ k: number | null }>(statement).one().k ?? 0;
    return Math.max(of(EVENTS_SQL.newestEvent), of(EVENTS_SQL.newestNotice));
  }

  idOf(k: number): string {
    return this.#formatId(k);
  }

  #tell(rows: readonly Row[]): OrderedEvent[] {
    const ofEmails = rows.filter(({ email }) => email !== null);
    const metas = this.#texts(
      EVENTS_SQL.metas,
      ofEmails.map(({ email }) => email),
    );
    const recipients = this.#texts(
      EVENTS_SQL.recipients,
      ofEmails.map(({ delivery }) => delivery),
    );
    const parsed = new Map<number, EmailMeta>();
    const metaOf = (k: number): EmailMeta => {
      const meta = parsed.get(k) ?? EmailMeta.parse(JSON.parse(metas.get(k) ?? "null"));
      parsed.set(k, meta);
      return meta;
    };
    return rows.map((row) => {
      const { k, at_ms: atMs, email, delivery } = row;
      const id = this.#formatId(k);
      const envelope = { object: "event" as const, id, created_at: new Date(atMs).toISOString() };
      if (email === null || delivery === null)
        return {
          k,
          atMs,
          event: { ...envelope, rank: 0, ...Notice.parse({ type: row.type, data: JSON.parse(row.data) }) },
        };
      const kind = EventKind.parse(row.type);
      const told = tellEmail({
        ...{ id, kind, atMs },
        data: EventData.parse(JSON.parse(row.data)),
        recipient: recipients.get(delivery),
        email: { k: email, id: this.#formatId(email), meta: metaOf(email) },
      });
      return { k, atMs, event: { ...envelope, rank: EVENT_RANK[kind], ...told } };
    });
  }

  /** The text column of rows by their keys. */
  #texts(statement: string, ks: readonly (number | null)[]): Map<number, string> {
    if (ks.length === 0) return new Map();
    const rows = this.#sql.exec<{ k: number; text: string }>(statement, JSON.stringify([...new Set(ks)]));
    return new Map([...rows].map(({ k, text }) => [k, text]));
  }
}
