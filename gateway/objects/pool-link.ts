/**
 * One relay's socket and its credit.
 *
 * Credit is absolute: the relay says how much it would take and up to which batch it had seen; what was
 * sent after that is taken off. Who the relay is lives in the socket's attachment, so hibernation keeps it.
 */
import { z } from "zod";
import { joinFrame, SELF_FENCE_MS } from "#contract/relay-protocol.ts";

const Identity = z.object({
  relay: z.string(),
  name: z.string(),
  pool: z.string(),
  /** Set once it has said hello. */
  epoch: z.string().optional(),
  version: z.string().optional(),
  joinedAtMs: z.number().optional(),
  recalls: z.boolean().optional(),
});
export type LinkIdentity = z.infer<typeof Identity>;

/**
 * A relay that has not answered a recall for this long, or that was gone for it, has begun nothing since: what it heard
 * last was said before. A little more than its own clock says, for what was on its way.
 */
export const RECALL_WAIT_MS = SELF_FENCE_MS + 1000;

export const linkIdentity = (socket: WebSocket): LinkIdentity | undefined =>
  Identity.safeParse(socket.deserializeAttachment()).data;

export class Link {
  readonly identity: LinkIdentity;
  readonly socket: WebSocket;
  #free = 0;
  /** The most credit it ever gave: what it holds when it holds nothing. */
  #window = 0;
  /** Deliveries in the batch sent last. */
  lastBatch = 0;
  #seq = 0;
  #inFlight: { seq: number; count: number }[] = [];
  #draining = false;
  #recalls = 0;
  /** By number: what waits for the relay's answer. */
  readonly #recalling = new Map<number, () => void>();

  constructor(socket: WebSocket, identity: LinkIdentity) {
    this.socket = socket;
    this.identity = identity;
  }

  /** Deliveries it would take now. */
  get free(): number {
    return this.#draining ? 0 : this.#free;
  }

  /** Deliveries it holds, as far as its words on credit tell. */
  get inHand(): number {
    return this.#window - this.#free;
  }

  setCredit(free: number, seen: number): void {
    this.#window = Math.max(this.#window, free);
    // After hibernation the count of batches is gone; the relay remembers it.
    this.#seq = Math.max(this.#seq, seen);
    this.#inFlight = this.#inFlight.filter(({ seq }) => seq > seen);
    this.#free = Math.max(0, free - this.#inFlight.reduce((sum, { count }) => sum + count, 0));
  }

  sendBatch(account: string, count: number, batch: string): void {
    this.#seq += 1;
    this.lastBatch = count;
    this.#free = Math.max(0, this.#free - count);
    this.#inFlight.push({ seq: this.#seq, count });
    this.socket.send(joinFrame({ type: "batch", seq: this.#seq, account, count }, batch));
  }

  /** Has the relay let go of deliveries; `false`: it did not answer, so it is cut off by its own clock now. */
  recall(account: string, ks: readonly number[]): Promise<boolean> {
    this.#recalls += 1;
    const seq = this.#recalls;
    this.socket.send(joinFrame({ type: "recall", seq, account, ks: [...ks] }));
    return new Promise((resolve) => {
      const end = (isAnswered: boolean): void => {
        clearTimeout(timer);
        this.#recalling.delete(seq);
        resolve(isAnswered);
      };
      const timer = setTimeout(end, RECALL_WAIT_MS, false);
      this.#recalling.set(seq, () => end(true));
    });
  }

  recalled(seq: number): void {
    this.#recalling.get(seq)?.();
  }

  /** The relay is joining anew, and hears before its welcome what it must not begin: nothing waits for an answer here. */
  recalledAll(): void {
    for (const end of this.#recalling.values()) end();
  }

  /** The relay said bye: what it holds it finishes, more it does not take. */
  drain(): void {
    this.#draining = true;
  }
}
