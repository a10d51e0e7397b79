/**
 * The mail of one destination and the connections that carry it.
 *
 * A slot is one connection with the loop that feeds it. Mail goes to a slot that waits, else to a new slot while
 * there may be more, else into the line. A slot that found nothing for a while ends, and its connection with it.
 */
export type LaneOptions<Job> = {
  /** Slots this lane may have. */
  limit: number;
  /** How long a slot waits for mail with its connection open. */
  idleMs: number;
  /** Whether the relay as a whole may open one more slot; `true` takes it. `urgent`: this lane has none. */
  takeSlot: (urgent: boolean) => boolean;
  /** Whether a slot that waits, or is not its lane's only one, may go on, or its place is wanted elsewhere. */
  mayKeep: () => boolean;
  /** Runs a slot until `next` gives it nothing more. */
  run: (next: () => Promise<Job | undefined>) => Promise<void>;
  /** The job comes near the head of the line: what it needs may be got ready. */
  onNear: (job: Job) => void;
  onSlotEnd: () => void;
};

/** So many at the head of the line are near: as many as a lane's slots take in one go. */
const NEAR = 20;

type Waiter<Job> = { give: (job: Job | undefined) => void };

export class Lane<Job> {
  readonly #options: LaneOptions<Job>;
  readonly #line: Job[] = [];
  readonly #waiting: Waiter<Job>[] = [];
  #slots = 0;

  constructor(options: LaneOptions<Job>) {
    this.#options = options;
  }

  push(job: Job): void {
    const waiter = this.#waiting.pop();
    if (waiter) return waiter.give(job);
    this.#line.push(job);
    if (this.#line.length <= NEAR) this.#options.onNear(job);
    this.openSlot();
  }

  /** Opens one more slot when there is mail in line and it may. */
  openSlot(): void {
    if (this.#line.length === 0 || this.#slots >= this.#options.limit || !this.#options.takeSlot(this.#slots === 0))
      return;
    this.#slots += 1;
    void this.#options
      .run(() => this.#next())
      .finally(() => {
        this.#slots -= 1;
        this.#options.onSlotEnd();
      });
  }

  get hasLine(): boolean {
    return this.#line.length > 0;
  }

  get isIdle(): boolean {
    return this.#slots === 0 && this.#line.length === 0;
  }

  /** Ends a slot that waits, so that another lane may have its place; `false`: none waits. */
  endIdleSlot(): boolean {
    const waiter = this.#waiting.shift();
    waiter?.give(undefined);
    return waiter !== undefined;
  }

  /** Takes all mail out of the line and ends the slots that wait. */
  empty(): Job[] {
    while (this.endIdleSlot());
    return this.#line.splice(0);
  }

  #next(): Promise<Job | undefined> {
    if (this.#slots > 1 && !this.#options.mayKeep()) return Promise.resolve(undefined);
    const job = this.#line.shift();
    const near = this.#line[NEAR - 1];
    if (near !== undefined) this.#options.onNear(near);
    if (job !== undefined || !this.#options.mayKeep()) return Promise.resolve(job);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        resolve(undefined);
      }, this.#options.idleMs);
      const waiter: Waiter<Job> = {
        give: (given) => {
          clearTimeout(timer);
          resolve(given);
        },
      };
      this.#waiting.push(waiter);
    });
  }
}
