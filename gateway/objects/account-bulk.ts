/**
 * Bulk sends: one shared email, many recipients, taken in durable chunks.
 *
 * Invariant: a chunk is taken only when it begins where the last ended (`lines`), in the transaction that moves that
 * mark. So a stream that is cut and sent again goes on where it was, two streams under one key cannot both go on,
 * and no recipient is there twice. What a window does not let through is not taken: the mark stops before it.
 */
import { BULK_ERRORS, BULK_RECIPIENTS, type BulkReply } from "#contract/bulk.ts";
import { idFormatter, K_PER_MS, kToMs, parseId } from "#contract/ids.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { IDEMPOTENCY_MS, type Idempotency } from "./account-intake.ts";
import { BULK_SQL } from "./account-schema.ts";

/** The shared content: a row of its own or staged before. */
export type BulkContent = { part: number; chunks: number; size: number };

/** What the Worker must know to go on: how many lines are taken, and their hash. */
export type BulkState = BulkContent & { k: number; lines: number; hash: number; accepted: number; done: boolean };

/** Recipients of lines that passed, column by column; a meta is JSON text of `EmailMeta`, a hash as of that line's end. */
export type BulkRows = { rcpts: string[]; metas: string[]; lines: number[]; hashes: number[] };

export type BulkChunk = {
  bulk: number;
  /** The mark it begins at. */
  after: number;
  /** The mark and the hash it ends at. */
  lines: number;
  hash: number;
  /** It is the stream's last. */
  done: boolean;
  rows: BulkRows;
  refusals: { line: number; message: string }[];
  domain: string;
  stream: number;
};

type Row = {
  k: number;
  part: number;
  chunks: number;
  size: number;
  fingerprint: string;
  lines: number;
  hash: number;
  accepted: number;
  refused: number;
  done: number;
  template: string | null;
};

const REFUSE = `INSERT INTO bulk_refusal (bulk, line, message) SELECT ?2, value ->> 0, value ->> 1 FROM json_each(?1)
  WHERE value ->> 0 <= ?3 LIMIT MAX(0, ${BULK_ERRORS} - (SELECT COUNT(*) FROM bulk_refusal WHERE bulk = ?2))`;

export class AccountBulk {
  readonly #storage: DurableObjectStorage;
  readonly #account: string;
  readonly #takeK: (count: number, nowMs: number) => number;

  constructor(storage: DurableObjectStorage, account: string, takeK: (count: number, nowMs: number) => number) {
    this.#storage = storage;
    this.#account = account;
    this.#takeK = takeK;
  }

  /** The bulk this key began in the last day; a refusal when it began with another shared email. */
  find(
    { key, fingerprint }: Idempotency,
    nowMs: number,
  ): { state: BulkState; template: string | null } | Problem | undefined {
    const [row] = this.#storage.sql.exec<Row>("SELECT * FROM bulk WHERE key = ?", key).toArray();
    if (row === undefined || kToMs(row.k) <= nowMs - IDEMPOTENCY_MS) return undefined;
    if (row.fingerprint !== fingerprint) return problem("invalid_idempotent_request");
    return { state: stateOf(row), template: row.template };
  }

