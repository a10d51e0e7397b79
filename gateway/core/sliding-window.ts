/**
 * How often something was used in the last `windowMs`: never more than its limit, wherever the window is laid.
 *
 * Uses are booked in slots of `slotMs`. A slot counts until its last millisecond has left the window, so with slots of
 * 1 ms the window is exact, and with longer ones it refuses a little longer, never shorter. Time inside is the latest
 * that was seen: a clock that goes back lets nothing through that had its turn. (One that jumps far ahead and comes
 * back empties the window, as the time it claimed would have.)
 */
export type WindowShape = { windowMs: number; slotMs: number };

export class SlidingWindow {
  readonly #windowMs: number;
  readonly #slotMs: number;
  /** Slots that have uses, ascending, with the uses of each; those before `#head` have left. */
  #slots: number[] = [];
  #uses: number[] = [];
  #head = 0;
  #sum = 0;
  #latestMs = 0;

  /** `slots`: as stored, ascending; a slot is `floor(ms / slotMs)`. */
  constructor({ windowMs, slotMs }: WindowShape, slots: Iterable<readonly [slot: number, uses: number]> = []) {
    this.#windowMs = windowMs;
    this.#slotMs = slotMs;
    for (const [slot, uses] of slots) {
      this.#slots.push(slot);
      this.#uses.push(uses);
      this.#sum += uses;
      this.#latestMs = slot * slotMs;
    }
  }

  used(nowMs: number): number {
    this.#advance(nowMs);
    return this.#sum;
  }

  /** How many more may come now. */
  remaining(limit: number, nowMs: number): number {
    return Math.max(0, limit - this.used(nowMs));
  }

  /** When `count` more fit, ms since the epoch; Infinity: never. */
  fitsAtMs(count: number, limit: number, nowMs: number): number {
    if (count > limit) return Infinity;
    let left = this.used(nowMs);
    if (left + count <= limit) return nowMs;
    for (let i = this.#head; i < this.#slots.length; i++) {
      left -= this.#uses[i] ?? 0;
      if (left + count <= limit) return this.#leavesAtMs(this.#slots[i] ?? 0);
    }
    return Infinity;
  }

  /** Books uses that the caller found room for; the slot they are in and all that is in it, which is to be stored. */
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

  /** Slots below it count no more. */
  oldestSlot(nowMs: number): number {
    this.#advance(nowMs);
    return Math.floor((this.#latestMs - this.#windowMs) / this.#slotMs);
  }

  /** A use at `t` is in the window while `now - t < windowMs`; the last that a slot can hold is in its last millisecond. */
  #leavesAtMs(slot: number): number {
    return (slot + 1) * this.#slotMs - 1 + this.#windowMs;
  }

  #advance(nowMs: number): void {
    if (nowMs > this.#latestMs) this.#latestMs = nowMs;
    while (this.#head < this.#slots.length && this.#leavesAtMs(this.#slots[this.#head] ?? 0) <= this.#latestMs) {
      this.#sum -= this.#uses[this.#head] ?? 0;
      this.#head += 1;
    }
    // What has left is cut off now and then, not one by one.
    if (this.#head > 64 && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#uses = this.#uses.slice(this.#head);
      this.#head = 0;
    }
  }
}
