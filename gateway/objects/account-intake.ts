/**
 * How sends become durable: all that arrive in one turn of the event loop join one group commit.
 *
 * Invariant: `accept` answers only when the rows are written; the object's output gate then holds the answer until
 * they are on disk. Idempotency is decided here, in memory against the open group and in rows against the past, so
 * fifty requests with one key make one email. A key counts for a day, and gives back the reply it gave first.
 */
import { idFormatter, K_PER_MS, kToMs, nextK } from "#contract/ids.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { ACCEPT_SQL, STREAMS, type Stream } from "./account-schema.ts";
import { RowWriter } from "./row-writer.ts";

/** Content in the request, or put in chunks before (`stage`), or a template's: `shared`, it stays when the email goes. */
export type SendContent = string | { part: number; chunks: number; size: number; shared?: true };

/** An email that may be stored: every check is behind it. */
export type Send = {
  domain: string;
  recipients: string[];
  stream: Stream;
  scheduledMs: number | undefined;
  /** JSON text of `EmailMeta`. */
  meta: string;
  /** Or, in a string, JSON text of `EmailContent`. */
  content: SendContent;
};

/** Sends that are accepted together or not at all, and what their key is. */
export type Parcel = { sends: Send[]; idempotency?: Idempotency | undefined };
export type Idempotency = { key: string; fingerprint: string };

/** `reply`: what a batch answered, as JSON text; absent for a single send, whose answer is its id. */
export type Accepted = { kind: "accepted"; ids: string[]; reply?: string };

/** How long an idempotency key counts. */
export const IDEMPOTENCY_MS = 24 * 3600 * 1000;
/** How long staged content waits for its email. */
export const STAGED_MS = 3600 * 1000;

/** `k`: of the first email, or one of its own when there is none. */
type Stored = { k: number; ks: number[]; parcel: Parcel; reply: string | undefined };
type Group = { stored: Stored[]; durable: Promise<void>; close: () => void };
type Known = { k: number; fingerprint: string; reply: string | undefined; durable: Promise<void> | undefined };

export type IntakeHooks = {
  /** In the transaction of each group, before it ends. */
  onWrite: () => void;
  /** After a group is written: its streams, and the earliest time of its scheduled mail. */
  onCommit: (streams: ReadonlySet<number>, sends: readonly Send[]) => void;
};

export class AccountIntake {
  readonly #storage: DurableObjectStorage;
  readonly #formatId: (k: number) => string;
  readonly #hooks: IntakeHooks;
  readonly #openKeys = new Map<string, Known>();
  #group: Group | undefined;
  #lastK: number;

