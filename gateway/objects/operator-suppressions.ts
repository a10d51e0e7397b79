/**
 * The operator's list of addresses that never exist, in the directory, as accounts follow it.
 *
 * Every change gives its address a new `seq`, the highest yet, and what is removed stays as a mark, so "what is new since
 * seq" is a range of rows. Marks are bounded: an account that has slept through more of them than are kept is given the
 * whole list instead.
 */
import {
  OPERATOR_SUPPRESSION_LIMIT,
  type OperatorChanges,
  type OperatorSuppression,
} from "#contract/operator-suppression.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";

export const OPERATOR_SUPPRESSION_STEP = `
  CREATE TABLE suppression (seq INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, note TEXT, at_ms INTEGER NOT NULL,
    removed INTEGER NOT NULL) STRICT;
  CREATE INDEX suppression_removed ON suppression (seq) WHERE removed = 1;
  CREATE TABLE suppression_floor (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL) STRICT;
`;

/** Marks of what was removed; the oldest go. */
const KEPT_REMOVALS = 10_000;

type Row = { seq: number; address: string; note: string | null; at_ms: number };

export class OperatorSuppressions {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #keptRemovals: number;
  #seq: number;
  /** Changes above this are all there; up to it, marks are gone. */
  #floor: number;

  constructor(storage: DurableObjectStorage, keptRemovals: number = KEPT_REMOVALS) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#keptRemovals = keptRemovals;
    this.#seq = this.#number("SELECT MAX(seq) AS n FROM suppression");
    this.#floor = this.#number("SELECT MAX(seq) AS n FROM suppression_floor");
  }

  /** Addresses in their one spelling; all or none. */
  put(
    addresses: readonly string[],
    note: string | undefined,
    nowMs: number,
  ): { added: number; known: number } | Problem {
    const fresh = [...new Set(addresses)].filter((address) => this.#find(address) === undefined);
    const size = this.#number("SELECT COUNT(*) AS n FROM suppression WHERE removed = 0");
    if (size + fresh.length > OPERATOR_SUPPRESSION_LIMIT)
      return problem("validation_error", `The list has at most ${OPERATOR_SUPPRESSION_LIMIT} entries.`);
    this.#storage.transactionSync(() => {
      for (const address of fresh) this.#write(address, note ?? null, nowMs, 0);
    });
    return { added: fresh.length, known: addresses.length - fresh.length };
  }

  /** `false`: it was not on the list. */
  remove(address: string, nowMs: number): boolean {
    if (this.#find(address) === undefined) return false;
    this.#storage.transactionSync(() => {
      this.#write(address, null, nowMs, 1);
      this.#dropOldMarks();
    });
    return true;
  }

  /** Newest first. */
  list(query: PageQuery): Page<OperatorSuppression> | Problem {
    const cursor = query.after ?? query.before;
    const at = cursor === undefined ? Number.MAX_SAFE_INTEGER : this.#find(cursor)?.seq;
    if (at === undefined) return problem("not_found", "There is nothing on the list with the id in the query.");
    const newer = query.before !== undefined;
    const rows = this.#sql
      .exec<Row>(
        `SELECT seq, address, note, at_ms FROM suppression WHERE removed = 0
           AND ${newer ? "seq > ? ORDER BY seq" : "seq < ? ORDER BY seq DESC"} LIMIT ?`,
        at,
        query.limit + 1,
      )
      .toArray();
    const data = rows.slice(0, query.limit).map(({ address, note, at_ms }) => ({
      id: address,
      note,
      created_at: new Date(at_ms).toISOString(),
    }));
    return { object: "list", has_more: rows.length > query.limit, data: newer ? data.toReversed() : data };
  }

  /** What an account that knows all up to `seq` has yet to hear. */
  since(seq: number): OperatorChanges {
    if (seq === this.#seq) return { isWhole: false, listed: [], removed: [], seq };
    const isWhole = seq === 0 || seq < this.#floor || seq > this.#seq;
    const rows = this.#sql
      .exec<{ address: string; removed: number }>(
        "SELECT address, removed FROM suppression WHERE seq > ?",
        isWhole ? 0 : seq,
      )
      .toArray();
    const named = (removed: number): string[] =>
      rows.filter((row) => row.removed === removed).map(({ address }) => address);
    return { isWhole, listed: named(0), removed: isWhole ? [] : named(1), seq: this.#seq };
  }

  #find(address: string): { seq: number } | undefined {
    return this.#sql
      .exec<{ seq: number }>("SELECT seq FROM suppression WHERE address = ? AND removed = 0", address)
      .toArray()[0];
  }

  #write(address: string, note: string | null, nowMs: number, removed: number): void {
    this.#seq += 1;
    this.#sql.exec(
      "INSERT OR REPLACE INTO suppression (seq, address, note, at_ms, removed) VALUES (?, ?, ?, ?, ?)",
      ...[this.#seq, address, note, nowMs, removed],
    );
  }

  #dropOldMarks(): void {
    const [oldest] = this.#sql
      .exec<{ seq: number }>(
        "SELECT seq FROM suppression WHERE removed = 1 ORDER BY seq DESC LIMIT 1 OFFSET ?",
        this.#keptRemovals,
      )
      .toArray();
    if (!oldest) return;
    this.#sql.exec("DELETE FROM suppression WHERE removed = 1 AND seq <= ?", oldest.seq);
    this.#sql.exec("INSERT OR REPLACE INTO suppression_floor (id, seq) VALUES (1, ?)", oldest.seq);
    this.#floor = oldest.seq;
  }

  #number(statement: string): number {
    return this.#sql.exec<{ n: number | null }>(statement).one().n ?? 0;
  }
}
