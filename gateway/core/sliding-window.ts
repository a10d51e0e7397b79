/**
 * How often something was used in the last `windowMs`: never more than its limit, wherever the window is laid.
 *
 * Uses are booked in slots of `slotMs`. A slot counts until its last millisecond has left the window, so with slots of
 * 1 ms the window is exact, and with longer ones it refuses a little longer, never shorter. Time inside is the latest
 * that was seen: a clock that goes back lets nothing through that had its turn. One that jumps far ahead and comes back
 * empties the window, as the time it claimed would have; then time stands still: what is used stays used until the
 * clock is there again, or until a restart, if nothing was booked there. It does not guess which of two times is right.
 */
export class SlidingWindow {
  readonly #windowMs: number;
  readonly #slotMs: number;
  /** Slots, ascending, with the uses of each; those before `#head` have left and count in `#sum` no more. */
  readonly #slots: number[] = [];
  readonly #uses: number[] = [];
  #head = 0;
  #sum = 0;
  #latestMs = 0;

  /** `slots`: as stored, ascending; a slot is `floor(ms / slotMs)`. All times are whole milliseconds since the epoch. */
  constructor(
    { windowMs, slotMs }: { windowMs: number; slotMs: number },
    slots: Iterable<readonly [slot: number, uses: number]> = [],
  ) {
    this.#windowMs = windowMs;
    this.#slotMs = slotMs;
    for (const [slot, uses] of slots) {
      this.#slots.push(slot);
      this.#uses.push(uses);
      this.#sum += uses;
      // Where in the slot is not stored; its start is never later than what was seen.
      this.#latestMs = slot * slotMs;
    }
  }

  used(nowMs: number): number {
    this.#advance(nowMs);
    return this.#sum;
  }

  /** How many more may come now under `limit`; never negative, also when the limit was lowered below what is used. */
  remaining(limit: number, nowMs: number): number {
    return Math.max(0, limit - this.used(nowMs));
  }

  /** When `count` more fit under `limit`, ms since the epoch: `nowMs` if they do now; Infinity: never. */
  fitsAtMs(count: number, limit: number, nowMs: number): number {
    if (count <= this.remaining(limit, nowMs)) return nowMs;
    let left = this.#sum;
    for (let i = this.#head; i < this.#slots.length; i++) {
      left -= this.#uses[i] ?? 0;
      if (left + count <= limit) return this.#leavesAtMs(this.#slots[i] ?? 0);
    }
    // Not even an empty window has room for them.
    return Infinity;
  }

  /** Books `count` uses that the caller found room for; the slot they are in and all that is in it, to be stored. */
  add(count: number, nowMs: number): { slot: number; uses: number } {
    this.#advance(nowMs);
    const slot = Math.floor(this.#latestMs / this.#slotMs);
    const last = this.#slots.length - 1;
    this.#sum += count;
    if (last >= this.#head && this.#slots[last] === slot) {
      const uses = (this.#uses[last] ?? 0) + count;
      this.#uses[last] = uses;
      return { slot, uses };
    }
    // As many were booked as are moved: O(1) a booking. So there are never more than twice the slots that count.
    if (this.#head > 0 && this.#head * 2 >= this.#slots.length) this.#cutOff();
    this.#slots.push(slot);
    this.#uses.push(count);
    return { slot, uses: count };
  }

  /** When the oldest use leaves; `undefined`: there is none. */
  resetsAtMs(nowMs: number): number | undefined {
    this.#advance(nowMs);
    const oldest = this.#slots[this.#head];
    return oldest === undefined ? undefined : this.#leavesAtMs(oldest);
  }

  /** The oldest slot that still counts, used or not; rows of those below it may go. */
  oldestSlot(nowMs: number): number {
    this.#advance(nowMs);
    return Math.floor((this.#latestMs - this.#windowMs + 1) / this.#slotMs);
  }

  /** A use at `t` is in the window while `now - t < windowMs`; the last that a slot can hold is in its last millisecond. */
  #leavesAtMs(slot: number): number {
    return (slot + 1) * this.#slotMs - 1 + this.#windowMs;
  }

  /** Time passes, and the slots that have left go; so do empty ones, or there would be an oldest use that is none. */
  #advance(nowMs: number): void {
    if (nowMs > this.#latestMs) this.#latestMs = nowMs;
    for (; this.#head < this.#slots.length; this.#head++) {
      const uses = this.#uses[this.#head] ?? 0;
      if (uses > 0 && this.#leavesAtMs(this.#slots[this.#head] ?? 0) > this.#latestMs) return;
      this.#sum -= uses;
    }
  }

  #cutOff(): void {
    this.#slots.splice(0, this.#head);
    this.#uses.splice(0, this.#head);
    this.#head = 0;
  }
}