  constructor(storage: DurableObjectStorage, account: string, hooks: IntakeHooks) {
    this.#storage = storage;
    this.#formatId = idFormatter(account);
    this.#hooks = hooks;
    const row = storage.sql
      .exec<{ k: number }>(
        `SELECT MAX(IFNULL((SELECT k + rcpts FROM email ORDER BY k DESC LIMIT 1), 0), IFNULL((SELECT MAX(k) FROM event), 0),
         IFNULL((SELECT MAX(k) FROM part), 0), IFNULL((SELECT MAX(id) FROM lease), 0), IFNULL((SELECT MAX(k) FROM domain), 0),
         IFNULL((SELECT MAX(k) FROM audit), 0), IFNULL((SELECT MAX(k) FROM template), 0), IFNULL((SELECT MAX(k) FROM bulk), 0),
         IFNULL((SELECT MAX(k) FROM sender), 0), IFNULL((SELECT MAX(k) FROM suppression), 0),
         IFNULL((SELECT MAX(k) FROM webhook), 0), IFNULL((SELECT MAX(k) FROM received), 0),
         IFNULL((SELECT MAX(k) FROM received_chunk), 0), IFNULL((SELECT MAX(k) FROM received_open), 0),
         IFNULL((SELECT MAX(k) FROM notice), 0), IFNULL((SELECT MAX(k) FROM dmarc_report), 0)) AS k`,
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

  /** What this key has answered, or is about to; a refusal when it came with another body; `undefined`: it is new. */
  replay({ key, fingerprint }: Idempotency, nowMs: number): Promise<Accepted> | Problem | undefined {
    const known = this.#known(key, nowMs);
    if (!known) return undefined;
    if (known.fingerprint !== fingerprint)
      return problem(
        "invalid_idempotent_request",
        "This Idempotency-Key was used with another body in the last 24 hours.",
      );
    return this.#replayed(known);
  }

  /**
   * `replyOf` makes a batch's reply out of the ids. Whether the key was used before, `replay` has said in this very
   * turn: between the two must be no `await`.
   */
  async accept(parcel: Parcel, nowMs: number, replyOf?: (ids: string[]) => string): Promise<Accepted> {
    const ks = parcel.sends.map(({ recipients }) => this.takeK(recipients.length, nowMs));
    const ids = ks.map((k) => this.#formatId(k));
    const k = ks[0] ?? this.takeK(1, nowMs);
    const reply = replyOf?.(ids);
    const group = (this.#group ??= this.#openGroup());
    group.stored.push({ k, ks, parcel, reply });
    const { idempotency } = parcel;
    if (idempotency) {
      const { key, fingerprint } = idempotency;
      this.#openKeys.set(key, { k, fingerprint, reply, durable: group.durable });
    }
    await group.durable;
    return { kind: "accepted", ids, ...(reply !== undefined && { reply }) };
  }

  /**
   * Writes the open group now, if there is one: before rows are written beside it. Keys must be committed in their
   * order, or the queue's cursor would pass by what comes later with a lower one.
   */
  closeGroup(): void {
    this.#group?.close();
  }

  /** Makes room for content too large for one call; when no email has named it after a while, it is swept. */
  stage(total: number, nowMs: number): number {
    const k = this.takeK(total, nowMs);
    this.#storage.sql.exec("INSERT INTO staged (k, chunks) VALUES (?, ?)", k, total);
    return k;
  }

  /** Fills a place that was made. */
  fill(k: number, offset: number, chunks: readonly string[]): void {
    this.#storage.transactionSync(() => {
      for (const [index, chunk] of chunks.entries())
        this.#storage.sql.exec("INSERT INTO part (k, body) VALUES (?, ?)", k + offset + index, chunk);
    });
  }

  /** Forgets idempotency keys that are a day old and staged content nobody named. One pass each: call it rarely. */
  sweep(nowMs: number): void {
    const { sql } = this.#storage;
    sql.exec("DELETE FROM idem WHERE k <= ?", (nowMs - IDEMPOTENCY_MS) * K_PER_MS);
    const old = sql.exec<{ k: number }>("SELECT k FROM staged WHERE k <= ?", (nowMs - STAGED_MS) * K_PER_MS).toArray();
    for (const { k } of old) this.unstage(k);
  }

  /** Content that no email will name. */
  unstage(k: number): void {
    const { sql } = this.#storage;
    for (const { chunks } of sql.exec<{ chunks: number }>("SELECT chunks FROM staged WHERE k = ?", k).toArray()) {
      sql.exec("DELETE FROM part WHERE k >= ? AND k < ?", k, k + chunks);
      sql.exec("DELETE FROM staged WHERE k = ?", k);
    }
  }

  async #replayed({ k, reply, durable }: Known): Promise<Accepted> {
    await durable;
    return { kind: "accepted", ids: [this.#formatId(k)], ...(reply !== undefined && { reply }) };
  }

  #known(key: string, nowMs: number): Known | undefined {
    const open = this.#openKeys.get(key);
    if (open) return open;
    for (const row of this.#storage.sql.exec<{ k: number; fingerprint: string; reply: string | null }>(
      "SELECT k, fingerprint, reply FROM idem WHERE key = ?",
      key,
    )) {
      const { k, fingerprint } = row;
      if (kToMs(k) > nowMs - IDEMPOTENCY_MS)
        return { k, fingerprint, reply: row.reply ?? undefined, durable: undefined };
      this.#storage.sql.exec("DELETE FROM idem WHERE key = ?", key);
    }
    return undefined;
  }

  /** The group closes at the end of this turn: waiting longer adds latency and groups nothing more. */
  #openGroup(): Group {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stored: Stored[] = [];
    const close = (): void => {
      if (this.#group !== group) return;
      this.#group = undefined;
      try {
        this.#commit(stored);
        resolve();
      } catch (error) {
        reject(error);
      }
    };
    const group: Group = { stored, durable: promise, close };
    setTimeout(close, 0);
    return group;
  }

  #commit(stored: readonly Stored[]): void {
    const sends = stored.flatMap(({ parcel }) => parcel.sends);
    try {
      this.#storage.transactionSync(() => {
        writeParcels(this.#storage.sql, stored);
        this.#hooks.onWrite();
      });
      this.#hooks.onCommit(new Set(sends.map(({ stream }) => STREAMS.indexOf(stream))), sends);
    } finally {
      for (const { parcel } of stored) if (parcel.idempotency) this.#openKeys.delete(parcel.idempotency.key);
    }
  }
}

const writeParcels = (sql: SqlStorage, stored: readonly Stored[]): void => {
  const writers = {
    emails: new RowWriter(sql, ACCEPT_SQL.email),
    parts: new RowWriter(sql, ACCEPT_SQL.part),
    deliveries: new RowWriter(sql, ACCEPT_SQL.delivery),
    idem: new RowWriter(sql, ACCEPT_SQL.idem),
    events: new RowWriter(sql, ACCEPT_SQL.event),
  };
  for (const { k: first, ks, parcel, reply } of stored) {
    const { sends, idempotency } = parcel;
    const key = idempotency === undefined ? "null" : JSON.stringify(idempotency.key);
    for (const [index, send] of sends.entries()) {
      const k = ks[index] ?? 0;
      const { content } = send;
      const own = typeof content === "string";
      const [part, chunks, size] = own ? [k, 1, content.length] : [content.part, content.chunks, content.size];
      writers.emails.add(
        `[${k},${part},${chunks},${size},${send.recipients.length},${key},${send.meta},${JSON.stringify(send.domain)},${send.scheduledMs ?? "null"}]`,
      );
      // The content is JSON already: it goes into the row's JSON as it is, and SQLite hands it on as text.
      if (own) writers.parts.add(`[${k},${content}]`);
      else if (!content.shared) sql.exec("DELETE FROM staged WHERE k = ?", content.part);
      const stream = STREAMS.indexOf(send.stream);
      for (const [rank, rcpt] of send.recipients.entries())
        writers.deliveries.add(`[${k + rank},${k},${JSON.stringify(rcpt)},${stream},${send.scheduledMs ?? 0}]`);
      // Its event has the delivery's own key: the timeline shows it without looking for it.
      if (send.scheduledMs !== undefined)
        for (const rank of send.recipients.keys())
          writers.events.add(`[${k + rank},${k},${k + rank},"scheduled",${kToMs(k)},{}]`);
    }
    if (idempotency)
      writers.idem.add(
        `[${key},${first},"${idempotency.fingerprint}",${reply === undefined ? "null" : JSON.stringify(reply)}]`,
      );
  }
  for (const writer of Object.values(writers)) writer.flush();
};
