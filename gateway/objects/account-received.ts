/**
 * Mail that came in for the account's domains: the bytes as they came, and what lists and readers see of them.
 *
 * Invariant: a message that is listed is there whole; row and notice are written in one transaction, after the bytes.
 * The same message brought again is known by its key. What an account keeps is bounded in bytes and in time.
 */
import type { Notice } from "#contract/event.ts";
import { idFormatter, K_PER_MS, kToMs, parseId } from "#contract/ids.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import {
  ReceivedBody,
  ReceivedHead,
  type ReceivedMail,
  type ReceivedPart,
  type ReceivedSummary,
  type ReceivedVerdict,
} from "#contract/received.ts";
import { receivedNotice, receivedSummary } from "../core/received-view.ts";

/** Octets of one stored row. */
export const RECEIVED_CHUNK_BYTES = 1024 * 1024;
/** Of all that an account keeps: an object has 10 GB, and mail that is sent comes first. */
export const RECEIVED_KEPT_BYTES = 2_000_000_000;
export const RECEIVED_KEPT_MS = 30 * 24 * 3600 * 1000;
/** How long a message may be on its way in. */
const OPEN_MS = 3600 * 1000;

export const RECEIVED_SQL = {
  known: "SELECT k FROM received WHERE key = ?1",
  insert: "INSERT INTO received (k, key, size, head, body) VALUES (?1, ?2, ?3, ?4, ?5)",
  one: "SELECT k, head, body, size FROM received WHERE k = ?1",
  older: "SELECT k, head FROM received WHERE k < ?1 ORDER BY k DESC LIMIT ?2",
  newer: "SELECT k, head FROM received WHERE k > ?1 ORDER BY k LIMIT ?2",
  size: "SELECT IFNULL((SELECT SUM(size) FROM received), 0) + IFNULL((SELECT SUM(size) FROM received_open), 0) AS size",
  sizeOf: `SELECT MAX(size) AS size FROM
    (SELECT size FROM received WHERE k = ?1 UNION ALL SELECT size FROM received_open WHERE k = ?1)`,
  expired: "SELECT k FROM received WHERE k < ?1",
  abandoned: "SELECT k FROM received_open WHERE k < ?1",
  bytes: "SELECT k, bytes FROM received_chunk WHERE k >= ?1 AND k <= ?2 ORDER BY k",
  removeBytes: "DELETE FROM received_chunk WHERE k >= ?1 AND k < ?2",
} as const;

export type ReceivedContext = {
  storage: DurableObjectStorage;
  account: string;
  takeK: (count: number, nowMs: number) => number;
  isSuspended: () => boolean;
  /** Does the account receive for it? */
  receives: (domain: string) => boolean;
  /** In the transaction of the row. */
  tell: (notice: Notice, nowMs: number) => void;
};

/** A run of a message's chunks; `k`: as the first has been answered. The last one ends the message. */
export type ReceivedPiece = {
  key: string;
  mail: ReceivedMail;
  k: number | undefined;
  offset: number;
  chunks: ArrayBuffer[];
  isLast: boolean;
};

/** `k`: for the pieces that follow. */
export type PieceTaken = { kind: "staged"; k: number } | { kind: ReceivedVerdict };
type Refusal = Exclude<ReceivedVerdict, "stored">;

/** Where a reader finds the message: its bytes are asked for by `k`. */
export type ReceivedEmail = {
  k: number;
  size: number;
  summary: ReceivedSummary;
  attachments: ReceivedPart[];
  body: ReceivedBody;
};

export class AccountReceived {
  readonly #context: ReceivedContext;
  readonly #sql: SqlStorage;
  readonly #formatId: (k: number) => string;
  #keptBytes: number | undefined;

  constructor(context: ReceivedContext) {
    this.#context = context;
    this.#sql = context.storage.sql;
    this.#formatId = idFormatter(context.account);
  }

