/**
 * One tenant's truth: keys, domains, emails and their deliveries. A thin shell: what is decided is in
 * `core`, what is stored in the rooms beside this file; here is who may call, the clock and the alarm.
 *
 * Invariant: whenever a delivery is not settled, an alarm is armed, so nothing waits for a call that was lost.
 */
import { logEvent } from "./log.ts";
import { DurableObject } from "cloudflare:workers";
import type { CreateAccount, CreateApiKey } from "#contract/account.ts";
import type { EmailDetail, EmailSummary, Page, PageQuery } from "#contract/email.ts";
import type { EmailEvent } from "#contract/event.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { RELAY_DEAD_AFTER_MS, RELAY_GRACE_MS, type SigningKeys } from "#contract/relay-protocol.ts";
import { sealingKey, unseal } from "#contract/sealed.ts";
import { returnPathKey } from "../core/return-path-key.ts";
import { mintApiKey, tagKey, type ApiKeyClaims } from "../core/token.ts";
import { AccountIntake, type Accepted, type Send } from "./account-intake.ts";
import { AccountKeys, type ApiKeyRow, type SealedSigner } from "./account-keys.ts";
import { AccountQueue, NO_LEASE, type LeaseReply, type SettleReply } from "./account-queue.ts";
import { AccountReader } from "./account-reader.ts";
import { AccountSandbox, type SandboxMessage } from "./account-sandbox.ts";
import { openAccountTables, STREAMS } from "./account-schema.ts";
import { scheduleOf } from "./settings.ts";

/** A send as the Worker hands it over: who asks, from whom, and what. */
export type SendCall = Send & { caller: ApiKeyClaims; from: { address: string; domain: string } };

/** While mail is under way the alarm looks after it this often. */
const WATCH_MS = 10_000;
const SWEEP_MS = 3600 * 1000;

