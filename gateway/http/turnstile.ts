/**
 * What the edge remembers of accounts that are at a limit: until then it refuses by itself and wakes no object.
 *
 * Only an account that has said "nobody until T" is remembered, never a guess. An operator's change clears it here at
 * once; another isolate of the Worker may refuse on, `LONGEST_MS` at most.
 */
import type { Rate } from "#contract/limits.ts";
import type { Problem } from "#contract/problem.ts";

/** What a request is to a limit: any request, one that sends, one that sends from an address. */
export type Passage = "requests" | "sends" | `sender ${string}`;

type Closed = { untilMs: number; refusal: Problem; rate: Rate | undefined };

const LONGEST_MS = 60_000;
const REMEMBERED = 50_000;

export class Turnstile {
  readonly #closed = new Map<string, Map<string, Closed>>();
  #size = 0;

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
