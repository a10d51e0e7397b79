/**
 * Which domains the account receives for: those that it wants to, and that the directory has given it.
 *
 * Relays ask the directory whose a recipient is, and it gives a domain to one account at a time: who comes first keeps it
 * until they give it up, by setting or because they cannot prove it any more. What was asked there is remembered with
 * the answer, so a call that was lost is made again. All is asked for once more when a domain was changed or looked up,
 * and what another account has some minutes later.
 * Invariant: what is not wanted any more is not received from that moment on, whatever the directory has heard.
 */
import type { Errand } from "./errand.ts";
import { logEvent } from "./log.ts";

const RETRY_MS = 60_000;
/** Until a domain that another account has is asked for again, unless its owner looks after it before. */
const AGAIN_MS = 10 * 60_000;

export type ReceivingContext = {
  sql: SqlStorage;
  account: string;
  /** Names; the same array until they change. */
  wanted: () => readonly string[];
  /** The domains to have and to give up; answers with those that are the account's. */
  tell: (wanted: string[], givenUp: string[]) => Promise<string[]>;
};

/** `asked`: there is no answer yet, and the directory may know of it or not. */
type Claim = "asked" | "granted" | "refused";

export class AccountReceiving implements Errand {
  readonly #context: ReceivingContext;
  readonly #claims: Map<string, Claim>;
  /** What was wanted when all of it was last asked for, or found to be granted. */
  #settled: readonly string[] | undefined;
  #isRunning = false;
  #retryMs = 0;
  #againMs = Infinity;

  constructor(context: ReceivingContext) {
    this.#context = context;
    this.#claims = readClaims(context.sql);
    const wanted = context.wanted();
    const { lacking, givenUp } = this.#difference(wanted);
    if (lacking.length + givenUp.length === 0) this.#settled = wanted;
  }

  receives(domain: string): boolean {
    return this.#claims.get(domain) === "granted" && this.#context.wanted().includes(domain);
  }

  /** Another account has what this one wants. */
  isElsewhere(domain: string): boolean {
    return this.#claims.get(domain) === "refused" && this.#context.wanted().includes(domain);
  }

  nextMs(nowMs: number): number {
    if (this.#isRunning) return nowMs + RETRY_MS;
    const wanted = this.#context.wanted();
    if (wanted.length + this.#claims.size === 0) return Infinity;
    return wanted === this.#settled ? this.#againMs : this.#retryMs;
  }

  async run(nowMs: number): Promise<void> {
    if (this.nextMs(nowMs) <= nowMs) await this.settle(nowMs);
  }

  /** Asks and gives up now what there is, for an owner who waits for it. Never rejects. */
  async settle(nowMs: number): Promise<void> {
    const { account, tell } = this.#context;
    const wanted = this.#context.wanted();
    const { lacking, givenUp } = this.#difference(wanted);
    if (this.#isRunning || wanted.length + givenUp.length === 0) return;
    this.#isRunning = true;
    for (const domain of lacking) if (!this.#claims.has(domain)) this.#remember(domain, "asked");
    for (const domain of givenUp) this.#remember(domain, "asked");
    try {
      // Those that were granted, too: what the directory has lost it learns again.
      const granted = new Set(await tell([...wanted], givenUp));
      for (const domain of givenUp) this.#forget(domain);
      for (const domain of wanted) this.#remember(domain, granted.has(domain) ? "granted" : "refused");
      this.#settled = wanted;
      this.#retryMs = 0;
      this.#againMs = granted.size < wanted.length ? nowMs + AGAIN_MS : Infinity;
    } catch (error) {
      logEvent("error", "account.receiving-not-told", { account, error: String(error) });
      this.#settled = undefined;
      this.#retryMs = nowMs + RETRY_MS;
    } finally {
      this.#isRunning = false;
    }
  }

  #difference(wanted: readonly string[]): { lacking: string[]; givenUp: string[] } {
    const names = new Set(wanted);
    return {
      lacking: wanted.filter((domain) => this.#claims.get(domain) !== "granted"),
      givenUp: [...this.#claims.keys()].filter((domain) => !names.has(domain)),
    };
  }

  #remember(domain: string, claim: Claim): void {
    if (this.#claims.get(domain) === claim) return;
    const answer = claim === "asked" ? null : claim;
    this.#context.sql.exec("INSERT OR REPLACE INTO receiving_told (domain, answer) VALUES (?, ?)", domain, answer);
    this.#claims.set(domain, claim);
  }

  #forget(domain: string): void {
    this.#context.sql.exec("DELETE FROM receiving_told WHERE domain = ?", domain);
    this.#claims.delete(domain);
  }
}

const readClaims = (sql: SqlStorage): Map<string, Claim> =>
  new Map(
    sql
      .exec<{ domain: string; answer: string | null }>("SELECT domain, answer FROM receiving_told")
      .toArray()
      .map(({ domain, answer }) => [domain, answer === "granted" || answer === "refused" ? answer : "asked"]),
  );