export class Account extends DurableObject<Env> {
  readonly #id: string;
  readonly #keys: AccountKeys;
  readonly #intake: AccountIntake;
  readonly #queue: AccountQueue;
  readonly #reader: AccountReader;
  readonly #sandbox: AccountSandbox;
  /** Streams whose pool knows that mail is ready and has not yet said that it found none. */
  readonly #announced = new Set<number>();
  #alarmAtMs = Infinity;
  #sweptAtMs = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    openAccountTables(ctx.storage);
    this.#keys = new AccountKeys(ctx.storage.sql);
    this.#id = this.#keys.setting?.id ?? ctx.id.name ?? "";
    this.#intake = new AccountIntake(ctx.storage, this.#id, (streams) => this.#onCommit(streams));
    this.#queue = new AccountQueue({
      account: this.#id,
      storage: ctx.storage,
      takeK: (count, nowMs) => this.#intake.takeK(count, nowMs),
      schedule: scheduleOf(env),
      bounceDomain: env.HIKYAKU_BOUNCE_DOMAIN,
    });
    this.#reader = new AccountReader(ctx.storage.sql, this.#id);
    this.#sandbox = new AccountSandbox(ctx.storage.sql, this.#id);
    // After a crash announcements are lost and the alarm may be late: whoever woke us, look at once.
    if (this.#isUnderWay(Date.now())) this.#arm(Date.now());
    else this.#watch();
  }

  // ---- set-up, by the admin API

  async open(request: CreateAccount): Promise<{ id: string; token: string }> {
    this.#keys.open(this.#id, request);
    return this.#mintKey({ name: "first key", permission: "full_access" });
  }

  /** `signers` come sealed for `dkim-at-rest`. */
  async setDomain(name: string, signers: SealedSigner[]): Promise<void> {
    this.#keys.setDomain(name, signers, Date.now());
  }

  // ---- the customer's API

  async accept(calls: SendCall[]): Promise<(Accepted | Problem)[]> {
    return Promise.all(calls.map((call) => this.#acceptOne(call)));
  }

  /** Keeps large content before the send that names it. */
  async stage(caller: ApiKeyClaims, chunks: string[]): Promise<Problem | { kind: "staged"; part: number }> {
    return this.#keys.check(caller, "send") ?? { kind: "staged", part: this.#intake.stage(chunks, Date.now()) };
  }

  async listEmails(caller: ApiKeyClaims, query: PageQuery): Promise<Page<EmailSummary> | Problem> {
    return this.#keys.check(caller, "full") ?? this.#reader.list(query);
  }

  async getEmail(caller: ApiKeyClaims, id: string): Promise<EmailDetail | Problem> {
    return this.#keys.check(caller, "full") ?? this.#reader.get(id);
  }

  async listEvents(caller: ApiKeyClaims, id: string): Promise<Page<EmailEvent> | Problem> {
    return this.#keys.check(caller, "full") ?? this.#reader.events(id);
  }

  async listSandbox(caller: ApiKeyClaims): Promise<Page<SandboxMessage> | Problem> {
    return this.#keys.check(caller, "full") ?? this.#sandbox.list();
  }

  async createApiKey(caller: ApiKeyClaims, request: CreateApiKey): Promise<{ id: string; token: string } | Problem> {
    return this.#keys.check(caller, "full") ?? this.#mintKey(request);
  }

  async listApiKeys(caller: ApiKeyClaims): Promise<Page<ApiKeyRow> | Problem> {
    return this.#keys.check(caller, "full") ?? { object: "list", has_more: false, data: this.#keys.listKeys() };
  }

  async revokeApiKey(
    caller: ApiKeyClaims,
    id: string,
  ): Promise<{ object: "api_key"; id: string; deleted: true } | Problem> {
    const refusal = this.#keys.check(caller, "full");
    if (refusal) return refusal;
    if (!this.#keys.removeKey(id)) return problem("not_found", "There is no API key with this id.");
    return { object: "api_key", id, deleted: true };
  }

  // ---- the pool and its relays

  async lease(pool: string, relay: string, limit: number): Promise<LeaseReply> {
    const setting = this.#keys.setting;
    const streams = this.#streamsOf(pool);
    if (!setting || setting.status === "suspended") return NO_LEASE;
    const reply = this.#queue.lease({ relay, streams, limit }, setting.keys_version, Date.now());
    if (!reply.more) for (const stream of streams) this.#announced.delete(stream);
    this.#watch();
    return reply;
  }

  /** `text`: a JSON array of outcomes, from a relay. */
  async settle(relay: string, text: string): Promise<SettleReply> {
    const reply = this.#queue.settle(relay, text, Date.now(), Math.random);
    const { late, malformed } = reply;
    if (late + malformed > 0) logEvent("warn", "outcomes.not-applied", { account: this.#id, relay, late, malformed });
    this.#announceDue();
    this.#watch();
    return reply;
  }

  /** A relay joined again holding these deliveries: what else it was given goes back to the queue. */
  async reconcile(pool: string, relay: string, holding: number[]): Promise<{ returned: number }> {
    const returned = this.#queue.reconcile(relay, this.#streamsOf(pool), holding, Date.now());
    if (returned > 0) logEvent("info", "lease.returned", { account: this.#id, relay, returned });
    this.#announceDue();
    return { returned };
  }

  /** The relay was gone before its batch could be sent. */
  async unlease(lease: number): Promise<void> {
    this.#queue.unlease(lease, Date.now());
    this.#announceDue();
  }

  async signingKeys(domain: string): Promise<SigningKeys> {
    const key = await sealingKey(this.env.HIKYAKU_MASTER_KEY, "dkim-at-rest");
    const keys_version = this.#keys.setting?.keys_version ?? 0;
    const signers: SigningKeys["signers"] = [];
    for (const { selector, algorithm, sealed } of this.#keys.signers(domain)) {
      const plain = await unseal(key, sealed);
      // Unsigned mail must never leave in silence: the relay keeps it until the operator mends the master key.
      if (plain.kind === "unreadable")
        throw new Error(`the DKIM key ${selector}._domainkey.${domain} does not open with this master key`);
      signers.push({ selector, algorithm, private_key: plain.text });
    }
    return { keys_version, return_path_key: await returnPathKey(this.env.HIKYAKU_MASTER_KEY, this.#id), signers };
  }

  async part(k: number, chunks: number): Promise<string | undefined> {
    return this.#reader.part(k, chunks);
  }

  async keepSandbox(text: string): Promise<void> {
    this.#sandbox.keep(text);
  }

  async #acceptOne(call: SendCall): Promise<Accepted | Problem> {
    const refusal = this.#keys.check(call.caller, "send") ?? this.#keys.checkSender(call.from, call.recipients);
    return refusal ?? this.#intake.accept(call, Date.now());
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
      this.#intake.sweep(nowMs);
      this.#queue.keepCursors(nowMs);
      this.#sweptAtMs = nowMs;
    }
    await this.#returnFromTheDead(nowMs);
    for (const stream of STREAMS.keys()) {
      // Whatever was announced may have been lost with its pool: say it again.
      this.#announced.delete(stream);
      if (this.#queue.hasReady(stream, nowMs)) this.#announce(stream);
    }
  }

  /** Leases of relays that gave no sign of life for too long go back to the queue. */
  async #returnFromTheDead(nowMs: number): Promise<void> {
    const goneMs = RELAY_DEAD_AFTER_MS + RELAY_GRACE_MS;
    const old = [...this.#queue.relays()].filter(([, leasedAtMs]) => nowMs - leasedAtMs > goneMs);
    if (old.length === 0) return;
    const pools = new Set([...STREAMS.keys()].map((stream) => this.#poolOf(stream)));
    const signs = await Promise.all([...pools].map((pool) => this.env.POOL.getByName(pool).signsOfLife()));
    for (const [relay] of old) {
      const lastMs = Math.max(0, ...signs.map((sign) => sign[relay] ?? 0));
      if (nowMs - lastMs > goneMs) for (const pool of pools) await this.reconcile(pool, relay, []);
    }
  }

  #onCommit(streams: ReadonlySet<number>): void {
    this.#arm(Date.now() + WATCH_MS);
    for (const stream of streams) this.#announce(stream);
  }

  #announceDue(): void {
    for (const stream of STREAMS.keys()) if (this.#queue.nextDueMs(stream) <= Date.now()) this.#announce(stream);
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
    return this.#keys.setting?.stream_pools[STREAMS[stream] ?? "transactional"] ?? "default";
  }

  #streamsOf(pool: string): number[] {
    return [...STREAMS.keys()].filter((stream) => this.#poolOf(stream) === pool);
  }

  /** Arms the alarm for what comes first: a delivery that falls due, or the next look at what is under way. */
  #watch(): void {
    const nowMs = Date.now();
    const lookMs = nowMs + WATCH_MS;
    const dueMs = Math.min(...STREAMS.map((_, stream) => this.#queue.nextDueMs(stream)));
    // What is due already was announced: the alarm only repeats it.
    const wantedMs = dueMs <= nowMs ? lookMs : Math.min(dueMs, lookMs);
    if (this.#alarmAtMs <= wantedMs) return;
    if (dueMs < lookMs || this.#isUnderWay(nowMs)) this.#arm(wantedMs);
    else if (dueMs < Infinity) this.#arm(dueMs);
  }

  #isUnderWay(nowMs: number): boolean {
    return this.#queue.relays().size > 0 || [...STREAMS.keys()].some((stream) => this.#queue.hasReady(stream, nowMs));
  }

  /** Only ever earlier: an alarm that comes too soon looks, finds nothing and arms the next. */
  #arm(atMs: number): void {
    if (atMs >= this.#alarmAtMs) return;
    this.#alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }

  async #mintKey({ name, permission }: CreateApiKey): Promise<{ id: string; token: string }> {
    const key = await tagKey(this.env.HIKYAKU_MASTER_KEY);
    const { token, claims } = await mintApiKey(key, this.#id, crypto.getRandomValues(new Uint8Array(38)));
    this.#keys.addKey(claims, name, permission, Date.now());
    return { id: claims.key, token };
  }
}
