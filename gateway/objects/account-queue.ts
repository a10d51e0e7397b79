/**
 * The queue of one account: leases out, outcomes in.
 *
 * A lease row is written before its batch leaves, so a crash never forgets who holds what. An outcome counts
 * only while its lease holds the delivery (`core/lease-book.ts`); a late one changes nothing and is counted.
 * The batch is built by joining the stored JSON texts: the account never parses what it carries.
 */
import { z } from "zod";
import { refusesAddress } from "#contract/hard-bounce.ts";
import { idFormatter, K_PER_MS, kToMs } from "#contract/ids.ts";
import { BATCH_LIMIT, INLINE_CONTENT_LIMIT } from "#contract/relay-protocol.ts";
import { Outcome } from "#contract/outcome.ts";
import { type HeldDelivery, type HeldView, LeaseBook, type LeaseRow } from "../core/lease-book.ts";
import type { RetrySchedule } from "../core/retry-schedule.ts";
import { type NewEvent, settle } from "../core/settlement.ts";
import { QUEUE_SQL, STREAMS } from "./account-schema.ts";
import type { AccountSuppressions } from "./account-suppressions.ts";
import type { AccountTimeline, DeliveryChange } from "./account-timeline.ts";

/** A cursor in memory may be this far (in `k`: an hour) ahead of its row. */
const CURSOR_LAG = 3600 * 1000 * K_PER_MS;
/** Most characters of content in one batch; at least one delivery goes, whatever its size. */
const BATCH_SIZE_LIMIT = 1_000_000;
/** So many batches may be suppressed as a whole in one call; then others have their turn. */
const SUPPRESSED_BATCHES = 10;

export type LeaseRequest = { pool: string; relay: string; streams: number[]; limit: number };
type Holder = { pool: string; relay: string };
/** Who holds the row that only keeps a cursor. */
const NOBODY: Holder = { pool: "", relay: "" };

/** `more`: it is worth asking again at once, also when nothing was found this time. */
export type LeaseReply = { lease: number; batch: string; count: number; more: boolean };

export const NO_LEASE: LeaseReply = { lease: 0, batch: "", count: 0, more: false };
export type SettleReply = { settled: number; late: number; malformed: number };

const ListOfAnything = z.array(z.unknown());

/** Rows as the statements give them. */
type KeptLease = Omit<LeaseRow, "deliveries"> & { cursor: number; ks: string };
type EmailRow = { k: number; part: number; chunks: number; meta: string; domain: string; body: string | null };
export type QueueContext = {
  account: string;
  storage: DurableObjectStorage;
  takeK: (count: number, nowMs: number) => number;
  schedule: RetrySchedule;
  bounceDomain: string;
  returnPathOf: (domain: string) => string | undefined;
  /** Base of links in mail; undefined: none is known. */
  publicUrl: string | undefined;
  timeline: AccountTimeline;
  suppressions: Pick<AccountSuppressions, "blocked" | "learn">;
  /** Where mail of each stream leaves from. */
  poolsNow: () => readonly string[];
};

type Candidate = {
  k: number;
  email: number;
  rcpt: string;
  attempt: number;
  /** Characters of its content and of its meta. */
  size: number;
  meta: number;
  due: boolean;
};

export class AccountQueue {
  readonly #context: QueueContext;
  readonly #sql: SqlStorage;
  readonly #formatId: (k: number) => string;
  readonly #book = new LeaseBook();
  /** By stream: the cursor and the newest lease, whose row keeps it. */
  readonly #cursor = STREAMS.map(() => 0);
  readonly #newest = STREAMS.map(() => 0);
  readonly #keptCursor = STREAMS.map(() => 0);
  /** By stream: when the next deferred delivery is due; Infinity: none. */
  readonly #nextDue: number[];
  #late = 0;

