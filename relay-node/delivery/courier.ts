/**
 * The delivery loop: batches in, outcomes out.
 *
 * Each delivery goes to the lane of its destination; a slot of the lane makes its message, attempts it and
 * reports. THE RULE: a slot takes its next mail only when the outcome of the last is durable in the journal,
 * so a kill can double at most the transactions that were open.
 */
import { refusesAddress } from "#contract/hard-bounce.ts";
import { formatReturnPath, returnPathSignedText } from "#contract/return-path.ts";
import type { Outcome } from "#contract/outcome.ts";
import type { Batch, LeasedDelivery, LeasedEmail } from "#contract/relay-protocol.ts";
import type { Logger } from "pino";
import { findRoute, type RouteTable } from "../policy/routes.ts";
import { findTargets, routeTargets, type MailResolver, type TargetsResult } from "../policy/targets.ts";
import type { AttemptResult, Carrier, Held } from "./attempt.ts";
import { returnPathMac } from "./gateway-store.ts";
import type { Journal, JournalRow } from "./journal.ts";
import { Lane } from "./lane.ts";
import type { Made, MessageMaker } from "./message-maker.ts";
import { personalOf } from "./personal-message.ts";
import type { Session, Work } from "./session.ts";

export type CourierOptions = {
  relay: string;
  routes: RouteTable;
  resolver: MailResolver;
  mxPort: number;
  carrier: Carrier;
  maker: MessageMaker;
  journal: Journal;
  log: Logger;
  connectionsPerDestination: number;
  connections: number;
  /** The journal cannot be written: nothing more may be sent. */
  onBroken: (error: unknown) => void;
};

type Job = {
  session: Session;
  batch: Batch;
  email: LeasedEmail;
  delivery: LeasedDelivery;
  domain: string;
  /** The newest lease that has the delivery: its outcome is told under that one. */
  lease: number;
  /** Its recipient was refused for good while it waited, or the gateway took it back: it must not begin. */
  isUnwanted: boolean;
};
type Result = Omit<AttemptResult, "kind"> & { kind: Outcome["kind"] };

const IDLE_CONNECTION_MS = 15_000;

export class Courier implements Work {
  readonly #options: CourierOptions;
  readonly #lanes = new Map<string, Lane<Job>>();
  /** By account and `k`. */
  readonly #inHand = new Map<string, Job>();
  /** Deliveries of each email that are in hand. */
  readonly #open = new Map<LeasedEmail, number>();
  #slots = 0;
  /** A lane has mail and not one slot. */
  #starved = false;
  #draining = false;
  #drained = Promise.withResolvers<void>();

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  take(session: Session, batch: Batch): void {
    const parts = new Map(batch.parts?.map(({ k, content }) => [k, content]));
    for (const email of batch.emails) {
      const shared = email.part && parts.get(email.part.k);
      if (shared) email.content = shared;
    }
    const emails = new Map(batch.emails.map((email) => [email.k, email]));
    for (const delivery of batch.deliveries) {
      const email = emails.get(delivery.email);
      const domain = delivery.rcpt.slice(delivery.rcpt.lastIndexOf("@") + 1);
      // The contract's schema has seen to it that there is one.
      if (!email) continue;
      const inHand = this.#inHand.get(handKey(batch.account, delivery.k));
      if (inHand) inHand.lease = batch.lease;
      else this.#begin({ session, batch, email, delivery, domain, lease: batch.lease, isUnwanted: false });
    }
  }

  recall(account: string, ks: readonly number[]): void {
    for (const k of ks) {
      const job = this.#inHand.get(handKey(account, k));
      if (job) job.isUnwanted = true;
    }
  }

  #begin(job: Job): void {
    this.#inHand.set(handKey(job.batch.account, job.delivery.k), job);
    this.#open.set(job.email, (this.#open.get(job.email) ?? 0) + 1);
    if (this.#draining) return this.#release(job);
    this.#laneOf(job.domain).push(job);
  }

  /** The delivery is out of our hands; with an email's last its message need not be kept. */
  #done(job: Job): void {
    this.#inHand.delete(handKey(job.batch.account, job.delivery.k));
    this.#options.maker.forget(job.delivery);
    const left = (this.#open.get(job.email) ?? 0) - 1;
    if (left > 0) this.#open.set(job.email, left);
    else {
      this.#open.delete(job.email);
      this.#options.maker.forget(job.email);
    }
  }

