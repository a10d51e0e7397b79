/**
 * Takes back what relays hold already for addresses that get no mail any more.
 *
 * Who is suppressed is asked when mail is leased; this is for what was leased before. Invariant: when `done` settles, no
 * transaction begins any more to whom was noted in the turn that it was read in: their relays have let go of the
 * deliveries, or are cut off by their own clock. What is let go comes back as any outcome does, and the next lease tells it
 * as suppressed. All that is noted in a turn goes together and waits for no other's; an account of which relays hold
 * nothing pays nothing.
 */
import type { HeldDelivery } from "../core/lease-book.ts";
import { isWholeDomain, suppressedNamesOf } from "../core/suppressed-address.ts";
import type { AccountQueue } from "./account-queue.ts";
import { ALL_STREAMS, type AccountSuppressions } from "./account-suppressions.ts";
import { logEvent } from "./log.ts";

/** Deliveries in the hands of one relay. */
export type Recall = { relay: string; ks: number[] };

export type RecallContext = {
  account: string;
  queue: Pick<AccountQueue, "inHand" | "pools">;
  suppressions: Pick<AccountSuppressions, "blocked">;
  /** Settles when none of them begins any more. */
  tell: (pool: string, recalls: Recall[]) => Promise<void>;
  waitUntil: (promise: Promise<void>) => void;
};

/** Names of the list, each with the streams that it was noted for. */
type Names = Map<string, Set<number>>;

export class AccountRecall {
  readonly #context: RecallContext;
  #names: Names = new Map();
  /** Deliveries that the book does not know any more and their relay still does: noted in this turn, and before. */
  #forgotten: HeldDelivery[] = [];
  readonly #leaving = new Set<HeldDelivery>();
  /** What is noted now is taken back by this one. */
  #coming: Promise<void> | undefined;

  constructor(context: RecallContext) {
    this.#context = context;
  }

  /** To be read in the turn of the notes: settles when they are taken back. Bounded by what a pool waits for a relay. */
  get done(): Promise<void> {
    return this.#coming ?? Promise.resolve();
  }

  /** A name on the list, and a stream or `ALL_STREAMS`; it may be there already. */
  note(name: string, stream: number): void {
    if (this.#context.queue.inHand.heldCount + this.#leaving.size === 0) return;
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

  /** What a relay that joins must let go of: what is not its own any more, and what must not go any more. */
  unwantedOf(relay: string, holding: readonly number[], nowMs: number): number[] {
    const { queue, suppressions } = this.#context;
    const own = [...queue.inHand.held()].filter((delivery) => delivery.relay === relay);
    const blocked = [...Map.groupBy(own, ({ stream }) => stream)].flatMap(([stream, deliveries]) => {
      const recipients = deliveries.map(({ rcpt }) => rcpt);
      const names = suppressions.blocked(recipients, stream, nowMs);
      return deliveries.filter(({ rcpt }) => names.has(rcpt)).map(({ k }) => k);
    });
    return [...holding.filter((k) => queue.inHand.find(k)?.relay !== relay), ...blocked];
  }

  /** After this turn, when what it has written is whole. */
  #comeSoon(): void {
    if (this.#coming) return;
    this.#coming = Promise.resolve().then(() => this.#run());
    this.#context.waitUntil(this.#coming);
  }

  async #run(): Promise<void> {
    const [names, forgotten] = [this.#names, this.#forgotten];
    this.#names = new Map();
    this.#forgotten = [];
    this.#coming = undefined;
    const unwanted = [...this.#held(names), ...this.#leaving].filter((held) => isNamed(held, names)).concat(forgotten);
    for (const held of forgotten) this.#leaving.add(held);
    const byPool = Map.groupBy(
      unwanted.flatMap((held) => this.#poolsOf(held).map((pool) => ({ ...held, pool }))),
      ({ pool }) => pool,
    );
    await Promise.all([...byPool].map(([pool, deliveries]) => this.#tell(pool, byRelay(deliveries))));
    for (const held of forgotten) this.#leaving.delete(held);
  }

  /** All that may be meant: only for whole domains is everything walked through. */
  #held(names: Names): Iterable<HeldDelivery> {
    const { inHand } = this.#context.queue;
    const list = [...names.keys()];
    return list.some(isWholeDomain) ? inHand.held() : list.flatMap((name) => inHand.heldFor(name));
  }

  /** Of a lease whose pool was not written down: any. */
  #poolsOf({ pool }: HeldDelivery): string[] {
    return pool === "" ? [...this.#context.queue.pools()] : [pool];
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

const isNamed = ({ rcpt, stream }: HeldDelivery, names: Names): boolean =>
  suppressedNamesOf(rcpt).some((name) => {
    const streams = names.get(name);
    return streams !== undefined && (streams.has(ALL_STREAMS) || streams.has(stream));
  });

const byRelay = (deliveries: readonly HeldDelivery[]): Recall[] =>
  Array.from(
    Map.groupBy(deliveries, ({ relay }) => relay),
    ([relay, held]) => ({ relay, ks: held.map(({ k }) => k) }),
  );
