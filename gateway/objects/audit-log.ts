/**
 * An audit log: in an account every action of the operator and of keys on keys, domains, senders and settings; in the
 * Directory every action on accounts and relays, which stays when the account is gone.
 *
 * A line is written in the same turn as what it tells of, so both are durable or neither is. Never secrets.
 */
import type { z } from "zod";
import { AuditEntry } from "#contract/account.ts";
import { idFormatter, kToMs, parseId } from "#contract/ids.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { actorOf, type Visit } from "./visitor.ts";

const Stored = AuditEntry.pick({ actor: true, ip: true, action: true, target: true, changes: true });

/** The log keeps so many lines; the oldest go. */
const KEPT_ENTRIES = 100_000;

export class AuditLog {
  readonly #sql: SqlStorage;
  readonly #scope: string;
  readonly #takeK: (count: number, nowMs: number) => number;

  /** `scope`: whose ids its entries have, like an account's. */
  constructor(sql: SqlStorage, scope: string, takeK: (count: number, nowMs: number) => number) {
    this.#sql = sql;
    this.#scope = scope;
    this.#takeK = takeK;
  }

  write({ visitor, nowMs }: Visit, action: string, target: string | null, changes: Record<string, unknown> = {}): void {
    const entry: z.infer<typeof Stored> = { actor: actorOf(visitor), ip: visitor.ip ?? null, action, target, changes };
    this.#sql.exec("INSERT INTO audit (k, json) VALUES (?, ?)", this.#takeK(1, nowMs), JSON.stringify(entry));
  }

  /** Newest first. */
  list(query: PageQuery): Page<AuditEntry> | Problem {
    const cursor = query.after ?? query.before;
    const k = cursor === undefined ? undefined : parseId(this.#scope, cursor);
    if (cursor !== undefined && k === undefined) return problem("not_found", "There is no entry with this id.");
    const backwards = query.before !== undefined;
    const statement = backwards
      ? "SELECT k, json FROM audit WHERE k > ? ORDER BY k LIMIT ?"
      : "SELECT k, json FROM audit WHERE k < ? ORDER BY k DESC LIMIT ?";
    const rows = this.#sql
      .exec<{ k: number; json: string }>(statement, k ?? Number.MAX_SAFE_INTEGER, query.limit + 1)
      .toArray();
    const formatId = idFormatter(this.#scope);
    const data = rows.slice(0, query.limit).map((row): AuditEntry => ({
      object: "audit_entry",
      id: formatId(row.k),
      created_at: new Date(kToMs(row.k)).toISOString(),
      ...Stored.parse(JSON.parse(row.json)),
    }));
    return { object: "list", has_more: rows.length > query.limit, data: backwards ? data.toReversed() : data };
  }

  sweep(): void {
    this.#sql.exec("DELETE FROM audit WHERE k <= (SELECT k FROM audit ORDER BY k DESC LIMIT 1 OFFSET ?)", KEPT_ENTRIES);
  }
}