  constructor(context: QueueContext) {
    this.#context = context;
    this.#sql = context.storage.sql;
    this.#formatId = idFormatter(context.account);
    for (const { ks, cursor, ...lease } of this.#sql.exec<KeptLease>(
      "SELECT id, stream, pool, relay, at_ms AS atMs, cursor, ks FROM lease ORDER BY id",
    )) {
      this.#newest[lease.stream] = lease.id;
      this.#cursor[lease.stream] = cursor;
      this.#keptCursor[lease.stream] = cursor;
      const deliveries = this.#sql.exec<{ k: number; rcpt: string }>(QUEUE_SQL.stillLeased, ks).toArray();
      this.#book.add({ ...lease, deliveries });
    }
    this.#nextDue = STREAMS.map((_, stream) => this.#readNextDue(stream));
  }

  /** Leases a batch to a relay from the first of its streams that has mail to go. */
  lease(request: LeaseRequest, keysVersion: number, nowMs: number): LeaseReply {
    let isCutShort = false;
    for (const [rank, stream] of request.streams.entries()) {
      const { taken, more } = this.#take(stream, Math.min(request.limit, BATCH_LIMIT), nowMs);
      isCutShort ||= more;
      if (taken.length === 0) continue;
      const id = this.#writeLease(stream, request, taken, nowMs);
      const batch = this.#buildBatch(id, taken, keysVersion);
      return { lease: id, batch, count: taken.length, more: more || rank < request.streams.length - 1 };
    }
    return { ...NO_LEASE, more: isCutShort };
  }

  /** Applies outcomes of one account, as the JSON text the relay sent. Throws only on a text that is not JSON. */
  settle(relay: string, text: string, nowMs: number, random: () => number): SettleReply {
    const current = new Map<number, Outcome>();
    let [late, malformed] = [0, 0];
    for (const item of ListOfAnything.parse(JSON.parse(text))) {
      // One that cannot be read must not hold up the others for ever; its lease brings the delivery back.
      const { data: outcome } = Outcome.safeParse(item);
      if (!outcome) malformed += 1;
      else if (this.#book.holds(relay, outcome.lease, outcome.k)) current.set(outcome.k, outcome);
      else late += 1;
    }
    this.#late += late;
    if (current.size > 0) this.#context.storage.transactionSync(() => this.#write(current, nowMs, random));
    return { settled: current.size, late, malformed };
  }

  /** A relay came back and says what it still holds: the rest of its leases returns to the queue at once. */
  reconcile(relay: string, pool: string, holding: readonly number[], nowMs: number): number {
    const lost = this.#book.lost(relay, pool, new Set(holding));
    if (lost.length > 0) this.#giveBack(lost, nowMs);
    return lost.length;
  }

  /** A batch that never left: its lease returns to the queue. */
  unlease(lease: number, nowMs: number): void {
    const held = this.#book.heldBy(lease);
    if (held.length > 0) this.#giveBack(held, nowMs);
  }

  /** A delivery was settled by what came back by another way: the outcome of whoever held it counts no more. */
  forget(k: number): HeldDelivery | undefined {
    const held = this.#book.find(k);
    this.#book.settle(k);
    this.#dropEmptyLeases();
    return held;
  }

  /** What is in relays' hands, to be looked at. */
  get inHand(): HeldView {
    return this.#book;
  }

  /** Whether a stream has mail that could be leased now. */
  hasReady(stream: number, nowMs: number): boolean {
    if ((this.#nextDue[stream] ?? Infinity) <= nowMs) return true;
    return this.#fresh(stream, 1).length > 0;
  }

  /** Writes down how far each stream was looked through, so that a restart does not look again; now and then. */
  keepCursors(nowMs: number): void {
    for (const [stream, cursor] of this.#cursor.entries()) {
      if (cursor - (this.#keptCursor[stream] ?? 0) <= CURSOR_LAG) continue;
      const id = this.#insertLease(stream, NOBODY, cursor, [], nowMs);
      // In the book like any other, so that its row goes when a newer one keeps the cursor.
      this.#book.add({ id, ...NOBODY, stream, atMs: nowMs, deliveries: [] });
    }
  }

  /** Deliveries of a stream were written that are due at this time. */
  scheduled(stream: number, dueMs: number): void {
    this.#nextDue[stream] = Math.min(this.#nextDue[stream] ?? Infinity, dueMs);
  }

  nextDueMs(stream: number): number {
    return this.#nextDue[stream] ?? Infinity;
  }

  /** Relays that hold deliveries, with the time of their newest lease. */
  relays(): Map<string, number> {
    return this.#book.relays();
  }

  /** Pools whose relays may hold deliveries: where they got them, and where mail leaves from now. */
  pools(): Set<string> {
    return new Set([...this.#context.poolsNow(), ...this.#book.pools()].filter((pool) => pool !== NOBODY.pool));
  }

  get late(): number {
    return this.#late;
  }

  #readNextDue(stream: number): number {
    const due = this.#sql.exec<{ due: number | null }>(QUEUE_SQL.nextDue, stream).one().due;
    return due ?? Infinity;
  }

  /** The next that may go; batches that are suppressed as a whole are passed by, a few in one turn of the account. */
  #take(stream: number, limit: number, nowMs: number): { taken: Candidate[]; more: boolean } {
    for (let passedBy = 0; passedBy < SUPPRESSED_BATCHES; passedBy += 1) {
      const { taken, more } = this.#choose(stream, limit, nowMs);
      const sendable = this.#withoutSuppressed(taken, stream, nowMs);
      if (sendable.length > 0 || taken.length === 0) return { taken: sendable, more };
      // Settled, not leased: nobody has to look at them again.
      this.#cursor[stream] = this.#cursorAfter(taken, stream);
    }
    return { taken: [], more: true };
  }

  /** Candidates come in order, so the last fresh one is the new cursor. */
  #cursorAfter(taken: readonly Candidate[], stream: number): number {
    return taken.findLast((candidate) => !candidate.due)?.k ?? this.#cursor[stream] ?? 0;
  }

  /** Deferred mail that is due may take half of a batch while fresh mail waits, so neither starves the other. */
  #choose(stream: number, limit: number, nowMs: number): { taken: Candidate[]; more: boolean } {
    const dueWaits = (this.#nextDue[stream] ?? Infinity) <= nowMs;
    const due = dueWaits ? this.#candidates(QUEUE_SQL.due, [stream, nowMs, limit], true) : [];
    // What was due was canceled or put off: the time is another's, or nobody's.
    if (dueWaits && due.length === 0) this.#nextDue[stream] = this.#readNextDue(stream);
    const fresh = this.#fresh(stream, limit);
    const dueShare = due.slice(0, Math.max(Math.ceil(limit / 2), limit - fresh.length));
    const chosen = [...dueShare, ...fresh.slice(0, limit - dueShare.length)];
    const taken: Candidate[] = [];
    const seen = new Set<number>();
    let size = 0;
    for (const candidate of chosen) {
      if (!seen.has(candidate.email)) size += Math.min(candidate.size, INLINE_CONTENT_LIMIT) + candidate.meta;
      if (taken.length > 0 && size > BATCH_SIZE_LIMIT) break;
      seen.add(candidate.email);
      taken.push(candidate);
    }
    return { taken, more: taken.length < due.length + fresh.length || due.length === limit || fresh.length === limit };
  }

  /** Fresh mail behind the cursor. When there is none, the cursor goes past the other stream's mail, once and for all. */
  #fresh(stream: number, limit: number): Candidate[] {
    const fresh = this.#candidates(QUEUE_SQL.fresh, [this.#cursor[stream] ?? 0, stream, limit], false);
    // Groups commit in the order of their keys: what is not committed yet lies above all that is.
    if (fresh.length === 0) this.#cursor[stream] = Math.max(this.#cursor[stream] ?? 0, this.#lastCommittedK());
    return fresh;
  }

  #lastCommittedK(): number {
    return this.#sql.exec<{ k: number | null }>("SELECT MAX(k) AS k FROM delivery").one().k ?? 0;
  }

  #candidates(statement: string, args: number[], due: boolean): Candidate[] {
    return this.#sql
      .exec<Omit<Candidate, "due">>(statement, ...args)
      .toArray()
      .map((row) => ({ ...row, due }));
  }

  #writeLease(stream: number, { pool, relay }: Holder, taken: Candidate[], nowMs: number): number {
    const ks = taken.map(({ k }) => k);
    const due = taken.filter((candidate) => candidate.due).map(({ k }) => k);
    const cursor = this.#cursorAfter(taken, stream);
    const id = this.#context.storage.transactionSync(() => {
      if (due.length > 0) this.#sql.exec(QUEUE_SQL.takeDue, JSON.stringify(due));
      return this.#insertLease(stream, { pool, relay }, cursor, ks, nowMs);
    });
    if (due.length > 0) this.#nextDue[stream] = this.#readNextDue(stream);
    this.#cursor[stream] = cursor;
    this.#book.add({ id, pool, relay, stream, atMs: nowMs, deliveries: taken });
    this.#dropEmptyLeases();
    return id;
  }

  #insertLease(stream: number, { pool, relay }: Holder, cursor: number, ks: readonly number[], nowMs: number): number {
    const id = this.#context.takeK(1, nowMs);
    const values = [id, stream, pool, relay, nowMs, cursor, JSON.stringify(ks)];
    this.#sql.exec(
      "INSERT INTO lease (id, stream, pool, relay, at_ms, cursor, ks) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ...values,
    );
    this.#newest[stream] = id;
    this.#keptCursor[stream] = cursor;
    return id;
  }

  /** Rows of leases with nothing left go, but for each stream's newest: it keeps the cursor. */
  #dropEmptyLeases(): void {
    const empty = this.#book.takeEmpty((id) => !this.#newest.includes(id));
    if (empty.length > 0)
      this.#sql.exec("DELETE FROM lease WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(empty));
  }

  #buildBatch(lease: number, taken: Candidate[], keysVersion: number): string {
    const ks = JSON.stringify([...new Set(taken.map(({ email }) => email))]);
    const rows = this.#sql.exec<EmailRow>(QUEUE_SQL.emails, ks, INLINE_CONTENT_LIMIT).toArray();
    const shared = sharedParts(rows);
    // A batch is mostly of one domain: what is said of it is written once.
    const fields = new Map(
      [...new Set(rows.map(({ domain }) => domain))].map((name) => [name, this.#domainFields(name)]),
    );
    const emails = rows.map(({ k, part, chunks, meta, domain, body }) => {
      const named = body === null || shared.has(part);
      const content = named ? `"part":{"k":${part},"chunks":${chunks}}` : `"content":${body}`;
      return `{"k":${k},"id":"${this.#formatId(k)}","meta":${meta},${content}${fields.get(domain) ?? ""}}`;
    });
    const parts = [...shared].map(([k, body]) => `{"k":${k},"content":${body}}`);
    const deliveries = taken.map(
      ({ k, email, rcpt, attempt }) =>
        `{"k":${k},"email":${email},"rcpt":${JSON.stringify(rcpt)},"attempt":${attempt + 1}}`,
    );
    const { account, bounceDomain, publicUrl } = this.#context;
    const bases = JSON.stringify({ bounce_domain: bounceDomain, public_url: publicUrl }).slice(1, -1);
    return `{"account":"${account}","lease":${lease},"keys_version":${keysVersion},${bases},"emails":[${emails.join(",")}],"parts":[${parts.join(",")}],"deliveries":[${deliveries.join(",")}]}`;
  }

  /** What the domain of an email says of it, to go behind its other fields. */
  #domainFields(domain: string): string {
    const fields = JSON.stringify({ return_path: this.#context.returnPathOf(domain) });
    return fields === "{}" ? "" : `,${fields.slice(1, -1)}`;
  }

  #write(outcomes: ReadonlyMap<number, Outcome>, nowMs: number, random: () => number): void {
    const { schedule, suppressions, timeline } = this.#context;
    const changes: DeliveryChange[] = [];
    for (const row of timeline.read([...outcomes.keys()])) {
      const outcome = outcomes.get(row.k);
      if (outcome === undefined) continue;
      const before = { acceptedAtMs: row.scheduled ?? kToMs(row.email), attempt: row.attempt, doubt: row.doubt === 1 };
      const after = settle(before, outcome, schedule, nowMs, random());
      changes.push({ row, ...after, host: outcome.host });
      if (refusesAddress(row.rcpt, outcome))
        suppressions.learn({ address: row.rcpt, origin: "bounce", source: row.email }, nowMs);
    }
    timeline.write(changes, nowMs);
    // Memory follows only when every row is written: a statement that throws leaves both as they were.
    for (const { row, dueMs = Infinity } of changes) {
      this.#book.settle(row.k);
      this.#nextDue[row.stream] = Math.min(this.#nextDue[row.stream] ?? Infinity, dueMs);
    }
    this.#dropEmptyLeases();
  }

  /**
   * Those of a batch that may go. The others are told as suppressed here, at the last moment: whatever suppressed
   * them since they were accepted, no mail leaves to them any more.
   */
  #withoutSuppressed(taken: Candidate[], stream: number, nowMs: number): Candidate[] {
    const { suppressions, timeline, storage } = this.#context;
    const blocked = suppressions.blocked(
      taken.map(({ rcpt }) => rcpt),
      stream,
      nowMs,
    );
    if (blocked.size === 0) return taken;
    const changes: DeliveryChange[] = [];
    for (const row of timeline.read(taken.filter(({ rcpt }) => blocked.has(rcpt)).map(({ k }) => k))) {
      const suppressed = blocked.get(row.rcpt);
      if (!suppressed) continue;
      const events: NewEvent[] = [{ kind: "suppressed", atMs: nowMs, data: { suppressed } }];
      changes.push({ row, attempt: row.attempt, doubt: row.doubt === 1, dueMs: undefined, events });
    }
    storage.transactionSync(() => timeline.write(changes, nowMs));
    return taken.filter(({ rcpt }) => !blocked.has(rcpt));
  }

  #giveBack(ks: number[], nowMs: number): void {
    this.#context.storage.transactionSync(() => {
      this.#sql.exec(QUEUE_SQL.giveBack, JSON.stringify(ks), nowMs);
      for (const k of ks) this.#book.settle(k);
      this.#dropEmptyLeases();
    });
    for (const stream of STREAMS.keys()) this.#nextDue[stream] = this.#readNextDue(stream);
  }
}

/** Content that several emails of a batch share goes once: by part, those small enough to ride along. */
const sharedParts = (rows: readonly EmailRow[]): Map<number, string> => {
  const seen = new Set<number>();
  const shared = new Map<number, string>();
  for (const { part, body } of rows) {
    if (body !== null && seen.has(part)) shared.set(part, body);
    seen.add(part);
  }
  return shared;
};