  /** Begins a bulk: line 1, the shared email, is taken. `content` is JSON text, or was staged or shared before;
   * `template` is kept as it is now, so that a bulk that goes on later goes on with it. */
  begin(
    idempotency: Idempotency | undefined,
    content: string | BulkContent,
    template: string | null,
    hash: number,
    nowMs: number,
  ): BulkState {
    const { sql } = this.#storage;
    const k = this.#takeK(1, nowMs);
    const kept = typeof content === "string" ? { part: k, chunks: 1, size: content.length } : content;
    this.#storage.transactionSync(() => {
      if (typeof content === "string") sql.exec("INSERT INTO part (k, body) VALUES (?, ?)", k, content);
      else sql.exec("DELETE FROM staged WHERE k = ?", content.part);
      if (idempotency) sql.exec("UPDATE bulk SET key = NULL WHERE key = ?", idempotency.key);
      sql.exec(
        `INSERT INTO bulk (k, key, part, chunks, size, fingerprint, lines, hash, accepted, refused, done, template)
         VALUES (?, ?, ?, ?, ?, ?, 1, ?, 0, 0, 0, ?)`,
        ...[
          k,
          idempotency?.key ?? null,
          kept.part,
          kept.chunks,
          kept.size,
          idempotency?.fingerprint ?? "",
          hash,
          template,
        ],
      );
    });
    return { k, ...kept, lines: 1, hash, accepted: 0, done: false };
  }

  /**
   * Takes a chunk, or of it the rows that `room` has place for. `book` is called inside the transaction with the
   * number of recipients, to write down what they use.
   */
  take(chunk: BulkChunk, room: number, nowMs: number, book: (recipients: number) => void): BulkState | Problem {
    const row = this.#row(chunk.bulk);
    if (row === undefined) return problem("not_found", "There is no bulk with this id.");
    if (row.lines !== chunk.after || row.done === 1) return problem("concurrent_idempotent_requests");
    const offered = chunk.rows.rcpts.length;
    if (row.accepted + offered > BULK_RECIPIENTS)
      return problem("validation_error", `A bulk has at most ${BULK_RECIPIENTS} recipients.`);
    const count = Math.min(offered, room);
    // The mark stops before the first line that found no place.
    const cut = count < offered;
    const lines = cut ? (chunk.rows.lines[count - 1] ?? chunk.after) : chunk.lines;
    const hash = cut ? (chunk.rows.hashes[count - 1] ?? row.hash) : chunk.hash;
    const refusals = chunk.refusals.filter(({ line }) => line <= lines);
    const done = chunk.done && !cut ? 1 : 0;
    const accepted = row.accepted + count;
    this.#storage.transactionSync(() => {
      this.#write(row, chunk, count, nowMs);
      book(count);
      if (refusals.length > 0)
        this.#storage.sql.exec(
          REFUSE,
          JSON.stringify(refusals.map(({ line, message }) => [line, message])),
          row.k,
          lines,
        );
      this.#storage.sql.exec(
        "UPDATE bulk SET lines = ?, hash = ?, accepted = ?, refused = refused + ?, done = ? WHERE k = ?",
        ...[lines, hash, accepted, refusals.length, done, row.k],
      );
    });
    return { ...stateOf(row), lines, hash, accepted, done: done === 1 };
  }

  get(id: string): BulkReply | Problem {
    const k = parseId(this.#account, id);
    const row = k === undefined ? undefined : this.#row(k);
    return row === undefined ? problem("not_found", "There is no bulk with this id.") : this.#show(row);
  }

  /** For a bulk that is known to be there. */
  reply(k: number): BulkReply | Problem {
    return this.get(idFormatter(this.#account)(k));
  }

  /** Keys that are a day old are forgotten. */
  sweep(nowMs: number): void {
    this.#storage.sql.exec(
      "UPDATE bulk SET key = NULL WHERE key IS NOT NULL AND k <= ?",
      (nowMs - IDEMPOTENCY_MS) * K_PER_MS,
    );
  }

  #write({ part, chunks, size }: Row, { domain, stream, rows }: BulkChunk, count: number, nowMs: number): void {
    if (count === 0) return;
    const { sql } = this.#storage;
    const first = this.#takeK(count, nowMs);
    const metas = `[${rows.metas.slice(0, count).join(",")}]`;
    sql.exec(BULK_SQL.email, metas, first, part, chunks, size, domain);
    sql.exec(BULK_SQL.delivery, JSON.stringify(rows.rcpts.slice(0, count)), first, stream);
  }

  #row(k: number): Row | undefined {
    return this.#storage.sql.exec<Row>("SELECT * FROM bulk WHERE k = ?", k).toArray()[0];
  }

  #show({ k, lines, accepted, refused, done }: Row): BulkReply {
    const errors = this.#storage.sql
      .exec<{ line: number; message: string }>("SELECT line, message FROM bulk_refusal WHERE bulk = ? ORDER BY line", k)
      .toArray();
    const id = idFormatter(this.#account)(k);
    return { object: "bulk", id, status: done === 1 ? "complete" : "open", lines, accepted, refused, errors };
  }
}

const stateOf = ({ k, part, chunks, size, lines, hash, accepted, done }: Row): BulkState => ({
  k,
  part,
  chunks,
  size,
  lines,
  hash,
  accepted,
  done: done === 1,
});
