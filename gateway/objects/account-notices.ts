/**
 * What happens to the account beside its emails, in the order of its keys: for those who listen.
 *
 * A notice is written in the transaction of what it tells of, and never changed. They are read with the other
 * events (`account-events.ts`); who is told, and when, is not known here.
 */
import { K_PER_MS } from "#contract/ids.ts";
import type { Notice } from "#contract/event.ts";

export const NOTICE_SQL = {
  insert: `INSERT INTO notice (k, type, at_ms, data) VALUES (?1, ?2, ?3, ?4)`,
  sweep: `DELETE FROM notice WHERE k < ?1`,
} as const;

/** How long a notice can be read. */
export const NOTICES_KEPT_MS = 30 * 24 * 3600 * 1000;

export type NoticesContext = {
  sql: SqlStorage;
  takeK: (count: number, nowMs: number) => number;
  /** There is one that was not there before; called before its transaction ends. */
  onNotice: () => void;
};

export class AccountNotices {
  readonly #context: NoticesContext;

  constructor(context: NoticesContext) {
    this.#context = context;
  }

  /** Inside the transaction of the change. */
  write({ type, data }: Notice, nowMs: number): void {
    const { sql, takeK, onNotice } = this.#context;
    sql.exec(NOTICE_SQL.insert, takeK(1, nowMs), type, nowMs, JSON.stringify(data));
    onNotice();
  }

  /** Forgets what is old enough. */
  sweep(nowMs: number): void {
    this.#context.sql.exec(NOTICE_SQL.sweep, (nowMs - NOTICES_KEPT_MS) * K_PER_MS);
  }
}
