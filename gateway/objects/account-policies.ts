/**
 * The MTA-STS policies that the directory has yet to be told of: served are those that it has (`directory.ts`).
 *
 * A change is written down with the domain's setting, in its transaction, and stays until the directory has answered.
 * So the two never differ for longer than a failure lasts. A newer change of a domain takes the place of an older one.
 */
import type { Errand } from "./errand.ts";
import { logEvent } from "./log.ts";

export const POLICY_SQL = {
  write: `INSERT OR REPLACE INTO policy_change (domain, k, policy) VALUES (?1, ?2, ?3)`,
  next: `SELECT domain, k, policy FROM policy_change LIMIT 1`,
  told: `DELETE FROM policy_change WHERE domain = ?1 AND k = ?2`,
} as const;

/** Tells the directory; `policy` null: there is none any more. */
export type TellPolicy = (domain: string, policy: string | null) => Promise<void>;

type Row = { domain: string; k: number; policy: string | null };

const RETRY_MS = 60_000;

export class AccountPolicies implements Errand {
  readonly #sql: SqlStorage;
  readonly #account: string;
  readonly #takeK: (count: number, nowMs: number) => number;
  readonly #tell: TellPolicy;
  #isRunning = false;
  #hasChanges: boolean;
  #notBeforeMs = 0;

  constructor(sql: SqlStorage, account: string, takeK: (count: number, nowMs: number) => number, tell: TellPolicy) {
    this.#sql = sql;
    this.#account = account;
    this.#takeK = takeK;
    this.#tell = tell;
    this.#hasChanges = this.#next() !== undefined;
  }

  /** Inside the transaction of the setting. */
  change(domain: string, policy: string | null, nowMs: number): void {
    this.#sql.exec(POLICY_SQL.write, domain, this.#takeK(1, nowMs), policy);
    this.#hasChanges = true;
    this.#notBeforeMs = 0;
  }

  nextMs(nowMs: number): number {
    if (!this.#hasChanges) return Infinity;
    // While it runs the alarm stays armed: it may die on the way.
    return this.#isRunning ? nowMs + RETRY_MS : this.#notBeforeMs;
  }

  async run(nowMs: number): Promise<void> {
    if (this.#isRunning || this.nextMs(nowMs) > nowMs) return;
    this.#isRunning = true;
    try {
      for (let row = this.#next(); row !== undefined; row = this.#next()) {
        await this.#tell(row.domain, row.policy);
        this.#sql.exec(POLICY_SQL.told, row.domain, row.k);
      }
      this.#hasChanges = false;
    } catch (error) {
      logEvent("error", "account.policy-not-told", { account: this.#account, error: String(error) });
      this.#notBeforeMs = nowMs + RETRY_MS;
    } finally {
      this.#isRunning = false;
    }
  }

  #next(): Row | undefined {
    return this.#sql.exec<Row>(POLICY_SQL.next).toArray()[0];
  }
}