  /** Gives back what is not begun and waits for what is, `timeoutMs` at most. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    for (const lane of this.#lanes.values()) for (const job of lane.empty()) this.#release(job);
    if (this.#slots === 0) return;
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, timeoutMs);
    await Promise.race([this.#drained.promise, timeout.promise]);
    clearTimeout(timer);
  }

  #laneOf(domain: string): Lane<Job> {
    const before = this.#lanes.get(domain);
    if (before) return before;
    const lane = new Lane<Job>({
      limit: this.#options.connectionsPerDestination,
      idleMs: IDLE_CONNECTION_MS,
      takeSlot: (urgent) => this.#takeSlot(urgent),
      mayKeep: () => !this.#starved,
      run: (next) => this.#runSlot(next),
      onNear: (job) => this.#getReady(job),
      onSlotEnd: () => this.#slotEnded(domain, lane),
    });
    this.#lanes.set(domain, lane);
    return lane;
  }

  /** Makes a message ahead of its turn, so that slots do not wait for signatures; large ones wait for their slot. */
  #getReady(job: Job): void {
    if (job.email.content) void this.#make(job);
  }

  #make({ batch, email, delivery }: Job): Promise<Made> {
    const personal = personalOf(batch, email, delivery);
    return this.#options.maker.make(batch.account, batch.keys_version, email, personal);
  }

  #takeSlot(urgent: boolean): boolean {
    if (this.#slots >= this.#options.connections) {
      // All taken, and a destination has none: one that only waits makes room, or the next that has done its mail.
      this.#starved ||= urgent;
      for (const lane of this.#lanes.values()) if (lane.endIdleSlot()) break;
      return false;
    }
    this.#slots += 1;
    return true;
  }

  #slotEnded(domain: string, ended: Lane<Job>): void {
    this.#slots -= 1;
    if (ended.isIdle) this.#lanes.delete(domain);
    if (this.#draining && this.#slots === 0) this.#drained.resolve();
    if (this.#draining || !this.#starved) return;
    this.#starved = false;
    for (const lane of this.#lanes.values()) lane.openSlot();
  }

  async #runSlot(next: () => Promise<Job | undefined>): Promise<void> {
    let held: Held | undefined;
    try {
      for (let job = await next(); job !== undefined; job = await next()) {
        await job.session.whenLive(() => this.#draining);
        if (this.#draining) this.#release(job);
        else if (job.isUnwanted) this.#release(job, UNWANTED);
        else held = await this.#carry(job, held);
        if (this.#draining) break;
      }
    } catch (error) {
      this.#options.onBroken(error);
    } finally {
      held?.connection.quit();
    }
  }

  /** One delivery from its message to its durable outcome; returns the connection for the next. */
  async #carry(job: Job, before: Held | undefined): Promise<Held | undefined> {
    const { journal } = this.#options;
    const startedAtMs = Date.now();
    const { account } = job.batch;
    const row: JournalRow = {
      id: journal.newId(),
      pool: job.session.pool,
      account,
      k: job.delivery.k,
      lease: job.lease,
      startedAtMs,
    };
    const made = await this.#make(job);
    let tried: { result: Result; held: Held | undefined };
    try {
      tried =
        made.kind === "made" ? await this.#attempt(job, row, made, before) : { result: unmade(made), held: before };
    } catch (error) {
      if (!(error instanceof NotBegun)) throw error;
      this.#release(job, error.message, row.id);
      return undefined;
    }
    const { result, held } = tried;
    const outcome = this.#outcome(job, row, result);
    const json = JSON.stringify(outcome);
    await journal.finished({ ...row, lease: outcome.lease }, json);
    this.#done(job);
    // Leased anew while the journal wrote: under the old lease the outcome would be late.
    const told = job.lease === outcome.lease ? json : JSON.stringify({ ...outcome, lease: job.lease });
    job.session.finished(row.id, account, row.k, told);
    // Told first: when the gateway leases the others again, it knows.
    if (refusesAddress(job.delivery.rcpt, outcome)) this.#setAside(job);
    this.#options.log.debug({
      event: "delivery.done",
      account,
      k: row.k,
      kind: outcome.kind,
      phase: outcome.phase,
      ms: outcome.ended_at_ms - startedAtMs,
    });
    return held;
  }

  async #attempt(
    job: Job,
    row: JournalRow,
    made: Extract<Made, { kind: "made" }>,
    before: Held | undefined,
  ): Promise<{ result: Result; held: Held | undefined }> {
    const found = await this.#findTargets(job);
    if (found.kind !== "targets") return { result: { ...found, transcript: [] }, held: before };
    const { delivery, batch, email } = job;
    const token = { account: batch.account, k: delivery.k, attempt: delivery.attempt };
    const mac = returnPathMac(made.returnPathKey, returnPathSignedText(token));
    const transaction = {
      mailFrom: formatReturnPath(token, mac, email.return_path ?? batch.bounce_domain),
      rcptTo: delivery.rcpt,
      message: made.bytes,
      needsSmtpUtf8: made.needsSmtpUtf8 || !isAscii(delivery.rcpt),
    };
    // Connecting may have taken minutes: cut off since then, the mail may be in other hands by now.
    const beforeTransaction = (): void => {
      if (!job.session.live) throw new NotBegun("The relay was cut off from the gateway");
      if (job.isUnwanted) throw new NotBegun(UNWANTED);
    };
    const beforeMessage = async (): Promise<void> => {
      beforeTransaction();
      await this.#options.journal.begun(row);
      // The row took a turn, and it may have been recalled in it.
      beforeTransaction();
    };
    const requireTls = email.meta.require_tls === true;
    return this.#options.carrier.attempt(
      { targets: found.targets, transaction, requireTls, beforeTransaction, beforeMessage },
      before,
    );
  }

  #findTargets({ domain, email }: Job): Promise<TargetsResult> {
    const { routes, resolver, mxPort } = this.#options;
    const route = findRoute(routes, domain);
    if (route) return routeTargets(route, resolver);
    const tls = email.meta.require_tls === true ? "required" : "opportunistic";
    return findTargets(domain, resolver, { port: mxPort, tls, random: Math.random });
  }

  #outcome(
    { delivery, lease }: Job,
    row: JournalRow,
    { kind, phase, reply, reason, target, tls, transcript }: Result,
  ): Outcome {
    return {
      k: delivery.k,
      lease,
      kind,
      phase,
      ...(reply && { reply }),
      ...(reason !== undefined && { reason }),
      started_at_ms: row.startedAtMs,
      ended_at_ms: Date.now(),
      relay: this.#options.relay,
      ...(target && { host: target.host, ip: target.ip, port: target.port }),
      ...(tls && { tls }),
      ...(transcript.length > 0 && { transcript }),
    };
  }

  /** No more mail of the account to who was just refused for good: what is not begun goes back, to be suppressed. */
  #setAside(refused: Job): void {
    const recipient = refused.delivery.rcpt.toLowerCase();
    for (const job of this.#inHand.values()) {
      if (job.domain !== refused.domain || job.batch.account !== refused.batch.account) continue;
      if (job.delivery.rcpt.toLowerCase() === recipient) job.isUnwanted = true;
    }
  }

  /** Gives a delivery back unbegun: it costs no attempt. `id`: of the row that it may have in the journal already. */
  #release(job: Job, reason = "The relay stops", id = this.#options.journal.newId()): void {
    const now = Date.now();
    const { k } = job.delivery;
    const outcome: Outcome = { k, lease: job.lease, kind: "released", reason, started_at_ms: now, ended_at_ms: now };
    this.#done(job);
    job.session.finished(id, job.batch.account, k, JSON.stringify(outcome));
  }
}

const handKey = (account: string, k: number): string => `${account} ${k}`;

const UNWANTED = "It is not to go from here any more";

/** Why a message that was about to be sent is given back. */
class NotBegun extends Error {}

/** What the gateway did not give costs an attempt: else mail whose keys do not open would come back for ever, untold. */
const unmade = ({ kind, reason }: Exclude<Made, { kind: "made" }>): Result => ({
  kind: kind === "unsendable" ? "failed" : "deferred",
  phase: "local",
  reason,
  transcript: [],
});

const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
};
