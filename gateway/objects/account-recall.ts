/**
 * Takes back what relays hold already for addresses that get no mail any more.
 *
 * Who is suppressed is asked when mail is leased; this is for what was leased before. Invariant: when `done` settles, no
 * transaction begins any more to whom was noted before it was read: their relays have let go of the deliveries, or are cut
 * off by their own clock. What is let go comes back as any outcome does, and the next lease tells it as suppressed. Runs
 * one at a time, each for all that was noted meanwhile; an account of which relays hold nothing pays nothing.
 */
import type { HeldDelivery } from "../core/lease-book.ts";
import { suppressedNamesOf } from "../core/suppressed-address.ts";
import type { AccountQueue } from "./account-queue.ts";
import { ALL_STREAMS, type AccountSuppressions } from "./account-suppressions.ts";
import { logEvent } from "./log.ts";

/** Deliveries in the hands of one relay. */
export type Recall = { relay: string; ks: number[] };

export type RecallContext = {
  account: string;
  queue: Pick<AccountQueue, "held" | "heldCount">;
  suppressions: Pick<AccountSuppressions, "blocked">;
  /** Settles when none of them begins any more. */
  tell: (pool: string, recalls: Recall[]) => Promise<void>;
  waitUntil: (promise: Promise<void>) => void;
};

export class AccountRecall {
  readonly #context: RecallContext;
  /** Names of the list, each with the streams that it was noted for. */
  #names = new Map<string, Set<number>>();
  /** Deliveries that the book does not know any more, and their relay still does. */
  #forgotten: HeldDelivery[] = [];
  #done: Promise<void> = Promise.resolve();
  #isComing = false;

  constructor(context: RecallContext) {
    this.#context = context;
  }

  /** Settles when all that was noted is taken back. Bounded by what a pool waits for a relay. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** A name on the list, and a stream or `ALL_STREAMS`; it may be there already. */
  note(name: string, stream: number): void {
    if (this.#context.queue.heldCount === 0) return;
    const streams = this.#names.get(name);
    if (streams) streams.add(stream);
    else this.#names.set(name, new Set([stream]));
    this.#comeSoon();
  }

  /** A delivery that was settled while a relay held it. */
  noteForgotten(held: HeldDelivery): void {
    this.#forgotten.push(held);
    this.#comeSoon();
  }

  /** What a relay holds that must not go any more. */
  blockedWith(relay: string, nowMs: number): number[] {
    const held = [...this.#context.queue.held()].filter((delivery) => delivery.relay === relay);
    return [...Map.groupBy(held, ({ stream }) => stream)].flatMap(([stream, deliveries]) => {
      const recipients = deliveries.map(({ rcpt }) => rcpt);
      const blocked = this.#context.suppressions.blocked(recipients, stream, nowMs);
      return deliveries.filter(({ rcpt }) => blocked.has(rcpt)).map(({ k }) => k);
    });
  }

  /** After this turn, when what it has written is whole, and after the run before. */
  #comeSoon(): void {
    if (this.#isComing) return;
    this.#isComing = true;
    this.#done = this.#done.then(() => this.#run());
    this.#context.waitUntil(this.#done);
  }

  async #run(): Promise<void> {
    this.#isComing = false;
    const [names, unwanted] = [this.#names, this.#forgotten];
    this.#names = new Map();
    this.#forgotten = [];
    if (names.size > 0) for (const held of this.#context.queue.held()) if (isNamed(held, names)) unwanted.push(held);
    const byPool = Map.groupBy(unwanted, ({ pool }) => pool);
    await Promise.all([...byPool].map(([pool, deliveries]) => this.#tell(pool, byRelay(deliveries))));
  }

  async #tell(pool: string, recalls: Recall[]): Promise<void> {
    const { account, tell } = this.#context;
    try {
      // A pool that died has lost its sockets, and the new one waits until their relays must have seen it.
      await tell(pool, recalls).catch(() => tell(pool, recalls));
    } catch (error) {
      logEvent("error", "account.recall-failed", { account, pool, error: String(error) });
    }
  }
}

const isNamed = ({ rcpt, stream }: HeldDelivery, names: ReadonlyMap<string, ReadonlySet<number>>): boolean =>
  suppressedNamesOf(rcpt).some((name) => {
    const streams = names.get(name);
    return streams !== undefined && (streams.has(ALL_STREAMS) || streams.has(stream));
  });

const byRelay = (deliveries: readonly HeldDelivery[]): Recall[] =>
  Array.from(
    Map.groupBy(deliveries, ({ relay }) => relay),
    ([relay, held]) => ({ relay, ks: held.map(({ k }) => k) }),
  );
