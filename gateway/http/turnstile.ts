/**
 * What the edge remembers of accounts that are at a limit: until then it refuses by itself and wakes no object.
 *
 * Only an account that has said "nobody until T" is remembered, never a guess. An operator's change clears it here at
 * once; another isolate of the Worker may refuse on, `LONGEST_MS` at most.
 */
import { DEFAULT_LIMITS, type Rate } from "#contract/limits.ts";
import { problem, type Problem } from "#contract/problem.ts";

/** What a request is to a limit: any request, one that sends, one that sends from an address, one with a key. */
export type Passage = "requests" | "sends" | `sender ${string}` | `key ${string}`;

type Closed = { untilMs: number; refusal: Problem; rate: Rate | undefined };

const LONGEST_MS = 60_000;
const SECOND_MS = 1000;
const REMEMBERED = 50_000;

export class Turnstile {
  readonly #closed = new Map<string, Map<string, Closed>>();
  #size = 0;
  /** Requests of this second that never came to their account, by account and key; and the limits last told. */
  readonly #local = new Map<string, { second: number; count: number }>();
  readonly #limits = new Map<string, number>();

  /** The refusal that still holds for this passage. */
  refused(account: string, passage: Passage, nowMs: number): { refusal: Problem; rate: Rate | undefined } | undefined {
    const ofAccount = this.#closed.get(account);
    const closed = ofAccount?.get(passage);
    if (!ofAccount || !closed) return undefined;
    if (closed.untilMs > nowMs) return closed;
    ofAccount.delete(passage);
    this.#size -= 1;
    return undefined;
  }

  /** Keeps a refusal that is everybody's. */
  remember(account: string, refusal: Problem, rate: Rate | undefined, nowMs: number): void {
    if (refusal.full === undefined || refusal.retryAtMs === undefined || refusal.retryAtMs <= nowMs) return;
    if (this.#size >= REMEMBERED) this.#clear();
    const ofAccount = this.#closed.get(account) ?? new Map<string, Closed>();
    if (!ofAccount.has(refusal.full)) this.#size += 1;
    ofAccount.set(refusal.full, { untilMs: Math.min(refusal.retryAtMs, nowMs + LONGEST_MS), refusal, rate });
    this.#closed.set(account, ofAccount);
  }

  /**
   * A request is answered. One that the account was not asked about, because something was wrong with it or its key
   * does not count, uses up the key's own requests a second here: it must not be free.
   */
  answered(account: string, key: string, rate: Rate | undefined, nowMs: number): void {
    if (rate) {
      if (this.#limits.size >= REMEMBERED) this.#limits.clear();
      this.#limits.set(account, rate.limit);
      return;
    }
    const name = `${account} ${key}`;
    const second = Math.floor(nowMs / SECOND_MS);
    const before = this.#local.get(name);
    const count = before?.second === second ? before.count + 1 : 1;
    if (this.#local.size >= REMEMBERED) this.#local.clear();
    this.#local.set(name, { second, count });
    const limit = this.#limits.get(account) ?? DEFAULT_LIMITS.requests_per_second;
    if (count < limit) return;
    const retryAtMs = (second + 1) * SECOND_MS;
    const text = `The limit \`requests_per_second\` of ${limit} is reached.`;
    const refusal = { ...problem("rate_limit_exceeded", text), retryAtMs, full: `key ${key}` };
    this.remember(account, refusal, { limit, remaining: 0, resetSeconds: 1 }, nowMs);
  }

  /** The operator has changed the account. */
  forget(account: string): void {
    this.#size -= this.#closed.get(account)?.size ?? 0;
    this.#closed.delete(account);
  }

  #clear(): void {
    this.#closed.clear();
    this.#size = 0;
  }
}
