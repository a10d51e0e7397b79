/**
 * Hands the events of an account over to the objects of its webhooks, and tells those what changed of them.
 *
 * Invariant: a cursor moves only when the endpoint's object has answered that it has the events, so none is lost at any
 * crash; what is handed over twice that object passes by. Each webhook goes its own way: one whose object fails, is full
 * or sends nothing for now waits alone and is tried again. What happens within a moment goes together. Who is told of
 * which event is all that is decided here.
 */
import type { EndpointConfig, Handed, Taken } from "#contract/webhook.ts";
import type { WebhookEventType } from "#contract/webhook-events.ts";
import { webhookPayload } from "../core/told-event.ts";
import type { AccountEvents } from "./account-events.ts";
import type { AccountWebhooks, Webhook } from "./account-webhooks.ts";
import type { Errand } from "./errand.ts";
import { logEvent } from "./log.ts";

/** What is called of an endpoint's object (`endpoint.ts`). */
export type EndpointCalls = {
  take(config: EndpointConfig, handed: Handed[]): Promise<Taken>;
  configure(config: EndpointConfig): Promise<void>;
  remove(): Promise<void>;
};

export type DispatchContext = {
  account: string;
  webhooks: AccountWebhooks;
  events: AccountEvents;
  endpointOf: (webhook: number) => EndpointCalls;
  /** A moment after events were written. */
  onGathered: () => void;
};

/** How long events wait for others to go with them. */
const GATHER_MS = 20;
const PAGE_EVENTS = 500;
/** After an endpoint's object failed, or had no room; and what rests is handed a page so often at the least. */
const RETRY_MS = 10_000;
/** By then a hand-over is over, or died with the object. */
const WATCH_MS = 10_000;

type Page = { handed: Handed[]; last: number; more: boolean };

export class AccountDispatch implements Errand {
  readonly #context: DispatchContext;
  /** Counts what was written; a webhook that has seen this many is at the end. */
  #news = 1;
  readonly #seen = new Map<number, number>();
  readonly #running = new Set<number>();
  readonly #notBeforeMs = new Map<number, number>();
  #gathering: number | null = null;
  /** The account is no more: an endpoint's object that was erased must not be woken with what is left of it. */
  #isClosed = false;
  readonly #underWay = new Set<Promise<void>>();
  /** The last page that was made, for webhooks that stand side by side: of this moment only. */
  #made: { key: string; page: Page } | undefined;

  constructor(context: DispatchContext) {
    this.#context = context;
  }

  /** Events were written, in the transaction that ends now. */
  wake(): void {
    this.#news += 1;
    this.#made = undefined;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = null;
      this.#context.onGathered();
      void this.run(Date.now());
    }, GATHER_MS);
  }

  nextMs(nowMs: number): number {
    let nextMs = Infinity;
    for (const webhook of this.#context.webhooks.all())
      if (this.#running.has(webhook.k) || (this.#isBehind(webhook) && this.#gathering !== null)) {
        // While it is under way the alarm stays armed: it may die on the way.
        nextMs = Math.min(nextMs, nowMs + WATCH_MS);
      } else if (isUntold(webhook) || this.#isBehind(webhook)) {
        nextMs = Math.min(nextMs, this.#notBeforeMs.get(webhook.k) ?? nowMs);
      }
    return nextMs;
  }

  async run(nowMs: number): Promise<void> {
    await Promise.all(this.#context.webhooks.all().map((webhook) => this.#serve(webhook, nowMs)));
  }

  /** Tells endpoints what changed, for whoever waits for it; what fails, the alarm does again. */
  async tell(): Promise<void> {
    const untold = this.#context.webhooks.all().filter(isUntold);
    await Promise.all(untold.map((webhook) => this.#guard(webhook, () => this.#tell(webhook))));
  }

  /** The account is closed: nothing of it stays in any endpoint. */
  async close(): Promise<void> {
    const { webhooks, endpointOf } = this.#context;
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    await Promise.all(webhooks.all().map(({ k }) => endpointOf(k).remove()));
  }

  async #serve(webhook: Webhook, nowMs: number): Promise<void> {
    const { k } = webhook;
    if (this.#isClosed || this.#running.has(k) || (this.#notBeforeMs.get(k) ?? 0) > nowMs) return;
    if (!isUntold(webhook) && !this.#isBehind(webhook)) return;
    this.#running.add(k);
    await this.#guard(webhook, async () => {
      if (isUntold(webhook)) await this.#tell(webhook);
      await this.#handOver(k);
    });
    this.#running.delete(k);
  }

  /** What goes wrong with one webhook is logged, and it alone waits. */
  async #guard({ k }: Webhook, work: () => Promise<void>): Promise<void> {
    this.#notBeforeMs.delete(k);
    const done = work();
    this.#underWay.add(done);
    try {
      await done;
    } catch (error) {
      this.#notBeforeMs.set(k, Date.now() + RETRY_MS);
      const { account } = this.#context;
      logEvent("error", "account.not-handed-over", { account, webhook: k, error: String(error) });
    } finally {
      this.#underWay.delete(done);
    }
  }

  async #tell(webhook: Webhook): Promise<void> {
    const { webhooks, endpointOf } = this.#context;
    if (this.#isClosed) return;
    const endpoint = endpointOf(webhook.k);
    if (webhook.removed) {
      await endpoint.remove();
      this.#seen.delete(webhook.k);
    } else await endpoint.configure(webhooks.config(webhook));
    webhooks.told(webhook.k, webhook.version);
  }

  async #handOver(k: number): Promise<void> {
    const { webhooks, endpointOf } = this.#context;
    for (;;) {
      if (this.#isClosed) return;
      // Read anew each time: it may have been changed or removed meanwhile.
      const webhook = webhooks.at(k);
      if (webhook?.status !== "enabled") return;
      const news = this.#news;
      const { handed, last, more } = this.#page(webhook.cursor, webhook.events);
      const end = handed.at(-1);
      const { upTo, restMs } = end ? await endpointOf(k).take(webhooks.config(webhook), handed) : NOTHING_TAKEN;
      if (end && upTo < end.k) {
        webhooks.moveCursor(k, upTo);
        this.#notBeforeMs.set(k, Date.now() + RETRY_MS);
        return;
      }
      webhooks.moveCursor(k, last);
      // It would commit each moment's events only to keep them: they wait here instead, and cost others nothing.
      if (restMs > 0) this.#notBeforeMs.set(k, Date.now() + Math.min(restMs, RETRY_MS));
      // However much of other types lies behind it: others have their turn.
      if (!end) await scheduler.wait(0);
      if (!more) this.#seen.set(k, news);
      if (!more || restMs > 0) return;
    }
  }

  #page(after: number, types: readonly WebhookEventType[]): Page {
    const key = `${after} ${types.join()}`;
    if (this.#made?.key === key) return this.#made.page;
    const run = this.#context.events.run({ after, types, limit: PAGE_EVENTS, windowRows: PAGE_EVENTS });
    const handed = run.events.map(({ k, atMs, event }) => ({
      ...{ k, atMs, id: event.id, type: event.type },
      payload: webhookPayload(event),
    }));
    const page = { handed, last: run.last, more: run.more };
    this.#made = { key, page };
    return page;
  }

  /** After the object started nobody knows: it looks once. */
  #isBehind({ k, status }: Webhook): boolean {
    return status === "enabled" && this.#seen.get(k) !== this.#news;
  }
}

const NOTHING_TAKEN: Taken = { upTo: 0, restMs: 0 };

const isUntold = ({ told, version }: Webhook): boolean => told < version;
