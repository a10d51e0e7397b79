/**
 * Live streams of an account's events: each asks again and again, and an ask waits until there is something or a while
 * has passed.
 *
 * Bounded: so many streams at once; one that has not asked for a while is over, whatever became of who read it.
 */
import type { AccountEvent, EventsQuery } from "#contract/event-payload.ts";
import { problem, type Problem } from "#contract/problem.ts";
import type { AccountEvents } from "./account-events.ts";

export const LIVE_STREAMS = 20;
/** How long an ask waits for events. */
const WAIT_MS = 15_000;
/** A stream that has not asked for so long is over. */
const GONE_MS = 2 * WAIT_MS;
const PAGE_EVENTS = 100;
const WINDOW_ROWS = 5000;

/** `after`: as in `EventsQuery`; absent in the first ask: from now on. `wait` false: answers at once. */
export type LiveAsk = { stream: string; wait: boolean } & Pick<EventsQuery, "after" | "types">;
/** `last`: the `after` of the next ask. */
export type LiveReply = { events: AccountEvent[]; last: string };

export class AccountLive {
  readonly #events: AccountEvents;
  /** When each stream asked last, ms. */
  readonly #streams = new Map<string, number>();
  readonly #waiting = new Set<() => void>();

  constructor(events: AccountEvents) {
    this.#events = events;
  }

  /** There may be events that were not there before. */
  ring(): void {
    for (const wake of this.#waiting) wake();
  }

  async ask({ stream, after, types, wait }: LiveAsk, nowMs: number): Promise<LiveReply | Problem> {
    if (!this.#admit(stream, nowMs))
      return problem("rate_limit_exceeded", `An account has at most ${LIVE_STREAMS} live streams at once.`);
    let cursor = after === undefined ? this.#events.newest() : this.#events.find(after, nowMs);
    if (typeof cursor === "object") return cursor;
    const deadline = wait ? Promise.withResolvers<void>() : undefined;
    const timer = deadline && setTimeout(deadline.resolve, WAIT_MS);
    let isOver = !wait;
    void deadline?.promise.then(() => (isOver = true));
    for (;;) {
      const run = this.#events.run({ after: cursor, types, limit: PAGE_EVENTS, windowRows: WINDOW_ROWS });
      cursor = run.last;
      if (run.events.length > 0 || run.more || isOver || !deadline) {
        clearTimeout(timer ?? null);
        this.#streams.set(stream, Date.now());
        return { events: run.events.map(({ event }) => event), last: this.#events.idOf(cursor) };
      }
      await this.#next(deadline.promise);
    }
  }

  #admit(stream: string, nowMs: number): boolean {
    for (const [known, askedMs] of this.#streams) if (nowMs - askedMs > GONE_MS) this.#streams.delete(known);
    if (!this.#streams.has(stream) && this.#streams.size >= LIVE_STREAMS) return false;
    this.#streams.set(stream, nowMs);
    return true;
  }

  async #next(deadline: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await Promise.race([promise, deadline]);
    this.#waiting.delete(resolve);
  }
}
