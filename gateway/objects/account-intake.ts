/**
 * How sends become durable: all that arrive in one turn of the event loop join one group commit.
 *
 * Invariant: `accept` answers `accepted` only when the rows are written; the object's output gate then holds
 * the answer until they are on disk. Idempotency is decided here, in memory against the open group and in
 * rows against the past, so fifty requests with one key make one email. A key counts for a day (`Idempotency`).
 */
import { idFormatter, K_PER_MS, kToMs, nextK } from "#contract/ids.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { ACCEPT_SQL, STREAMS, type Stream } from "./account-schema.ts";

/** Content in the request, or put in chunks before (`stage`). */
export type SendContent = string | { part: number; chunks: number; size: number };

export type Send = {
  recipients: string[];
  stream: Stream;
  /** JSON text of `EmailMeta`. */
  meta: string;
  /** JSON text of `EmailContent`. */
  content: SendContent;
  idempotency?: { key: string; fingerprint: string };
};

export type Accepted = { kind: "accepted"; id: string };

/** How long an idempotency key counts. */
export const IDEMPOTENCY_MS = 24 * 3600 * 1000;
/** How long staged content waits for its email. */
const STAGED_MS = 3600 * 1000;
/** SQLite takes texts up to 2 MB in Durable Objects: rows go in statements of at most this many UTF-16 units. */
const STATEMENT_LIMIT = 500_000;

type Group = { sends: { k: number; send: Send }[]; durable: Promise<void> };
type Known = { k: number; fingerprint: string; durable: Promise<void> | undefined };

export class AccountIntake {
  readonly #storage: DurableObjectStorage;
  readonly #formatId: (k: number) => string;
  readonly #onCommit: (streams: ReadonlySet<number>) => void;
  readonly #openKeys = new Map<string, Known>();
  #group: Group | undefined;
  #lastK: number;

  constructor(storage: DurableObjectStorage, account: string, onCommit: (streams: ReadonlySet<number>) => void) {
    this.#storage = storage;
    this.#formatId = idFormatter(account);
    this.#onCommit = onCommit;
    const row = storage.sql
      .exec<{ k: number }>(
        `SELECT MAX(IFNULL((SELECT k + rcpts FROM email ORDER BY k DESC LIMIT 1), 0), IFNULL((SELECT MAX(k) FROM event), 0),
         IFNULL((SELECT MAX(k) FROM part), 0), IFNULL((SELECT MAX(id) FROM lease), 0)) AS k`,
      )
      .one();
    this.#lastK = row.k;
  }

  /** Reserves `count` keys. */
  takeK(count: number, nowMs: number): number {
    const k = nextK(this.#lastK, nowMs);
    this.#lastK = k + count - 1;
    return k;
  }

  async accept(send: Send, nowMs: number): Promise<Accepted | Problem> {
    const known = send.idempotency && this.#known(send.idempotency.key, nowMs);
    if (known) {
      if (known.fingerprint !== send.idempotency?.fingerprint)
        return problem(
          "invalid_idempotent_request",
          "This Idempotency-Key was used with another body in the last 24 hours.",
        );
      await known.durable;
      return { kind: "accepted", id: this.#formatId(known.k) };
    }
    const k = this.takeK(send.recipients.length, nowMs);
    const group = (this.#group ??= this.#openGroup());
    group.sends.push({ k, send });
    if (send.idempotency)
      this.#openKeys.set(send.idempotency.key, {
        k,
        fingerprint: send.idempotency.fingerprint,
        durable: group.durable,
      });
    await group.durable;
    return { kind: "accepted", id: this.#formatId(k) };
  }

  /** Keeps content too large for one call; when no email has named it after a while, it is swept. */
  stage(chunks: readonly string[], nowMs: number): number {
    const { sql } = this.#storage;
    const k = this.takeK(chunks.length, nowMs);
    this.#storage.transactionSync(() => {
      sql.exec("INSERT INTO staged (k, chunks) VALUES (?, ?)", k, chunks.length);
      for (const [index, chunk] of chunks.entries())
        sql.exec("INSERT INTO part (k, body) VALUES (?, ?)", k + index, chunk);
    });
    return k;
  }

