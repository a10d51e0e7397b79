/**
 * What a pool must remember over an eviction: which accounts wait for a relay, which gave mail to which
 * relay, when a relay was last seen. Everything else it derives again from its sockets.
 */
import { runSchemaSteps } from "./schema-steps.ts";

const STEPS = [
  `
  CREATE TABLE waiting (account TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE holder (relay TEXT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (relay, account)) STRICT, WITHOUT ROWID;
  CREATE TABLE relay (id TEXT PRIMARY KEY, seen_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
] as const;

export class PoolRoll {
  readonly #sql: SqlStorage;
  readonly #waiting: Set<string>;
  readonly #holders: Set<string>;

  constructor(storage: DurableObjectStorage) {
    runSchemaSteps(storage, STEPS);
    this.#sql = storage.sql;
    this.#waiting = new Set(
      [...this.#sql.exec<{ account: string }>("SELECT account FROM waiting")].map((row) => row.account),
    );
    this.#holders = new Set(
      [...this.#sql.exec<{ relay: string; account: string }>("SELECT relay, account FROM holder")].map(
        (row) => `${row.relay} ${row.account}`,
      ),
    );
  }

  waiting(): string[] {
    return [...this.#waiting];
  }

  /** The account has mail and no relay has credit: remembered until it is served. */
  wait(account: string): void {
    if (this.#waiting.has(account)) return;
    this.#sql.exec("INSERT INTO waiting (account) VALUES (?)", account);
    this.#waiting.add(account);
  }

  served(account: string): void {
    if (!this.#waiting.delete(account)) return;
    this.#sql.exec("DELETE FROM waiting WHERE account = ?", account);
  }

  /** The relay is about to hold mail of the account. */
  holds(relay: string, account: string): void {
    const pair = `${relay} ${account}`;
    if (this.#holders.has(pair)) return;
    this.#sql.exec("INSERT INTO holder (relay, account) VALUES (?, ?)", relay, account);
    this.#holders.add(pair);
  }

  accountsOf(relay: string): string[] {
    return [...this.#sql.exec<{ account: string }>("SELECT account FROM holder WHERE relay = ?", relay)].map(
      (row) => row.account,
    );
  }

  /** After reconciling, the relay holds mail of these accounts only. */
  keepOnly(relay: string, accounts: readonly string[]): void {
    this.#sql.exec("DELETE FROM holder WHERE relay = ?", relay);
    for (const pair of this.#holders) if (pair.startsWith(`${relay} `)) this.#holders.delete(pair);
    for (const account of accounts) this.holds(relay, account);
  }

  seen(relay: string, nowMs: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO relay (id, seen_ms) VALUES (?, ?)", relay, nowMs);
  }

  lastSeen(): Record<string, number> {
    return Object.fromEntries(
      [...this.#sql.exec<{ id: string; seen_ms: number }>("SELECT id, seen_ms FROM relay")].map((row) => [
        row.id,
        row.seen_ms,
      ]),
    );
  }
}