  take(piece: ReceivedPiece, nowMs: number): PieceTaken {
    const refused = this.#refusal(piece);
    if (refused) {
      if (piece.k !== undefined) this.#drop(piece.k);
      return { kind: refused };
    }
    const k = this.#context.storage.transactionSync(() => {
      const at = this.#write(piece, nowMs);
      if (piece.isLast) this.#end(at, piece, nowMs);
      return at;
    });
    if (piece.k === undefined && this.#keptBytes !== undefined) this.#keptBytes += piece.mail.size;
    return piece.isLast ? { kind: "stored" } : { kind: "staged", k };
  }

  list(query: PageQuery): Page<ReceivedSummary> | Problem {
    const cursor = query.after ?? query.before;
    const k = cursor === undefined ? Number.MAX_SAFE_INTEGER : parseId(this.#context.account, cursor);
    if (k === undefined)
      return problem("not_found", `There is no email with the id in \`${query.after ? "after" : "before"}\`.`);
    const sql = query.before === undefined ? RECEIVED_SQL.older : RECEIVED_SQL.newer;
    const rows = this.#sql.exec<{ k: number; head: string }>(sql, k, query.limit + 1).toArray();
    const data = rows
      .slice(0, query.limit)
      .map((row) => this.#summary(row.k, ReceivedHead.parse(JSON.parse(row.head))));
    return {
      object: "list",
      has_more: rows.length > query.limit,
      data: query.before === undefined ? data : data.toReversed(),
    };
  }

  get(id: string): ReceivedEmail | Problem {
    const row = this.#row(id);
    if (!row) return noSuchEmail();
    const head = ReceivedHead.parse(JSON.parse(row.head));
    const body = ReceivedBody.parse(JSON.parse(row.body));
    return { k: row.k, size: row.size, summary: this.#summary(row.k, head), attachments: head.attachments, body };
  }

  /** Octets from `start` to `end`; `undefined`: the message is gone. */
  bytes(k: number, start: number, end: number): Uint8Array | undefined {
    const first = Math.floor(start / RECEIVED_CHUNK_BYTES);
    const last = Math.floor(Math.max(start, end - 1) / RECEIVED_CHUNK_BYTES);
    const rows = this.#sql.exec<{ k: number; bytes: ArrayBuffer }>(RECEIVED_SQL.bytes, k + first, k + last).toArray();
    if (rows.length !== last - first + 1) return undefined;
    const joined = new Uint8Array(rows.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
    let length = 0;
    for (const { bytes } of rows) {
      joined.set(new Uint8Array(bytes), length);
      length += bytes.byteLength;
    }
    return joined.subarray(start - first * RECEIVED_CHUNK_BYTES, end - first * RECEIVED_CHUNK_BYTES);
  }

  remove(id: string): boolean {
    const row = this.#row(id);
    if (row) this.#drop(row.k);
    return row !== undefined;
  }

  /** Forgets what is older than 30 days, and what never came whole. */
  sweep(nowMs: number): void {
    for (const [sql, keptMs] of [
      [RECEIVED_SQL.expired, RECEIVED_KEPT_MS],
      [RECEIVED_SQL.abandoned, OPEN_MS],
    ] as const)
      for (const { k } of this.#sql.exec<{ k: number }>(sql, (nowMs - keptMs) * K_PER_MS).toArray()) this.#drop(k);
  }

  #refusal({ key, mail, k }: ReceivedPiece): Refusal | undefined {
    if (this.#sql.exec(RECEIVED_SQL.known, key).toArray().length > 0) return "known";
    if (this.#context.isSuspended()) return "suspended";
    const domains = mail.head.received_for.map((address) => address.slice(address.lastIndexOf("@") + 1));
    // One message for several: it is kept for those whose domain is on, and a refusal would bounce it for them too.
    if (!domains.some((domain) => this.#context.receives(domain))) return "no-domain";
    // What was begun is counted already.
    return k === undefined && this.#kept() + mail.size > RECEIVED_KEPT_BYTES ? "full" : undefined;
  }

  #kept(): number {
    this.#keptBytes ??= this.#sql.exec<{ size: number }>(RECEIVED_SQL.size).one().size;
    return this.#keptBytes;
  }

  /** Inside a transaction, as all below that write. */
  #write({ mail, k, offset, chunks }: ReceivedPiece, nowMs: number): number {
    const at = k ?? this.#open(mail, nowMs);
    for (const [index, bytes] of chunks.entries())
      this.#sql.exec("INSERT INTO received_chunk (k, bytes) VALUES (?, ?)", at + offset + index, bytes);
    return at;
  }

  #end(k: number, { key, mail: { head, body, size } }: ReceivedPiece, nowMs: number): void {
    this.#sql.exec("DELETE FROM received_open WHERE k = ?", k);
    this.#sql.exec(RECEIVED_SQL.insert, k, key, size, JSON.stringify(head), JSON.stringify(body));
    this.#context.tell({ type: "email.received", data: receivedNotice(this.#summary(k, head)) }, nowMs);
  }

  /** Its chunks have the keys from its own on, its attachments their ids from those behind it. */
  #open({ head, size }: ReceivedMail, nowMs: number): number {
    const count = Math.max(Math.ceil(size / RECEIVED_CHUNK_BYTES), 1 + head.attachments.length);
    const k = this.#context.takeK(count, nowMs);
    this.#sql.exec("INSERT INTO received_open (k, size) VALUES (?, ?)", k, size);
    return k;
  }

  /** Whether it was whole or not. */
  #drop(k: number): void {
    const { size } = this.#sql.exec<{ size: number | null }>(RECEIVED_SQL.sizeOf, k).one();
    this.#context.storage.transactionSync(() => {
      this.#sql.exec(RECEIVED_SQL.removeBytes, k, k + Math.ceil((size ?? 0) / RECEIVED_CHUNK_BYTES));
      this.#sql.exec("DELETE FROM received WHERE k = ?", k);
      this.#sql.exec("DELETE FROM received_open WHERE k = ?", k);
    });
    if (this.#keptBytes !== undefined) this.#keptBytes -= size ?? 0;
  }

  #row(id: string): { k: number; head: string; body: string; size: number } | undefined {
    const k = parseId(this.#context.account, id);
    return k === undefined
      ? undefined
      : this.#sql.exec<{ k: number; head: string; body: string; size: number }>(RECEIVED_SQL.one, k).toArray()[0];
  }

  #summary(k: number, head: ReceivedHead): ReceivedSummary {
    return receivedSummary(head, {
      id: this.#formatId(k),
      created_at: new Date(kToMs(k)).toISOString(),
      attachmentId: (index) => this.#formatId(k + 1 + index),
    });
  }
}

export const noSuchEmail = (): Problem => problem("not_found", "There is no received email with this id.");
