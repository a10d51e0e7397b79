/**
 * Which delivery is in whose hands: the fence between a relay's word and an account's rows.
 *
 * A lease is a batch of deliveries given to one relay. The book mirrors the lease rows; it is rebuilt from
 * them after a crash. An outcome may speak for a delivery only while its lease holds it: after a return or
 * a newer lease, the old one is stale and changes nothing.
 */
/** `pool`: where the relay was when it got the lease; "": before that was written down, any. */
type Holder = { pool: string; relay: string; stream: number };

export type LeaseRow = Holder & { id: number; atMs: number; deliveries: readonly { k: number; rcpt: string }[] };
/** A delivery in a relay's hands. */
export type HeldDelivery = Holder & { k: number; rcpt: string };

/** What is in relays' hands, to be looked at. */
export type HeldView = Pick<LeaseBook, "held" | "heldFor" | "find" | "heldCount">;

/** `held`: recipients by delivery. */
type Lease = Holder & { atMs: number; held: Map<number, string> };

export class LeaseBook {
  readonly #leases = new Map<number, Lease>();
  readonly #holder = new Map<number, number>();
  /** By recipient in lower case: what is held for them. */
  readonly #ofRecipient = new Map<string, Set<number>>();

  /** Adds a lease; a delivery that an older lease still lists belongs to this one from now on. */
  add({ id, pool, relay, stream, atMs, deliveries }: LeaseRow): void {
    const held = new Map<number, string>();
    this.#leases.set(id, { pool, relay, stream, atMs, held });
    for (const { k, rcpt } of deliveries) {
      this.#drop(k);
      this.#holder.set(k, id);
      held.set(k, rcpt);
      const name = rcpt.toLowerCase();
      const ks = this.#ofRecipient.get(name);
      if (ks) ks.add(k);
      else this.#ofRecipient.set(name, new Set([k]));
    }
  }

  /** Whether `lease` holds `k` and was given to `relay`. */
  holds(relay: string, lease: number, k: number): boolean {
    return this.#holder.get(k) === lease && this.#leases.get(lease)?.relay === relay;
  }

  /** Takes `k` out of its lease. */
  settle(k: number): void {
    this.#drop(k);
  }

  /** Leases with nothing left in them that `mayGo` lets go: they leave the book, and their rows may follow. */
  takeEmpty(mayGo: (lease: number) => boolean): number[] {
    const empty: number[] = [];
    for (const [id, lease] of this.#leases) if (lease.held.size === 0 && mayGo(id)) empty.push(id);
    for (const id of empty) this.#leases.delete(id);
    return empty;
  }

  /** What `relay` was given in this pool and no longer has: all of it but what is in `holding`. */
  lost(relay: string, pool: string, holding: ReadonlySet<number>): number[] {
    const lost: number[] = [];
    for (const lease of this.#leases.values()) {
      if (lease.relay === relay && (lease.pool === pool || lease.pool === ""))
        for (const k of lease.held.keys()) if (!holding.has(k)) lost.push(k);
    }
    return lost;
  }

  /** What a lease still holds. */
  heldBy(lease: number): number[] {
    return [...(this.#leases.get(lease)?.held.keys() ?? [])];
  }

  /** All that relays hold, in no order. */
  *held(): Generator<HeldDelivery, void> {
    for (const { pool, relay, stream, held } of this.#leases.values())
      for (const [k, rcpt] of held) yield { pool, relay, stream, k, rcpt };
  }

  /** What is held for a recipient, named in lower case. */
  heldFor(name: string): HeldDelivery[] {
    return [...(this.#ofRecipient.get(name) ?? [])].map((k) => this.find(k)).filter((held) => held !== undefined);
  }

  /** Who holds `k`, if anybody does. */
  find(k: number): HeldDelivery | undefined {
    const id = this.#holder.get(k);
    const lease = id === undefined ? undefined : this.#leases.get(id);
    const rcpt = lease?.held.get(k);
    if (lease === undefined || rcpt === undefined) return undefined;
    return { pool: lease.pool, relay: lease.relay, stream: lease.stream, k, rcpt };
  }

  /** Relays that hold something, each with the time of its newest lease. */
  relays(): Map<string, number> {
    const relays = new Map<string, number>();
    for (const lease of this.#leases.values()) {
      if (lease.held.size > 0) relays.set(lease.relay, Math.max(lease.atMs, relays.get(lease.relay) ?? 0));
    }
    return relays;
  }

  /** Pools that something was leased in and is still held. */
  pools(): Set<string> {
    return new Set([...this.#leases.values()].filter(({ held }) => held.size > 0).map(({ pool }) => pool));
  }

  /** Deliveries in relays' hands. */
  get heldCount(): number {
    return this.#holder.size;
  }

  #drop(k: number): void {
    const id = this.#holder.get(k);
    const held = id === undefined ? undefined : this.#leases.get(id)?.held;
    const name = held?.get(k)?.toLowerCase();
    if (held === undefined || name === undefined) return;
    this.#holder.delete(k);
    held.delete(k);
    const ks = this.#ofRecipient.get(name);
    ks?.delete(k);
    if (ks?.size === 0) this.#ofRecipient.delete(name);
  }
}
