/**
 * What this relay has begun and what came of it, on disk: the memory that survives a kill.
 *
 * A row is made before the first byte of a message is sent (`begun`), gets its outcome when there is one
 * (`finished`) and goes when the gateway has it (`acknowledged`). After a crash a begun row without an outcome is
 * in doubt. Mail that was leased and not begun needs no row: the gateway re-queues it when we join without it.
 *
 * Invariant: `begun` resolves when its row is in SQLite's log, which outlives a kill of the process; `finished`
 * when its row is fsynced, which outlives a power cut. Rows are written at the end of the turn that asks for
 * them; whatever was written while one fsync ran shares the next. One process a journal: SQLite's exclusive
 * lock, which the kernel drops when the process dies.
 */
import { closeSync, fsync, fsyncSync, mkdirSync, openSync } from "node:fs";
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
  /** Settles when what waits is in the log. */
  #written: PromiseWithResolvers<void> | undefined;
  /** Settles when what was written since the last fsync began is on disk. */
  #synced: PromiseWithResolvers<void> | undefined;
  #syncing = false;
  #isClosed = false;

  constructor(database: DatabaseSync, log: number, lastId: number) {
    this.#database = database;
    this.#log = log;
    this.#lastId = lastId;
    this.#statements = {
      begun: database.prepare(
        // Once for each host that is offered the message: a later one begins the same delivery anew.
        "INSERT OR REPLACE INTO delivery (id, pool, account, k, lease, started_ms) VALUES (?, ?, ?, ?, ?, ?)",
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
  async finished(row: JournalRow, outcome: string): Promise<void> {
    await this.#write({ kind: "finished", row, outcome });
    this.#synced ??= Promise.withResolvers<void>();
    this.#syncNext();
    return this.#synced.promise;
  }

  /** The gateway has these; when the rows go does not matter. */
  acknowledged(ids: readonly number[]): void {
    for (const id of ids) this.#waiting.push({ kind: "acknowledged", id });
  }

  /** Writes what waits, to the disk, and lets go of the lock. */
  close(): void {
    this.#writeWaiting();
    fsyncSync(this.#log);
    this.#isClosed = true;
    closeSync(this.#log);
    this.#database.close();
  }

  #write(operation: Operation): Promise<void> {
    this.#waiting.push(operation);
    if (!this.#written) {
      this.#written = Promise.withResolvers<void>();
      setImmediate(() => this.#writeWaiting());
    }
    return this.#written.promise;
  }

  #writeWaiting(): void {
    const operations = this.#waiting;
    const written = this.#written;
    this.#waiting = [];
    this.#written = undefined;
    try {
      if (operations.length > 0) this.#apply(operations);
      written?.resolve();
    } catch (error) {
      // A journal that cannot be written stops the relay: it must not send what it could not remember.
      written?.reject(error);
    }
  }

  /** One fsync at a time; it begins at the end of the turn, so that all rows of the turn are in it. */
  #syncNext(): void {
    if (this.#syncing || !this.#synced) return;
    this.#syncing = true;
    setImmediate(() => {
      const synced = this.#synced;
      this.#synced = undefined;
      // Closing did it already, and the number of the log may be another file's by now.
      if (this.#isClosed) return synced?.resolve();
      fsync(this.#log, (error) => {
        this.#syncing = false;
        if (error && !this.#isClosed) synced?.reject(error);
        else synced?.resolve();
        this.#syncNext();
      });
    });
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
