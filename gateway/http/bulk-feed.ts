/**
 * Feeds the lines of a bulk to its account in chunks, and skips those that an earlier stream has brought already.
 *
 * While a chunk is being made durable the next is being read and checked, never more: so the memory of a request
 * is two chunks, however long its stream.
 */
import { BULK_RECIPIENTS, type BulkReply } from "#contract/bulk.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import type { LineChecker } from "../core/bulk-line.ts";
import type { LineHash } from "../core/line-hash.ts";
import type { BulkRows, BulkState } from "../objects/account-bulk.ts";
import type { BulkTaken, ChunkCall } from "../objects/bulk-admission.ts";

const CHUNK_LINES = 500;
const CHUNK_LENGTH = 500_000;

export type Take = (
  chunk: Pick<ChunkCall, "bulk" | "after" | "lines" | "hash" | "done" | "rows" | "refusals">,
) => Promise<BulkTaken | Problem>;

const noRows = (): BulkRows => ({ rcpts: [], metas: [], lines: [], hashes: [] });

type Ended = { reply: BulkReply; limited?: Problem } | Problem;

export class BulkFeed {
  readonly #checker: LineChecker;
  readonly #hash: LineHash;
  readonly #take: Take;
  #state: BulkState;
  /** Lines read so far; the shared email was the first. */
  #line = 1;
  #rows: BulkRows = noRows();
  #refusals: { line: number; message: string }[] = [];
  #length = 0;
  #underWay: Promise<BulkTaken | Problem> | undefined;

  constructor(state: BulkState, checker: LineChecker, hash: LineHash, take: Take) {
    this.#state = state;
    this.#checker = checker;
    this.#hash = hash;
    this.#take = take;
  }

  /** Takes the next line; what it returns ends the request. */
  async add(text: string): Promise<Ended | undefined> {
    this.#line += 1;
    this.#hash.add(text);
    if (this.#line <= this.#state.lines) return this.#skip();
    if (this.#line - 1 > BULK_RECIPIENTS + 1_000_000 || this.#state.done)
      return problem("invalid_idempotent_request", "This Idempotency-Key was used with another, shorter stream.");
    if (text.trim() === "") return undefined;
    const result = this.#checker.check(text);
    if (result.kind === "refused") this.#refusals.push({ line: this.#line, message: result.message });
    else this.#keep(result.rcpt, result.meta);
    this.#length += text.length;
    const full = this.#rows.rcpts.length + this.#refusals.length >= CHUNK_LINES || this.#length >= CHUNK_LENGTH;
    return full ? this.#send(false) : undefined;
  }

  /** The stream has ended: sends the rest and gives the result. */
  async end(): Promise<Ended> {
    return (
      this.shortfall() ??
      (await this.#send(true)) ??
      (await this.#settle()) ??
      problem("application_error", "The bulk ended without a result.")
    );
  }

  /** The stream has ended before the lines that an earlier one has brought. */
  shortfall(): Problem | undefined {
    return this.#line < this.#state.lines
      ? problem("invalid_idempotent_request", "This Idempotency-Key was used with another, longer stream.")
      : undefined;
  }

  #keep(rcpt: string, meta: string): void {
    this.#rows.rcpts.push(rcpt);
    this.#rows.metas.push(meta);
    this.#rows.lines.push(this.#line);
    this.#rows.hashes.push(this.#hash.value);
  }

  #skip(): Problem | undefined {
    if (this.#line < this.#state.lines || this.#hash.value === this.#state.hash) return undefined;
    return problem("invalid_idempotent_request", "This Idempotency-Key was used with other lines.");
  }

  async #send(done: boolean): Promise<Ended | undefined> {
    const ended = await this.#settle();
    if (ended) return ended;
    const chunk = {
      bulk: this.#state.k,
      after: this.#state.lines,
      lines: this.#line,
      hash: this.#hash.value,
      done,
      rows: this.#rows,
      refusals: this.#refusals,
    };
    this.#rows = noRows();
    this.#refusals = [];
    this.#length = 0;
    this.#underWay = this.#take(chunk);
    // Whoever waits for it sees its failure; until then it must not count as unhandled.
    this.#underWay.catch(() => undefined);
    return undefined;
  }

  /** Waits for the chunk under way; its result when it ends the request. */
  async #settle(): Promise<Ended | undefined> {
    const taken = await this.#underWay;
    this.#underWay = undefined;
    if (taken === undefined) return undefined;
    if (isProblem(taken)) return taken;
    this.#state = taken.state;
    if (!taken.reply) return undefined;
    return { reply: taken.reply, ...(taken.limited && { limited: taken.limited }) };
  }
}
