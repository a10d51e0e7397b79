/**
 * One moving deadline for a connection that sets a new one with every command.
 *
 * Moving it later, the usual case, only writes a number: a timer that fires too early looks at the number
 * and sleeps again. So thousands of messages a second make no timers. It reads no clock of its own.
 */
export type Timer = {
  /** A clock that never goes back. */
  nowMs: () => number;
  /** Runs once after the delay; the answer cancels it. */
  after: (delayMs: number, run: () => void) => () => void;
};

export class Deadline {
  readonly #timer: Timer;
  readonly #onExpired: () => void;
  #atMs = Infinity;
  #wakesAtMs = Infinity;
  #cancelWake: (() => void) | undefined;

  constructor(timer: Timer, onExpired: () => void) {
    this.#timer = timer;
    this.#onExpired = onExpired;
  }

  /** Sets the deadline, whatever it was before. */
  set(delayMs: number): void {
    this.#atMs = this.#timer.nowMs() + delayMs;
    if (this.#wakesAtMs > this.#atMs) this.#wakeAt(this.#atMs, delayMs);
  }

  /** No deadline until the next `set`. */
  lift(): void {
    this.#atMs = Infinity;
  }

  /** Lifts it and lets go of the timer. */
  close(): void {
    this.lift();
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    this.#wakesAtMs = Infinity;
  }

  #wakeAt(atMs: number, delayMs: number): void {
    this.#cancelWake?.();
    this.#wakesAtMs = atMs;
    this.#cancelWake = this.#timer.after(delayMs, () => this.#woke());
  }

  #woke(): void {
    this.#wakesAtMs = Infinity;
    this.#cancelWake = undefined;
    if (this.#atMs === Infinity) return;
    const remainingMs = this.#atMs - this.#timer.nowMs();
    if (remainingMs > 0) return this.#wakeAt(this.#atMs, remainingMs);
    this.#atMs = Infinity;
    this.#onExpired();
  }
}
