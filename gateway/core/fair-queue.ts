/**
 * Whose turn it is: deficit round robin between accounts that have mail ready (Shreedhar and Varghese, 1995).
 *
 * A turn is one batch; what it cost in bytes is booked after it and may overdraw, then the account sits out
 * turns until the debt is paid. A newcomer waits at most one turn of each other account, however long and
 * heavy their queues.
 */
export class FairQueue {
  readonly #order: string[] = [];
  readonly #credit = new Map<string, number>();
  readonly #quantumBytes: number;

  constructor(quantumBytes: number) {
    this.#quantumBytes = quantumBytes;
  }

  /** Says that `account` has mail ready; again and again changes nothing. */
  add(account: string): void {
    if (this.#credit.has(account)) return;
    this.#credit.set(account, 0);
    this.#order.push(account);
  }

  remove(account: string): void {
    if (!this.#credit.delete(account)) return;
    this.#order.splice(this.#order.indexOf(account), 1);
  }

  /** The account whose turn it is; it goes to the end of the line. `undefined`: nobody is ready. */
  next(): string | undefined {
    // Each round adds a quantum to everybody, so somebody comes out of debt.
    for (;;) {
      const account = this.#order.shift();
      if (account === undefined) return undefined;
      this.#order.push(account);
      const credit = Math.min(this.#quantumBytes, (this.#credit.get(account) ?? 0) + this.#quantumBytes);
      this.#credit.set(account, credit);
      if (credit > 0) return account;
    }
  }

  /** Books what a turn cost; credit that was not used is not saved. */
  took(account: string, costBytes: number): void {
    const credit = this.#credit.get(account);
    if (credit !== undefined) this.#credit.set(account, Math.min(0, credit - costBytes));
  }

  get size(): number {
    return this.#order.length;
  }

  accounts(): readonly string[] {
    return this.#order;
  }
}
