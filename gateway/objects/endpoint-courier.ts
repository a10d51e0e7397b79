/**
 * Carries the events of an outbox to their endpoint: so many at once as its health allows, the longest waiting first.
 *
 * Events are read in pages and tries are written in groups, so a busy endpoint costs one transaction for many events.
 * An event stays in hand from its page until its try is written: nothing goes twice, but after a crash. Memory is
 * bounded by a page, the window and the group. When to look again, if something went wrong, its object knows.
 */
import type { EndpointConfig } from "#contract/webhook.ts";
import { afterReply, type EndpointHealth, isGivenUp, isOpen, mayBegin } from "../core/endpoint-breaker.ts";
import type { RetrySchedule } from "../core/retry-schedule.ts";
import { judgeTry } from "../core/webhook-retry.ts";
import { signWebhook } from "../core/webhook-signature.ts";
import type { DueEvent, EndpointOutbox, Finished } from "./endpoint-outbox.ts";
import { postWebhook, type Posted } from "./endpoint-post.ts";
import type { EndpointSigner } from "./endpoint-signer.ts";
import { logEvent } from "./log.ts";

/** Of one delivery, from the connection to the last byte that is read. */
const TIMEOUT_MS = 15_000;
const PAGE_ROWS = 100;
/**
 * How long the outcome of a try waits for others before they are written together. Requests that begin meanwhile wait
 * for the disk (the object's output gate), and on one machine so do all objects: where the disk is slow, groups take
 * longer, so that writing has a fifth of the time at the most.
 */
const SHORTEST_GROUP_MS = 10;
const LONGEST_GROUP_MS = 250;
const CARRY_TO_WRITE = 4;
/** After a group could not be written. */
const WRITE_AGAIN_MS = 1000;
/** Tries that are over and not written: with so many, no more begin. */
const UNWRITTEN_LIMIT = 1000;
/** After an event could not be signed. */
const SIGN_AGAIN_MS = 60_000;

export type CourierContext = {
  outbox: EndpointOutbox;
  signer: EndpointSigner;
  schedule: RetrySchedule;
  allowPrivate: boolean;
  /** After each group. */
  onWritten: () => void;
};

export class EndpointCourier {
  readonly #context: CourierContext;
  /** Read from the outbox, and their try is not written yet. */
  readonly #inHand = new Set<number>();
  readonly #onTheWay = new Set<number>();
  /** A page, in the order to go, from its end. */
  #page: DueEvent[] = [];
  /** The outbox had no more when it was last asked. */
  #emptied = false;
  #finished: Finished[] = [];
  /** Ahead of what is written, by the group that is open. */
  #health: EndpointHealth;
  #writing: number | null = null;
  #groupMs = SHORTEST_GROUP_MS;
  #stopped = false;

  constructor(context: CourierContext) {
    this.#context = context;
    this.#health = context.outbox.health;
  }

  /** Nothing is sent before. */
  get resumeAtMs(): number {
    return this.#health.resumeAtMs;
  }

  /** How long nothing more is sent, whatever comes; a probe that is on its way may end it sooner. */
  restMs(nowMs: number): number {
    const probeMs = isOpen(this.#health) && this.#onTheWay.size > 0 ? TIMEOUT_MS : 0;
    return Math.max(0, this.#health.resumeAtMs - nowMs, probeMs);
  }

  isOnTheWay(k: number): boolean {
    return this.#onTheWay.has(k);
  }

  /** There may be something to do that was not there before. */
  wake(): void {
    this.#emptied = false;
    this.#begin();
  }

  /** The owner asks for events now: that ends a pause, also one that the endpoint asked for. */
  resume(): void {
    this.#health = { ...this.#health, resumeAtMs: 0 };
    this.wake();
  }

  /** The account has said something new of the endpoint: it is given a clean slate. */
  reconfigured(): void {
    this.#health = this.#context.outbox.health;
  }

  /** For good: what is on its way is not written any more. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#writing);
  }

  /** One try of an event that is in no outbox. */
  async post(config: EndpointConfig, event: { id: string; payload: string }): Promise<Posted> {
    const { signer, allowPrivate } = this.#context;
    const nowMs = Date.now();
    const signed = await signWebhook(await signer.keys(config, nowMs), event.id, nowMs, event.payload);
    return postWebhook(config.url, signed, { allowPrivate, timeoutMs: TIMEOUT_MS });
  }

  #begin(): void {
    while (!this.#stopped && this.#finished.length < UNWRITTEN_LIMIT) {
      const config = this.#context.outbox.live;
      if (!config || !mayBegin(this.#health, this.#onTheWay.size, Date.now())) return;
      const event = this.#next();
      if (!event) return;
      void this.#carry(config, event);
    }
  }

  #next(): DueEvent | undefined {
    if (this.#page.length === 0 && !this.#emptied) {
      this.#page = this.#context.outbox.due(Date.now(), this.#inHand, PAGE_ROWS).toReversed();
      this.#emptied = this.#page.length < PAGE_ROWS;
      for (const { k } of this.#page) this.#inHand.add(k);
    }
    return this.#page.pop();
  }

  async #carry(config: EndpointConfig, event: DueEvent): Promise<void> {
    this.#onTheWay.add(event.k);
    const posted = await this.post(config, event).catch((error: unknown) => {
      // It could not be signed: it waits as it was, and the others with it, until the master key is mended.
      this.#inHand.delete(event.k);
      this.#health = { ...this.#health, resumeAtMs: Date.now() + SIGN_AGAIN_MS };
      logEvent("error", "endpoint.not-sent", { webhook: config.id, error: String(error) });
    });
    this.#onTheWay.delete(event.k);
    if (this.#stopped || !posted) return;
    this.#finish(config, event, posted);
    this.#begin();
  }

  #finish(config: EndpointConfig, event: DueEvent, posted: Posted): void {
    const { outbox, schedule } = this.#context;
    const nowMs = Date.now();
    const attempt = { attempt: event.attempt + 1, sinceMs: event.since_ms };
    const verdict = judgeTry(schedule, attempt, posted, nowMs, Math.random());
    this.#health = afterReply(this.#health, { ...posted, beganMs: posted.sentAtMs }, nowMs, Math.random());
    this.#finished.push({ event, verdict, ...posted });
    this.#writing ??= setTimeout(() => {
      this.#write();
    }, this.#groupMs);
    if (config.version !== outbox.config?.version) return;
    // RFC 9110 §15.5.11: gone, and likely for good.
    if (posted.status === 410) outbox.disable("The endpoint answered 410 Gone.");
    else if (isGivenUp(this.#health, nowMs)) outbox.disable("Every delivery failed for five days.");
  }

  #write(): void {
    this.#writing = null;
    const group = this.#finished;
    const beganMs = Date.now();
    try {
      this.#context.outbox.settle(group, this.#health);
    } catch (error) {
      logEvent("error", "endpoint.not-written", { error: String(error) });
      this.#writing = setTimeout(() => {
        this.#write();
      }, WRITE_AGAIN_MS);
      return;
    }
    void this.#context.outbox.onDisk().then(() => {
      const wanted = (Date.now() - beganMs) * CARRY_TO_WRITE;
      this.#groupMs = Math.min(Math.max(wanted, SHORTEST_GROUP_MS), LONGEST_GROUP_MS);
    });
    this.#finished = [];
    for (const { event } of group) this.#inHand.delete(event.k);
    this.#context.onWritten();
    this.#begin();
  }
}