  /** Forgets idempotency keys that are a day old and staged content nobody named. One pass each: call it rarely. */
  sweep(nowMs: number): void {
    const { sql } = this.#storage;
    sql.exec("DELETE FROM idem WHERE k <= ?", (nowMs - IDEMPOTENCY_MS) * K_PER_MS);
    const old = sql
      .exec<{ k: number; chunks: number }>("SELECT k, chunks FROM staged WHERE k <= ?", (nowMs - STAGED_MS) * K_PER_MS)
      .toArray();
    for (const { k, chunks } of old) {
      sql.exec("DELETE FROM part WHERE k >= ? AND k < ?", k, k + chunks);
      sql.exec("DELETE FROM staged WHERE k = ?", k);
    }
  }

  #known(key: string, nowMs: number): Known | undefined {
    const open = this.#openKeys.get(key);
    if (open) return open;
    for (const row of this.#storage.sql.exec<{ k: number; fingerprint: string }>(
      "SELECT k, fingerprint FROM idem WHERE key = ?",
      key,
    )) {
      const k = row.k;
      if (kToMs(k) > nowMs - IDEMPOTENCY_MS) return { k, fingerprint: row.fingerprint, durable: undefined };
      this.#storage.sql.exec("DELETE FROM idem WHERE key = ?", key);
    }
    return undefined;
  }

  /** The group closes at the end of this turn: waiting longer adds latency and groups nothing more. */
  #openGroup(): Group {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const group: Group = { sends: [], durable: promise };
    setTimeout(() => {
      this.#group = undefined;
      try {
        this.#storage.transactionSync(() => this.#write(group.sends));
        this.#onCommit(new Set(group.sends.map(({ send }) => STREAMS.indexOf(send.stream))));
        resolve();
      } catch (error) {
        reject(error);
      } finally {
        for (const { send } of group.sends) if (send.idempotency) this.#openKeys.delete(send.idempotency.key);
      }
    }, 0);
    return group;
  }

  #write(sends: Group["sends"]): void {
    const emails = new RowWriter(this.#storage.sql, ACCEPT_SQL.email);
    const parts = new RowWriter(this.#storage.sql, ACCEPT_SQL.part);
    const deliveries = new RowWriter(this.#storage.sql, ACCEPT_SQL.delivery);
    const idem = new RowWriter(this.#storage.sql, ACCEPT_SQL.idem);
    for (const { k, send } of sends) {
      const { content, recipients, idempotency } = send;
      const own = typeof content === "string";
      const key = idempotency === undefined ? "null" : JSON.stringify(idempotency.key);
      const [part, chunks, size] = own ? [k, 1, content.length] : [content.part, content.chunks, content.size];
      emails.add(`[${k},${part},${chunks},${size},${recipients.length},${key},${send.meta}]`);
      // The content is JSON already: it goes into the row's JSON as it is, and SQLite hands it on as text.
      if (own) parts.add(`[${k},${content}]`);
      else this.#storage.sql.exec("DELETE FROM staged WHERE k = ?", content.part);
      const stream = STREAMS.indexOf(send.stream);
      for (const [index, rcpt] of recipients.entries())
        deliveries.add(`[${k + index},${k},${JSON.stringify(rcpt)},${stream}]`);
      if (idempotency) idem.add(`[${key},${k},"${idempotency.fingerprint}"]`);
    }
    for (const writer of [emails, parts, deliveries, idem]) writer.flush();
  }
}

/** Collects rows as JSON texts and inserts them with as few statements as the size limit allows. */
export class RowWriter {
  readonly #sql: SqlStorage;
  readonly #statement: string;
  #rows: string[] = [];
  #size = 0;

  constructor(sql: SqlStorage, statement: string) {
    this.#sql = sql;
    this.#statement = statement;
  }

  add(row: string): void {
    if (this.#size + row.length > STATEMENT_LIMIT) this.flush();
    this.#rows.push(row);
    this.#size += row.length;
  }

  flush(): void {
    if (this.#rows.length === 0) return;
    this.#sql.exec(this.#statement, `[${this.#rows.join(",")}]`);
    this.#rows = [];
    this.#size = 0;
  }
}
