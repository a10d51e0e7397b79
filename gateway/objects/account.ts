/**
 * One tenant's truth: keys, domains, emails and their deliveries. A thin shell: what is decided is in
 * `core`, what is stored in the rooms beside this file; here is who may call, the clock and the alarm.
 *
 * Invariant: whenever a delivery is not settled, an alarm is armed, so nothing waits for a call that was lost.
 */
import { logEvent } from "./log.ts";
import { DurableObject } from "cloudflare:workers";
import type { CreateAccount } from "#contract/account.ts";
import type { BulkReply } from "#contract/bulk.ts";
import type { Rate } from "#contract/limits.ts";
import { isProblem, type Problem } from "#contract/problem.ts";
import { RELAY_DEAD_AFTER_MS, RELAY_GRACE_MS, type SigningKeys } from "#contract/relay-protocol.ts";
import { sealingKey, unseal } from "#contract/sealed.ts";
import { returnPathKey } from "../core/return-path-key.ts";
import type { ApiKeyClaims } from "../core/token.ts";
import { AccountAdmission, type AcceptCall, type Piece } from "./account-admission.ts";
import { BulkAdmission, type BulkOpened, type BulkOpening, type BulkTaken, type ChunkCall } from "./bulk-admission.ts";
import { DESK, type ArgsOf, type Question, type ReplyOf, type Rooms } from "./account-desk.ts";
import { STAGED_MS, type Accepted, type Idempotency, type Send } from "./account-intake.ts";
import { NO_LEASE, type LeaseReply, type SettleReply } from "./account-queue.ts";
import { openRooms } from "./account-rooms.ts";
import { STREAMS } from "./account-schema.ts";
import type { PublishedTemplate } from "./account-templates.ts";
import type { Visitor } from "./visitor.ts";

/** An answer, with the state of the account's requests a second: of `undefined` the visitor proved nothing. */
export type Told<T> = { rate: Rate | undefined; answer: T | Problem };

/** Questions after which there may be mail to go that was not there before. */
const STIRRING: ReadonlySet<Question> = new Set(["updateEmail", "updateAccount"]);
/** While mail is under way the alarm looks after it this often. */
const WATCH_MS = 10_000;
const SWEEP_MS = 3600 * 1000;

export class Account extends DurableObject<Env> {
  readonly #id: string;
  readonly #rooms: Rooms;
  readonly #admission: AccountAdmission;
  readonly #bulk: BulkAdmission;
  /** Streams whose pool knows that mail is ready and has not yet said that it found none. */
  readonly #announced = new Set<number>();
  /** The newest lease of each relay, by the ticket it was asked with. */
  readonly #tickets = new Map<string, { ticket: string; lease: number }>();
  #alarmAtMs = Infinity;
  #sweptAtMs = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const opened = openRooms(ctx, env, Date.now(), (streams, sends) => this.#onCommit(streams, sends));
    this.#id = opened.id;
    this.#rooms = opened.rooms;
    this.#admission = new AccountAdmission(opened.rooms);
    this.#bulk = new BulkAdmission(opened.rooms, this.#admission);
    // After a crash announcements are lost and the alarm may be late: whoever woke us, look at once.
    if (this.#isUnderWay(Date.now())) this.#arm(Date.now());
    else this.#watch();
  }

  // ---- set-up, by the admin API

