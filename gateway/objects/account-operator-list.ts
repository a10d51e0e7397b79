/**
 * The account's copy of the operator's list of addresses that never exist.
 *
 * It is never waited for: the copy is in a table of the account and is brought up to date beside the mail, when the
 * account wakes and at most once a minute while it is busy. Only what has changed comes over. A directory that does not
 * answer leaves the copy as it was.
 */
import type { OperatorChanges } from "#contract/operator-suppression.ts";
import type { Errand } from "./errand.ts";
import { logEvent } from "./log.ts";
import { RowWriter } from "./row-writer.ts";

export const OPERATOR_LIST_SQL = {
  matching: `SELECT o.address FROM json_each(?1) j JOIN operator_suppression o ON o.address = j.value`,
  insert: `INSERT OR IGNORE INTO operator_suppression (address) SELECT value FROM json_each(?1)`,
  remove: `DELETE FROM operator_suppression WHERE address IN (SELECT value FROM json_each(?1))`,
  seq: `SELECT seq FROM operator_list`,
  setSeq: `INSERT OR REPLACE INTO operator_list (id, seq) VALUES (1, ?1)`,
} as const;

const REFRESH_MS = 60_000;

export type OperatorListContext = {
  account: string;
  storage: DurableObjectStorage;
  /** What has changed since `seq`; 0: since ever. */
  pull: (seq: number) => Promise<OperatorChanges>;
  /** This name has come onto the list. */
  recall: (name: string) => void;
};

export class AccountOperatorList implements Errand {
  readonly #context: OperatorListContext;
  readonly #sql: SqlStorage;
  #pulledAtMs = -Infinity;
  #isPulling = false;
  #isEmpty: boolean;

  constructor(context: OperatorListContext) {
    this.#context = context;
    this.#sql = context.storage.sql;
    this.#isEmpty = this.#readIsEmpty();
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** Which of these names are listed; `names`: a JSON array. */
  listed(names: string): ReadonlySet<string> {
    if (this.#isEmpty) return NONE;
    const rows = this.#sql.exec<{ address: string }>(OPERATOR_LIST_SQL.matching, names).toArray();
    return new Set(rows.map(({ address }) => address));
  }

  /** It wakes no account: whoever is busy runs it. */
  nextMs(): number {
    return Infinity;
  }

  async run(nowMs: number): Promise<void> {
    if (this.#isPulling || nowMs - this.#pulledAtMs < REFRESH_MS) return;
    this.#isPulling = true;
    this.#pulledAtMs = nowMs;
    try {
      const seq = this.#sql.exec<{ seq: number }>(OPERATOR_LIST_SQL.seq).toArray()[0]?.seq ?? 0;
      const changes = await this.#context.pull(seq);
      if (changes.seq !== seq) this.#context.storage.transactionSync(() => this.#apply(changes));
    } catch (error) {
      logEvent("warn", "account.operator-list-not-pulled", { account: this.#context.account, error: String(error) });
    } finally {
      this.#isPulling = false;
    }
  }

  #apply({ isWhole, listed, removed, seq }: OperatorChanges): void {
    if (isWhole) this.#sql.exec("DELETE FROM operator_suppression");
    const rows = new RowWriter(this.#sql, OPERATOR_LIST_SQL.insert);
    for (const address of listed) {
      rows.add(JSON.stringify(address));
      this.#context.recall(address);
    }
    rows.flush();
    if (removed.length > 0) this.#sql.exec(OPERATOR_LIST_SQL.remove, JSON.stringify(removed));
    this.#sql.exec(OPERATOR_LIST_SQL.setSeq, seq);
    this.#isEmpty = this.#readIsEmpty();
  }

  #readIsEmpty(): boolean {
    return this.#sql.exec("SELECT 1 FROM operator_suppression LIMIT 1").toArray().length === 0;
  }
}

const NONE: ReadonlySet<string> = new Set();
