/**
 * Tells the pools of an account's streams that mail is ready: once, until they have found the queue empty.
 *
 * An announcement that is lost is mended by the account's alarm, which says all of them again.
 */
import type { AccountQueue } from "./account-queue.ts";
import type { AccountSettings } from "./account-settings.ts";
import { STREAMS } from "./account-schema.ts";
import { logEvent } from "./log.ts";

export type AnnouncerContext = {
  account: string;
  settings: AccountSettings;
  queue: AccountQueue;
  /** Tells a pool; not awaited. */
  tell: (pool: string) => Promise<void>;
  waitUntil: (promise: Promise<void>) => void;
};

export class AccountAnnouncer {
  readonly #context: AnnouncerContext;
  /** Streams whose pool knows that mail is ready and has not yet said that it found none. */
  readonly #announced = new Set<number>();

  constructor(context: AnnouncerContext) {
    this.#context = context;
  }

  announce(stream: number): void {
    if (this.#announced.has(stream)) return;
    this.#announced.add(stream);
    const { account, tell, waitUntil } = this.#context;
    waitUntil(
      tell(this.poolOf(stream)).catch((error: unknown) => {
        this.#announced.delete(stream);
        logEvent("error", "account.announce-failed", { account, error: String(error) });
      }),
    );
  }

  /** Streams with deferred mail that is due. */
  announceDue(nowMs: number): void {
    for (const stream of STREAMS.keys()) if (this.#context.queue.nextDueMs(stream) <= nowMs) this.announce(stream);
  }

  /** Whatever was announced may have been lost with its pool, or was refused while suspended: say it again. */
  repeat(nowMs: number): void {
    for (const stream of STREAMS.keys()) {
      this.#announced.delete(stream);
      if (this.#context.queue.hasReady(stream, nowMs)) this.announce(stream);
    }
  }

  /** The pool has found no more of these. */
  foundEmpty(streams: readonly number[]): void {
    for (const stream of streams) this.#announced.delete(stream);
  }

  poolOf(stream: number): string {
    return this.#context.settings.current?.stream_pools[STREAMS[stream] ?? "transactional"] ?? "default";
  }

  streamsOf(pool: string): number[] {
    return [...STREAMS.keys()].filter((stream) => this.poolOf(stream) === pool);
  }
}