  async open(request: CreateAccount, firstKey: ApiKeyClaims): Promise<void> {
    const { settings, keys, intake, audit } = this.#rooms;
    const nowMs = Date.now();
    settings.open(this.#id, request, intake.takeK(1, nowMs));
    audit.write({ visitor: { kind: "operator", ip: undefined }, nowMs }, "account.opened", null, request);
    keys.add(firstKey, { name: "first key", permission: "full_access" }, nowMs);
  }

  /** Erases all there is. Relays that hold mail of it find nobody to settle with. */
  async close(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.ctx.abort("the account was closed");
  }

  // ---- what visitors ask

  /** Answers a question of the desk's table. */
  async ask<Q extends Question>(visitor: Visitor, question: Q, args: ArgsOf<Q>): Promise<Told<ReplyOf<Q>>> {
    const nowMs = Date.now();
    // One row of a table of functions, each with its own arguments: the index ties them, TypeScript cannot see it.
    const row = DESK[question] as {
      needs: (typeof DESK)[Q]["needs"];
      answer: (rooms: Rooms, args: ArgsOf<Q>, visit: { visitor: Visitor; nowMs: number }) => ReplyOf<Q> | Problem;
    };
    const told = this.#enter(visitor, row.needs, nowMs, () => row.answer(this.#rooms, args, { visitor, nowMs }));
    if (STIRRING.has(question)) this.#stir(nowMs);
    return told;
  }

  async accept(calls: AcceptCall[]): Promise<Told<Accepted>[]> {
    return Promise.all(calls.map((call) => this.#acceptOne(call)));
  }

  /** Before the Worker does something costly for a send: may it be at all? Counts as a request. */
  async mayProceed(visitor: Visitor, of: Piece["of"] | undefined): Promise<Told<{ kind: "go" } | { kind: "replay" }>> {
    const nowMs = Date.now();
    return this.#enter(visitor, "send", nowMs, () => {
      if (of?.idempotency && this.#rooms.intake.replay(of.idempotency, nowMs)) return { kind: "replay" };
      return (of && this.#admission.refusal(visitor, of, nowMs)) ?? { kind: "go" };
    });
  }

  /** What this key has answered: for a request that could not be accepted again, now that time has passed. */
  async replay(visitor: Visitor, idempotency: Idempotency): Promise<Told<Accepted> | undefined> {
    const nowMs = Date.now();
    const refused = this.#rooms.keys.check(visitor, "send", nowMs);
    const replayed = refused ? undefined : this.#rooms.intake.replay(idempotency, nowMs);
    if (!replayed) return undefined;
    return { rate: this.#rooms.limits.rate(this.#rooms.settings.limits, nowMs), answer: await replayed };
  }

  /** Content that was kept for a send that was refused after all. */
  async unstage(visitor: Visitor, parts: number[]): Promise<void> {
    const { keys, intake } = this.#rooms;
    if (!keys.check(visitor, "send", Date.now())) for (const part of parts) intake.unstage(part);
  }

  /** Keeps large content, piece by piece, before the send that names it. `replay`: the send was accepted before. */
  async stage(
    visitor: Visitor,
    piece: Piece,
  ): Promise<Problem | { kind: "staged"; part: number } | { kind: "replay" }> {
    const { keys, intake } = this.#rooms;
    const nowMs = Date.now();
    const refused = keys.check(visitor, "send", nowMs);
    if (refused) return refused;
    const { part, total, offset, chunks, of } = piece;
    if (part === undefined) {
      if (of.idempotency && intake.replay(of.idempotency, nowMs)) return { kind: "replay" };
      const refusal = this.#admission.refusal(visitor, of, nowMs);
      if (refusal) return refusal;
      this.#arm(nowMs + STAGED_MS + SWEEP_MS);
    }
    const k = part ?? intake.stage(total, nowMs);
    intake.fill(k, offset, chunks);
    return { kind: "staged", part: k };
  }

  /** What is published of a template, for a send that adds to it. */
  async template(visitor: Visitor, id: string): Promise<PublishedTemplate | Problem> {
    const { keys, templates } = this.#rooms;
    return keys.check(visitor, "send", Date.now()) ?? templates.forSend(id);
  }

  /** The first line of a bulk. Its request was counted when it asked whether it may proceed. */
  async openBulk(visitor: Visitor, opening: BulkOpening): Promise<BulkOpened | Problem> {
    const nowMs = Date.now();
    return this.#rooms.keys.check(visitor, "send", nowMs) ?? this.#bulk.open(visitor, opening, nowMs);
  }

  async addToBulk(visitor: Visitor, chunk: ChunkCall): Promise<BulkTaken | Problem> {
    const taken = this.#bulk.add(visitor, chunk, Date.now());
    if (!isProblem(taken)) this.#onCommit(new Set([STREAMS.indexOf(chunk.stream)]), []);
    return taken;
  }

  async bulkReply(visitor: Visitor, k: number): Promise<BulkReply | Problem> {
    return this.#bulk.replyOf(visitor, k, Date.now());
  }

  // ---- the pool and its relays

  /** `ticket` names the lease to be should its reply get lost. */
  async lease(pool: string, relay: string, limit: number, ticket = ""): Promise<LeaseReply> {
    const setting = this.#rooms.settings.current;
    const streams = this.#streamsOf(pool);
    // Known before anything is written: a lease that throws has nothing to give back.
    this.#tickets.set(relay, { ticket, lease: 0 });
    if (!setting || setting.status === "suspended") return NO_LEASE;
    const reply = this.#rooms.queue.lease({ pool, relay, streams, limit }, setting.keys_version, Date.now());
    this.#tickets.set(relay, { ticket, lease: reply.lease });
    if (!reply.more) for (const stream of streams) this.#announced.delete(stream);
    this.#watch();
    return reply;
  }

  /** `text`: a JSON array of outcomes, from a relay. */
  async settle(relay: string, text: string): Promise<SettleReply> {
    const reply = this.#rooms.queue.settle(relay, text, Date.now(), Math.random);
    const { late, malformed } = reply;
    if (late + malformed > 0) logEvent("warn", "outcomes.not-applied", { account: this.#id, relay, late, malformed });
    this.#announceDue();
    this.#watch();
    return reply;
  }

  /** A relay joined again holding these deliveries: what else it was given goes back to the queue. */
  async reconcile(pool: string, relay: string, holding: number[]): Promise<{ returned: number }> {
    const returned = this.#rooms.queue.reconcile(relay, pool, holding, Date.now());
    if (returned > 0) logEvent("info", "lease.returned", { account: this.#id, relay, returned });
    this.#announceDue();
    return { returned };
  }

  /** The reply of a lease did not arrive: its deliveries go back. `false`: nothing is known of it here. */
  async unleaseTicket(ticket: string): Promise<boolean> {
    const known = [...this.#tickets.values()].find((lease) => lease.ticket === ticket);
    if (!known) return false;
    await this.unlease(known.lease);
    return true;
  }

  /** The relay was gone before its batch could be sent. */
  async unlease(lease: number): Promise<void> {
    this.#rooms.queue.unlease(lease, Date.now());
    this.#announceDue();
  }

  async signingKeys(domain: string): Promise<SigningKeys> {
    const key = await sealingKey(this.env.HIKYAKU_MASTER_KEY, "dkim-at-rest");
    const keys_version = this.#rooms.settings.current?.keys_version ?? 0;
    const signers: SigningKeys["signers"] = [];
    for (const { selector, algorithm, sealed } of this.#rooms.domains.signers(domain)) {
      const plain = await unseal(key, sealed);
      // Unsigned mail must never leave in silence: the relay keeps it until the operator mends the master key.
      if (plain.kind === "unreadable")
        throw new Error(`the DKIM key ${selector}._domainkey.${domain} does not open with this master key`);
      signers.push({ selector, algorithm, private_key: plain.text });
    }
    return { keys_version, return_path_key: await returnPathKey(this.env.HIKYAKU_MASTER_KEY, this.#id), signers };
  }

  /** A run of chunks of stored content. */
  async part(k: number, chunks: number): Promise<string | undefined> {
    return this.#rooms.reader.part(k, chunks);
  }

  async keepSandbox(text: string): Promise<void> {
    this.#rooms.sandbox.keep(text);
  }

  /** Who may come in: the key counts, and the account's requests a second are not used up. */
  #enter<T extends object>(
    visitor: Visitor,
    needs: "send" | "full" | "admin" | "open",
    nowMs: number,
    answer: () => T | Problem,
  ): Told<T> {
    const { keys, limits, settings } = this.#rooms;
    const refused = keys.check(visitor, needs, nowMs);
    if (refused) return { rate: undefined, answer: refused };
    if (visitor.kind === "operator") return { rate: undefined, answer: answer() };
    const tooMany = limits.request(settings.limits, nowMs);
    return { rate: limits.rate(settings.limits, nowMs), answer: tooMany ?? answer() };
  }

  async #acceptOne(call: AcceptCall): Promise<Told<Accepted>> {
    const nowMs = Date.now();
    const { intake } = this.#rooms;
    const { idempotency } = call;
    // All in one turn, up to the promise that comes out: what a window or a key has answered still holds.
    const entered = this.#enter(call.visitor, "send", nowMs, () => {
      const replayed = idempotency && intake.replay(idempotency, nowMs);
      if (replayed) return isProblem(replayed) ? replayed : { durable: replayed };
      const admitted = this.#admission.admit(call, nowMs);
      if (isProblem(admitted)) return admitted;
      const replyOf =
        call.batch &&
        ((ids: string[]) => batchReply(ids, call.batch?.permissive === true ? admitted.errors : undefined));
      return { durable: intake.accept({ sends: admitted.sends, idempotency }, nowMs, replyOf) };
    });
    const { rate, answer } = entered;
    return { rate, answer: isProblem(answer) ? answer : await answer.durable };
  }

  // ---- the watch

  override async alarm(): Promise<void> {
    this.#alarmAtMs = Infinity;
    try {
      await this.#lookAfter(Date.now());
    } catch (error) {
      // An alarm that throws is dropped after six tries: record it and look again later instead.
      logEvent("error", "account.alarm-failed", { account: this.#id, error: String(error) });
      this.#arm(Date.now() + WATCH_MS);
    }
    this.#watch();
  }

  async #lookAfter(nowMs: number): Promise<void> {
    if (nowMs - this.#sweptAtMs > SWEEP_MS) {
      const { intake, bulk, queue, limits, metrics, audit } = this.#rooms;
      intake.sweep(nowMs);
      bulk.sweep(nowMs);
      limits.sweep(nowMs);
      metrics.sweep(nowMs);
      audit.sweep();
      queue.keepCursors(nowMs);
      this.#sweptAtMs = nowMs;
    }
    await this.#returnFromTheDead(nowMs);
    this.#stir(nowMs);
  }

  /** Whatever was announced may have been lost with its pool, or was refused while suspended: say it again. */
  #stir(nowMs: number): void {
    for (const stream of STREAMS.keys()) {
      this.#announced.delete(stream);
      if (this.#rooms.queue.hasReady(stream, nowMs)) this.#announce(stream);
    }
    this.#watch();
  }

  /** Leases of relays that gave no sign of life for too long go back to the queue. */
  async #returnFromTheDead(nowMs: number): Promise<void> {
    const goneMs = RELAY_DEAD_AFTER_MS + RELAY_GRACE_MS;
    const old = [...this.#rooms.queue.relays()].filter(([, leasedAtMs]) => nowMs - leasedAtMs > goneMs);
    if (old.length === 0) return;
    // Where they got it, which need not be where mail leaves from now.
    const present = [...STREAMS.keys()].map((stream) => this.#poolOf(stream));
    const pools = new Set([...present, ...this.#rooms.queue.pools()].filter((pool) => pool !== ""));
    const signs = await Promise.all([...pools].map((pool) => this.env.POOL.getByName(pool).signsOfLife()));
    for (const [relay] of old) {
      const lastMs = Math.max(0, ...signs.map((sign) => sign[relay] ?? 0));
      if (nowMs - lastMs > goneMs) for (const pool of pools) await this.reconcile(pool, relay, []);
    }
  }

  #onCommit(streams: ReadonlySet<number>, sends: readonly Send[]): void {
    for (const { scheduledMs, stream } of sends)
      if (scheduledMs !== undefined) this.#rooms.queue.scheduled(STREAMS.indexOf(stream), scheduledMs);
    this.#arm(Date.now() + WATCH_MS);
    for (const stream of streams) this.#announce(stream);
  }

  #announceDue(): void {
    for (const stream of STREAMS.keys()) if (this.#rooms.queue.nextDueMs(stream) <= Date.now()) this.#announce(stream);
  }

  /** Tells the pool, once until it has found the queue empty. A failure is mended by the watch. */
  #announce(stream: number): void {
    if (this.#announced.has(stream)) return;
    this.#announced.add(stream);
    this.ctx.waitUntil(
      this.env.POOL.getByName(this.#poolOf(stream))
        .ready(this.#id)
        .catch((error: unknown) => {
          this.#announced.delete(stream);
          logEvent("error", "account.announce-failed", { account: this.#id, error: String(error) });
        }),
    );
  }

  #poolOf(stream: number): string {
    return this.#rooms.settings.current?.stream_pools[STREAMS[stream] ?? "transactional"] ?? "default";
  }

  #streamsOf(pool: string): number[] {
    return [...STREAMS.keys()].filter((stream) => this.#poolOf(stream) === pool);
  }

  /** Arms the alarm for what comes first: a delivery that falls due, or the next look at what is under way. */
  #watch(): void {
    const nowMs = Date.now();
    const lookMs = nowMs + WATCH_MS;
    const dueMs = Math.min(...STREAMS.map((_, stream) => this.#rooms.queue.nextDueMs(stream)));
    // What is due already was announced: the alarm only repeats it.
    const wantedMs = dueMs <= nowMs ? lookMs : Math.min(dueMs, lookMs);
    if (this.#alarmAtMs <= wantedMs) return;
    if (dueMs < lookMs || this.#isUnderWay(nowMs)) this.#arm(wantedMs);
    else if (dueMs < Infinity) this.#arm(dueMs);
  }

  #isUnderWay(nowMs: number): boolean {
    return (
      this.#rooms.queue.relays().size > 0 ||
      [...STREAMS.keys()].some((stream) => this.#rooms.queue.hasReady(stream, nowMs))
    );
  }

  /** Only ever earlier: an alarm that comes too soon looks, finds nothing and arms the next. */
  #arm(atMs: number): void {
    if (atMs >= this.#alarmAtMs) return;
    this.#alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }
}

/** What `POST /v1/emails/batch` answers: kept with its key, so that it is given again to the letter. */
const batchReply = (ids: readonly string[], errors: { index: number; message: string }[] | undefined): string =>
  JSON.stringify({ data: ids.map((id) => ({ id })), ...(errors && { errors }) });
