/**
 * One webhook URL's outbox. A thin shell: what is decided is in `core`, what is stored in `endpoint-outbox.ts`, what is
 * under way in `endpoint-courier.ts`; here are the calls of its account, the clock and the alarm.
 *
 * Invariants: what was taken is on disk before the answer, and an alarm is armed while anything waits, so nothing waits
 * for a call that was lost. An endpoint is slow or dead alone: it shares no object with another.
 */
import { DurableObject } from "cloudflare:workers";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import type {
  EndpointConfig,
  Handed,
  Taken,
  WebhookAttempt,
  WebhookEventDetail,
  WebhookEventSummary,
} from "#contract/webhook.ts";
import { EndpointCourier } from "./endpoint-courier.ts";
import { EndpointOutbox, type ReplayRange } from "./endpoint-outbox.ts";
import { EndpointReader, formatAttempt } from "./endpoint-reader.ts";
import { EndpointSigner } from "./endpoint-signer.ts";
import { logEvent } from "./log.ts";
import { webhookScheduleOf } from "./settings.ts";

/** While events are under way the alarm looks after them this often. */
const WATCH_MS = 10_000;
/** What falls due within so long is taken together. */
const TOGETHER_MS = 100;
/** Until the account has heard what it must, it is told again after this time, then after twice as long each time. */
const FIRST_TELL_AGAIN_MS = 10_000;
const LONGEST_TELL_AGAIN_MS = 3600 * 1000;
/** Between two sweeps. */
const SWEEP_MS = 3600 * 1000;

type Opened = { outbox: EndpointOutbox; courier: EndpointCourier };

