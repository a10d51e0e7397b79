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
import type { MailedReportVerdict, PostedReport } from "#contract/dmarc-report.ts";
import type { ReportVerdict } from "#contract/inbound.ts";
import { isProblem, type Problem } from "#contract/problem.ts";
import { RELAY_DEAD_AFTER_MS, RELAY_GRACE_MS, type SigningKeys } from "#contract/relay-protocol.ts";
import { returnPathKey } from "../core/return-path-key.ts";
import type { ApiKeyClaims } from "../core/token.ts";
import { AccountAnnouncer } from "./account-announcer.ts";
import { AccountDoor, type Told } from "./account-door.ts";
import type { LiveAsk, LiveReply } from "./account-live.ts";
import { AccountAdmission, type AcceptCall, type Piece } from "./account-admission.ts";
import { BulkAdmission, type BulkOpened, type BulkOpening, type BulkTaken, type ChunkCall } from "./bulk-admission.ts";
import { CONFIGURING, RECALLING, STIRRING, TELLING } from "./desk-consequences.ts";
import { DESK, type ArgsOf, type Question, type ReplyOf, type Rooms, type Row } from "./account-desk.ts";
import { STAGED_MS, type Accepted, type Idempotency, type Send } from "./account-intake.ts";
import type { ReaderDeed, Subscription } from "./account-links.ts";
import { NO_LEASE, type LeaseReply, type SettleReply } from "./account-queue.ts";
import type { ProvedReport } from "./account-reports.ts";
import type { PieceTaken, ReceivedEmail, ReceivedPiece } from "./account-received.ts";
import { forgetful, openRooms } from "./account-rooms.ts";
import { openSigners } from "./open-signers.ts";
import { DomainWatch } from "./domain-watch.ts";
import type { Errand } from "./errand.ts";
import { STREAMS } from "./account-schema.ts";
import type { PublishedTemplate } from "./account-templates.ts";
import type { Visitor } from "./visitor.ts";

/** While mail is under way the alarm looks after it this often. */
const WATCH_MS = 10_000;
const SWEEP_MS = 3600 * 1000;

