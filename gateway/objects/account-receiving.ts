/**
 * Which domains the account receives for, as the directory is to know it: relays ask there whose a recipient is.
 *
 * The account's domains are the truth; what the directory was told is remembered, and told is the difference. So a call
 * that was lost is made again, and of two accounts that prove a domain the later one has it.
 */
import type { Errand } from "./errand.ts";
import { logEvent } from "./log.ts";

const RETRY_MS = 60_000;

export type ReceivingContext = {
  sql: SqlStorage;
  account: string;
  /** Names; the same array until they change. */
  wanted: () => readonly string[];
  tell: (added: string[], removed: string[]) => Promise<void>;
};

export class AccountReceiving implements Errand {
  readonly #context: ReceivingContext;
  /** What was wanted when the directory last knew all of it. */
  #told: readonly string[] | undefined;
  #isRunning = false;
  #notBeforeMs = 0;

  constructor(context: ReceivingContext) {
    this.#context = context;
  }

  nextMs(nowMs: number): number {
    if (this.#isTold()) return Infinity;
    return this.#isRunning ? nowMs + RETRY_MS : this.#notBeforeMs;
  }

  async run(nowMs: number): Promise<void> {
    if (this.#isRunning || this.nextMs(nowMs) > nowMs) return;
    this.#isRunning = true;
    const { sql, account, tell } = this.#context;
    const { added, removed, wanted } = this.#difference();
    try {
      await tell(added, removed);
      for (const domain of removed) sql.exec("DELETE FROM receiving_told WHERE domain = ?", domain);
      for (const domain of added) sql.exec("INSERT OR IGNORE INTO receiving_told (domain) VALUES (?)", domain);
      this.#told = wanted;
    } catch (error) {
      logEvent("error", "account.receiving-not-told", { account, error: String(error) });
      this.#notBeforeMs = nowMs + RETRY_MS;
    } finally {
      this.#isRunning = false;
    }
  }

  #isTold(): boolean {
    if (this.#context.wanted() === this.#told) return true;
    const { added, removed, wanted } = this.#difference();
    if (added.length + removed.length > 0) return false;
    this.#told = wanted;
    return true;
  }

  #difference(): { added: string[]; removed: string[]; wanted: readonly string[] } {
    const wanted = this.#context.wanted();
    const told = this.#context.sql
      .exec<{ domain: string }>("SELECT domain FROM receiving_told")
      .toArray()
      .map(({ domain }) => domain);
    const [are, were] = [new Set(wanted), new Set(told)];
    return {
      added: wanted.filter((domain) => !were.has(domain)),
      removed: told.filter((domain) => !are.has(domain)),
      wanted,
    };
  }
}