export class Endpoint extends DurableObject<Env> {
  #opened: Opened | undefined;
  #alarmAtMs = Infinity;
  #sweptAtMs = 0;
  /** The account is not told before that the endpoint was disabled. */
  #tellAtMs = 0;
  #tellAgainMs = FIRST_TELL_AGAIN_MS;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { outbox } = this.#open();
    // After a crash the alarm may be late or gone: whoever woke us, look at once.
    if (outbox.waiting > 0) this.#arm(Date.now());
    else this.#watch();
  }

  // ---- what the account says

  /** Takes events: what was taken before is passed over. The account hands over what is above `upTo` again, later. */
  async take(config: EndpointConfig, handed: Handed[]): Promise<Taken> {
    this.#learn(config);
    const { outbox, courier } = this.#open();
    const nowMs = Date.now();
    const upTo = outbox.take(handed, nowMs);
    courier.wake();
    this.#watch();
    return { upTo, restMs: courier.restMs(nowMs) };
  }

  /** An older word than the one that is known changes nothing. */
  async configure(config: EndpointConfig): Promise<void> {
    this.#learn(config);
    this.#open().courier.wake();
    this.#watch();
  }

  /** Erases all there is. */
  async remove(): Promise<void> {
    this.#open().courier.stop();
    this.#opened = undefined;
    this.#alarmAtMs = Infinity;
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  // ---- what its owner asks

  async list(query: PageQuery): Promise<Page<WebhookEventSummary> | Problem> {
    return this.#reader().list(query);
  }

  async get(id: string): Promise<WebhookEventDetail | Problem> {
    return this.#reader().get(id);
  }

  async attempts(id: string, query: PageQuery): Promise<Page<WebhookAttempt> | Problem> {
    return this.#reader().attempts(id, query);
  }

  /** Delivers an event again, or now what waits for its next try. */
  async replay(id: string): Promise<{ object: "webhook_event"; id: string } | Problem> {
    const k = this.#reader().find(id);
    if (k === undefined) return problem("not_found", "There is no event with this id.");
    const { outbox, courier } = this.#open();
    outbox.replay(k, Date.now());
    courier.resume();
    this.#watch();
    return { object: "webhook_event", id };
  }

  /** Delivers again what has failed, or all that is settled, of a range of time; how many events they are. */
  async replayMany(range: ReplayRange): Promise<number> {
    const { outbox, courier } = this.#open();
    const nowMs = Date.now();
    let replayed = 0;
    for (let fromK: number | undefined = 0; fromK !== undefined;) {
      // The webhook may have been removed while other calls had their turn.
      if (this.#opened?.outbox !== outbox) break;
      const chunk: { count: number; nextK: number | undefined } = outbox.replayChunk(range, fromK, nowMs);
      replayed += chunk.count;
      fromK = chunk.nextK;
      courier.resume();
      this.#watch();
      // So that a hundred thousand of them do not keep other calls out.
      if (fromK !== undefined) await scheduler.wait(0);
    }
    return replayed;
  }

  /**
   * One try of a payload, at once and out of turn. Nothing of it is kept, and it says nothing about the endpoint.
   * (Not `test`: workerd calls no method of that name.)
   */
  async sendTest(payload: string): Promise<WebhookAttempt | Problem> {
    const { outbox, courier } = this.#open();
    if (!outbox.config) return problem("not_found", "There is no such webhook.");
    const id = crypto.randomUUID();
    return formatAttempt(`${id}-1`, await courier.post(outbox.config, { id, payload }));
  }

  // ---- inside

  #open(): Opened {
    if (this.#opened) return this.#opened;
    const outbox = new EndpointOutbox(this.ctx.storage);
    const courier = new EndpointCourier({
      outbox,
      signer: new EndpointSigner(this.env.HIKYAKU_MASTER_KEY),
      schedule: webhookScheduleOf(this.env),
      allowPrivate: this.env.HIKYAKU_ALLOW_PRIVATE === "1",
      onWritten: () => {
        this.#watch();
      },
    });
    this.#opened = { outbox, courier };
    return this.#opened;
  }

  #reader(): EndpointReader {
    const { outbox, courier } = this.#open();
    return new EndpointReader(this.ctx.storage.sql, {
      account: outbox.config?.account ?? "",
      isOnTheWay: (k) => courier.isOnTheWay(k),
      resumeAtMs: outbox.live && courier.resumeAtMs,
    });
  }

  #learn(config: EndpointConfig): void {
    const { outbox, courier } = this.#open();
    if (outbox.configure(config)) courier.reconfigured();
  }

  /** Tells the account that its endpoint was disabled here, again and again until it has heard of it. */
  async #tell(outbox: EndpointOutbox): Promise<void> {
    const { config, disabled } = outbox;
    if (!config || !disabled || disabled.told || Date.now() < this.#tellAtMs) return;
    this.#tellAtMs = Date.now() + this.#tellAgainMs;
    this.#tellAgainMs = Math.min(2 * this.#tellAgainMs, LONGEST_TELL_AGAIN_MS);
    const { version, reason } = disabled;
    logEvent("warn", "endpoint.disabled", { account: config.account, webhook: config.id, reason });
    await this.env.ACCOUNT.getByName(config.account).webhookDisabled(config.webhook, version, reason);
    this.#tellAtMs = 0;
    this.#tellAgainMs = FIRST_TELL_AGAIN_MS;
    // Unless it was removed meanwhile.
    if (this.#opened?.outbox === outbox) outbox.told(version);
  }

  // ---- the watch

  override async alarm(): Promise<void> {
    this.#alarmAtMs = Infinity;
    try {
      await this.#lookAfter(Date.now());
      // Unless it was removed meanwhile.
      if (this.#opened) this.#watch();
    } catch (error) {
      // An alarm that throws is dropped after six tries: record it and look again later instead.
      const webhook = this.#opened?.outbox.config?.id;
      logEvent("error", "endpoint.alarm-failed", { webhook, error: String(error) });
      this.#arm(Date.now() + WATCH_MS);
    }
  }

  async #lookAfter(nowMs: number): Promise<void> {
    const { outbox, courier } = this.#open();
    courier.wake();
    if (nowMs - this.#sweptAtMs >= SWEEP_MS) {
      this.#sweptAtMs = nowMs;
      while (outbox.sweep(nowMs)) await scheduler.wait(0);
    }
    await this.#tell(outbox);
  }

  /** Arms the alarm for what comes first: a try that falls due, a look at what is under way, a sweep. */
  #watch(): void {
    const { outbox, courier } = this.#open();
    const nowMs = Date.now();
    let wantedMs = Math.max(outbox.expiresMs(), this.#sweptAtMs + SWEEP_MS);
    if (outbox.disabled?.told === false) wantedMs = Math.min(wantedMs, Math.max(nowMs, this.#tellAtMs));
    if (outbox.live && outbox.waiting > 0) {
      const { resumeAtMs } = courier;
      if (outbox.earliestDueMs() <= nowMs)
        wantedMs = Math.min(wantedMs, resumeAtMs > nowMs ? resumeAtMs : nowMs + WATCH_MS);
      wantedMs = Math.min(wantedMs, Math.max(outbox.nextDueMs(nowMs), resumeAtMs, nowMs) + TOGETHER_MS);
    }
    if (wantedMs < Infinity) this.#arm(wantedMs);
  }

  /** Only ever earlier: an alarm that comes too soon looks, finds nothing and arms the next. */
  #arm(atMs: number): void {
    if (atMs >= this.#alarmAtMs) return;
    this.#alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }
}
