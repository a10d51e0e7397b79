/**
 * What this relay has begun and what came of it, on disk: the memory that survives a kill.
 *
 * A row is made before the first byte of a message is sent (`begun`), gets its outcome when there is one
 * (`finished`) and goes when the gateway has it (`acknowledged`). After a crash a begun row without an outcome is
 * in doubt. Mail that was leased and not begun needs no row: the gateway re-queues it when we join without it.
 *
 * Invariant: `begun` and `finished` resolve only when the row is fsynced. A row is written at the end of the
 * turn that asks for it, which is all that a kill of the process needs; the fsync, which a power cut needs, is
 * shared by all that was written since the last one. One process a journal: SQLite's exclusive lock, which
 * the kernel drops when the process dies.
 */
import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Outcome } from "#contract/outcome.ts";

export type JournalRow = { id: number; pool: string; account: string; k: number; lease: number; startedAtMs: number };

/** A finished delivery that the gateway has not acknowledged. */
export type Unsettled = { id: number; pool: string; account: string; outcome: Outcome };

export type OpenedJournal = { kind: "open"; journal: Journal; unsettled: Unsettled[] } | { kind: "locked" };

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS delivery (id INTEGER PRIMARY KEY, pool TEXT NOT NULL, account TEXT NOT NULL, k INTEGER NOT NULL,
    lease INTEGER NOT NULL, started_ms INTEGER NOT NULL, outcome TEXT) STRICT`;

/** Under load fsyncs are at least this far apart; the slots that wait share one. */
const SYNC_INTERVAL_MS = 1;

type Operation =
  | { kind: "begun"; row: JournalRow }
  | { kind: "finished"; row: JournalRow; outcome: string }
  | { kind: "acknowledged"; id: number };

/** Opens the journal in a folder, made when it is not there. `nowMs` dates the doubt of what was begun. */
export const openJournal = (folder: string, nowMs: number): OpenedJournal => {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(join(folder, "journal.db"));
  try {
    // EXCLUSIVE before WAL: the lock is taken with the first read and kept; no shared memory file is needed.
    // NORMAL writes the log at each commit and leaves its fsync to us.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    database.exec(`BEGIN EXCLUSIVE; ${SCHEMA}; COMMIT`);
  } catch (error) {
    if (error instanceof Error && /database is locked/.test(error.message)) return { kind: "locked" };
    throw error;
  }
  const unsettled = database
    .prepare("SELECT * FROM delivery ORDER BY id")
    .all()
    .map((row) => readRow(row, nowMs));
  return {
    kind: "open",
    journal: new Journal(database, openSync(join(folder, "journal.db-wal"), "r+"), unsettled.at(-1)?.id ?? 0),
    unsettled,
  };
};

export class Journal {
  readonly #database: DatabaseSync;
  readonly #statements: Record<"begun" | "finished" | "acknowledged", StatementSync>;
  /** The write-ahead log: it is all that must be on disk. */
  readonly #log: number;
  #lastId: number;
  #waiting: Operation[] = [];
  #writing = false;
  /** Settles when what waits, or is written and not synced, is on disk. */
  #durable: PromiseWithResolvers<void> | undefined;
  #syncedAtMs = 0;

  constructor(database: DatabaseSync, log: number, lastId: number) {
    this.#database = database;
    this.#log = log;
    this.#lastId = lastId;
    this.#statements = {
      begun: database.prepare(
        "INSERT INTO delivery (id, pool, account, k, lease, started_ms) VALUES (?, ?, ?, ?, ?, ?)",
      ),
      finished: database.prepare(
        "INSERT OR REPLACE INTO delivery (id, pool, account, k, lease, started_ms, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ),
      acknowledged: database.prepare("DELETE FROM delivery WHERE id = ?"),
    };
  }

  /** A number for a delivery; nothing is written yet. */
  newId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** The message is about to be sent. */
  begun(row: JournalRow): Promise<void> {
    return this.#write({ kind: "begun", row });
  }

  /** The attempt is over. `outcome`: JSON of an `Outcome`. */
  finished(row: JournalRow, outcome: string): Promise<void> {
    return this.#write({ kind: "finished", row, outcome });
  }

  /** The gateway has these; when the rows go does not matter. */
  acknowledged(ids: readonly number[]): void {
    for (const id of ids) this.#waiting.push({ kind: "acknowledged", id });
  }

  /** Writes what waits and lets go of the lock. */
  close(): void {
    this.#attempt(() => {
      this.#writeWaiting();
      fsyncSync(this.#log);
    });
    closeSync(this.#log);
    this.#database.close();
  }

  #write(operation: Operation): Promise<void> {
    this.#waiting.push(operation);
    if (!this.#writing) {
      this.#writing = true;
      setImmediate(() => this.#attempt(() => this.#writeWaiting()));
    }
    if (!this.#durable) {
      this.#durable = Promise.withResolvers<void>();
      const sinceMs = performance.now() - this.#syncedAtMs;
      if (sinceMs >= SYNC_INTERVAL_MS) setImmediate(() => this.#sync());
      else setTimeout(() => this.#sync(), SYNC_INTERVAL_MS - sinceMs);
    }
    return this.#durable.promise;
  }

  #sync(): void {
    const durable = this.#durable;
    this.#durable = undefined;
    this.#attempt(() => {
      this.#writeWaiting();
      fsyncSync(this.#log);
      this.#syncedAtMs = performance.now();
      durable?.resolve();
    }, durable);
  }

  /** A journal that cannot be written stops the relay, which must not send what it could not remember. */
  #attempt(write: () => void, durable = this.#durable): void {
    try {
      write();
    } catch (error) {
      durable?.reject(error);
    }
  }

  #writeWaiting(): void {
    this.#writing = false;
    if (this.#waiting.length === 0) return;
    const operations = this.#waiting;
    this.#waiting = [];
    this.#apply(operations);
  }

  #apply(operations: readonly Operation[]): void {
    this.#database.exec("BEGIN");
    try {
      for (const operation of operations) this.#run(operation);
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #run(operation: Operation): void {
    switch (operation.kind) {
      case "begun": {
        const { id, pool, account, k, lease, startedAtMs } = operation.row;
        this.#statements.begun.run(id, pool, account, k, lease, startedAtMs);
        return;
      }
      case "finished": {
        const { id, pool, account, k, lease, startedAtMs } = operation.row;
        this.#statements.finished.run(id, pool, account, k, lease, startedAtMs, operation.outcome);
        return;
      }
      case "acknowledged":
        this.#statements.acknowledged.run(operation.id);
        return;
    }
  }
}

const readRow = (row: Record<string, unknown>, nowMs: number): Unsettled => {
  const about = { id: Number(row["id"]), pool: String(row["pool"]), account: String(row["account"]) };
  if (typeof row["outcome"] === "string") return { ...about, outcome: Outcome.parse(JSON.parse(row["outcome"])) };
  const doubt: Outcome = {
    k: Number(row["k"]),
    lease: Number(row["lease"]),
    kind: "unknown",
    phase: "dot",
    reason: "The relay stopped after it had begun to send the message and before it knew what came of it",
    started_at_ms: Number(row["started_ms"]),
    ended_at_ms: nowMs,
  };
  return { ...about, outcome: doubt };
};