export class Account extends DurableObject<Env> {
  readonly #id: string;
  readonly #rooms: Rooms;
  readonly #admission: AccountAdmission;
  readonly #door: AccountDoor;
  readonly #bulk: BulkAdmission;
  readonly #announcer: AccountAnnouncer;
  readonly #errands: readonly Errand[];
  /** The newest lease of each relay, by the ticket it was asked with. */
  readonly #tickets = new Map<string, { ticket: string; lease: number }>();
  #alarmAtMs = Infinity;
  #sweptAtMs = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const opened = openRooms(ctx, env, Date.now(), (streams, sends) => this.#onCommit(streams, sends));
    this.#id = opened.id;
    this.#rooms = opened.rooms;
    this.#admission = new AccountAdmission(opened.rooms, opened.publicUrl);
    this.#door = new AccountDoor(opened.rooms, this.#admission);
    this.#bulk = new BulkAdmission(opened.rooms, this.#admission);
    const { settings, queue, domains, policies, receiving, operatorList, dispatch } = opened.rooms;
    this.#announcer = new AccountAnnouncer({
      account: this.#id,
      settings,
      queue,
      tell: (pool) => env.POOL.getByName(pool).ready(this.#id),
      waitUntil: (promise) => ctx.waitUntil(promise),
    });
    const watch = new DomainWatch({ account: this.#id, domains, settings, dohUrls: env.HIKYAKU_DOH_URL });
    this.#errands = [policies, receiving, operatorList, watch, dispatch];
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
    await this.#rooms.dispatch.close();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.ctx.abort("the account was closed");
  }

  // ---- what visitors ask

  /** Answers a question of the desk's table. */
  async ask<Q extends Question>(visitor: Visitor, question: Q, args: ArgsOf<Q>): Promise<Told<ReplyOf<Q>>> {
    const nowMs = Date.now();
    // One row of a table of functions, each with its own arguments: the index ties them, TypeScript cannot see it.
    const row = DESK[question] as Row<ArgsOf<Q>, ReplyOf<Q>>;
    const answer = () => row.answer(this.#rooms, args, { visitor, nowMs });
    const told = this.#door.enter(visitor, row.needs, nowMs, answer, row.isPiece);
    if (STIRRING.has(question)) this.#stir(nowMs);
    const { policies, receiving } = this.#rooms;
    if (TELLING.has(question)) await Promise.all([policies.run(nowMs), receiving.settle(nowMs)]);
    if (CONFIGURING.has(question)) await this.#rooms.dispatch.tell();
    this.#watch();
    if (RECALLING.has(question)) await this.#rooms.recall.done;
    return told;
  }

  async accept(calls: AcceptCall[]): Promise<Told<Accepted>[]> {
    return Promise.all(calls.map((call) => this.#door.accept(call, Date.now())));
  }

  /** Before the Worker does something costly for a send: may it be at all? Counts as a request. */
  async mayProceed(visitor: Visitor, of: Piece["of"] | undefined): Promise<Told<{ kind: "go" } | { kind: "replay" }>> {
    return this.#door.mayProceed(visitor, of, Date.now());
  }

  /** What this key has answered: for a request that could not be accepted again, now that time has passed. */
  async replay(visitor: Visitor, idempotency: Idempotency): Promise<Told<Accepted> | undefined> {
    return this.#door.replay(visitor, idempotency, Date.now());
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

  /** What a live stream of events asks; it may take a while. Only a stream's first counts as a request. */
  async liveEvents(visitor: Visitor, ask: LiveAsk): Promise<Told<LiveReply>> {
    const nowMs = Date.now();
    const entered = this.#door.enter(visitor, "full", nowMs, () => ({ may: true }), ask.wait);
    if (isProblem(entered.answer)) return { rate: entered.rate, answer: entered.answer };
    return { rate: entered.rate, answer: await this.#rooms.live.ask(ask, nowMs) };
  }

  /** From the object of an endpoint: it has given up on what the account said in that version. */
  async webhookDisabled(webhook: number, version: number, reason: string): Promise<void> {
    this.ctx.storage.transactionSync(() => {
      const disabled = this.#rooms.webhooks.disable(webhook, version, reason);
      if (disabled) this.#rooms.notices.write({ type: "webhook.disabled", data: disabled }, Date.now());
    });
    this.#watch();
  }

  // ---- the pool and its relays

  /** `ticket` names the lease to be should its reply get lost. */
  async lease(pool: string, relay: string, limit: number, ticket = ""): Promise<LeaseReply> {
    const setting = this.#rooms.settings.current;
    const streams = this.#announcer.streamsOf(pool);
    // Known before anything is written: a lease that throws has nothing to give back.
    this.#tickets.set(relay, { ticket, lease: 0 });
    if (!setting || setting.status === "suspended") return NO_LEASE;
    const reply = this.#rooms.queue.lease({ pool, relay, streams, limit }, setting.keys_version, Date.now());
    this.#tickets.set(relay, { ticket, lease: reply.lease });
    if (!reply.more) this.#announcer.foundEmpty(streams);
    this.#watch();
    return reply;
  }

  /** `text`: a JSON array of outcomes, from a relay. */
  async settle(relay: string, text: string): Promise<SettleReply> {
    const reply = this.#rooms.queue.settle(relay, text, Date.now(), Math.random);
    const { late, malformed } = reply;
    if (late + malformed > 0) logEvent("warn", "outcomes.not-applied", { account: this.#id, relay, late, malformed });
    this.#announcer.announceDue(Date.now());
    this.#watch();
    return reply;
  }

  /**
   * A relay joined again holding these deliveries: what else it was given goes back to the queue. `unwanted`: what it has
   * to let go of.
   */
  async reconcile(pool: string, relay: string, holding: number[]): Promise<{ returned: number; unwanted: number[] }> {
    const returned = this.#rooms.queue.reconcile(relay, pool, holding, Date.now());
    if (returned > 0) logEvent("info", "lease.returned", { account: this.#id, relay, returned });
    this.#announcer.announceDue(Date.now());
    return { returned, unwanted: this.#rooms.recall.unwantedOf(relay, holding, Date.now()) };
  }

  /** The batch of a lease was not sent: its deliveries go back. `false`: nothing is known of it here. */
  async unleaseTicket(ticket: string): Promise<boolean> {
    const known = [...this.#tickets.values()].find((lease) => lease.ticket === ticket);
    if (!known) return false;
    this.#rooms.queue.unlease(known.lease, Date.now());
    this.#announcer.announceDue(Date.now());
    return true;
  }

  async signingKeys(domain: string): Promise<SigningKeys> {
    const masterKey = this.env.HIKYAKU_MASTER_KEY;
    const keys_version = this.#rooms.settings.current?.keys_version ?? 0;
    const signers = await openSigners(masterKey, domain, this.#rooms.domains.signers(domain));
    return { keys_version, return_path_key: await returnPathKey(masterKey, this.#id), signers };
  }

  /** Bounces and complaints by mail, each proved to be about this account's; in one commit. */
  async takeReports(reports: ProvedReport[]): Promise<ReportVerdict[]> {
    const nowMs = Date.now();
    const verdicts = reports.map((report) => this.#rooms.reports.take(report, nowMs));
    this.#watch();
    await this.#rooms.recall.done;
    return verdicts;
  }

  /** A DMARC report that came to the address of this domain. */
  async takeDmarcReport(domain: number, mailed: Omit<PostedReport, "recipient">): Promise<MailedReportVerdict> {
    return this.#rooms.dmarc.take(domain, mailed, Date.now());
  }

  /** What the reader of a delivery does by its links, which they have proved to be theirs; `undefined`: it is not known. */
  async readerDoes(k: number, deed: ReaderDeed): Promise<Subscription | undefined> {
    const subscription = this.#rooms.links.take(k, deed, Date.now());
    this.#watch();
    if (deed.kind === "unsubscribed") await this.#rooms.recall.done;
    return subscription;
  }

  /** Another account wants to receive for these domains. */
  async lookAgain(domains: readonly string[]): Promise<void> {
    this.#rooms.domains.lookSoon(domains, Date.now());
    this.#watch();
  }

  /** A piece of mail that came in. */
  async receive(piece: ReceivedPiece): Promise<PieceTaken> {
    const nowMs = Date.now();
    const taken = this.#rooms.received.take(piece, nowMs);
    this.#arm(nowMs + STAGED_MS + SWEEP_MS);
    return taken;
  }

  /** For whoever has a link. */
  async receivedEmail(id: string): Promise<ReceivedEmail | Problem> {
    return this.#rooms.received.get(id);
  }

  /** Octets of mail that came in; `undefined`: it is gone. */
  async receivedBytes(k: number, start: number, end: number): Promise<Uint8Array | undefined> {
    return this.#rooms.received.bytes(k, start, end);
  }

  /** A run of chunks of stored content. */
  async part(k: number, chunks: number): Promise<string | undefined> {
    return this.#rooms.reader.part(k, chunks);
  }

  async keepSandbox(text: string): Promise<void> {
    this.#rooms.sandbox.keep(text);
  }

  // ---- the watch

  override async alarm(): Promise<void> {
    this.#alarmAtMs = Infinity;
    const nowMs = Date.now();
    // They take as long as they take: mail does not wait for them.
    for (const errand of this.#errands) this.ctx.waitUntil(errand.run(nowMs).then(() => this.#watch()));
    try {
      await this.#lookAfter(nowMs);
    } catch (error) {
      // An alarm that throws is dropped after six tries: record it and look again later instead.
      logEvent("error", "account.alarm-failed", { account: this.#id, error: String(error) });
      this.#arm(Date.now() + WATCH_MS);
    }
    this.#watch();
  }

  async #lookAfter(nowMs: number): Promise<void> {
    if (nowMs - this.#sweptAtMs > SWEEP_MS) {
      for (const room of forgetful(this.#rooms)) room.sweep(nowMs);
      this.#rooms.queue.keepCursors(nowMs);
      this.#sweptAtMs = nowMs;
    }
    await this.#returnFromTheDead(nowMs);
    this.#stir(nowMs);
  }

  #stir(nowMs: number): void {
    this.#announcer.repeat(nowMs);
    this.#watch();
  }

  /** Leases of relays that gave no sign of life for too long go back to the queue. */
  async #returnFromTheDead(nowMs: number): Promise<void> {
    const goneMs = RELAY_DEAD_AFTER_MS + RELAY_GRACE_MS;
    const old = [...this.#rooms.queue.relays()].filter(([, leasedAtMs]) => nowMs - leasedAtMs > goneMs);
    if (old.length === 0) return;
    const pools = this.#rooms.queue.pools();
    const signs = await Promise.all([...pools].map((pool) => this.env.POOL.getByName(pool).signsOfLife()));
    for (const [relay] of old) {
      const lastMs = Math.max(0, ...signs.map((sign) => sign[relay] ?? 0));
      if (nowMs - lastMs > goneMs) for (const pool of pools) await this.reconcile(pool, relay, []);
    }
  }

  #onCommit(streams: ReadonlySet<number>, sends: readonly Send[]): void {
    for (const { scheduledMs, stream } of sends)
      if (scheduledMs !== undefined) this.#rooms.queue.scheduled(STREAMS.indexOf(stream), scheduledMs);
    if (sends.some(({ scheduledMs }) => scheduledMs !== undefined)) this.#rooms.dispatch.wake();
    this.#arm(Date.now() + WATCH_MS);
    for (const stream of streams) this.#announcer.announce(stream);
  }

  /** Arms the alarm for what comes first: a delivery that falls due, the next look at what is under way, an errand. */
  #watch(): void {
    const nowMs = Date.now();
    const errandMs = Math.min(...this.#errands.map((errand) => errand.nextMs(nowMs)));
    if (errandMs < Infinity) this.#arm(Math.max(errandMs, nowMs));
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
