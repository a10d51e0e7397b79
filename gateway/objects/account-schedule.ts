/**
 * Emails whose time has not come: another time for them, or none at all.
 *
 * Only what no relay has in its hands can be changed: `due > 0`, not one attempt made, and that of every recipient.
 */
import { EventKind } from "#contract/event.ts";
import { idFormatter, parseId } from "#contract/ids.ts";
import { problem, type Problem } from "#contract/problem.ts";
import type { AccountMetrics } from "./account-metrics.ts";
import { ACCEPT_SQL } from "./account-schema.ts";
import { providerOf } from "../core/mailbox-provider.ts";

type EmailRef = { object: "email"; id: string };
type Scheduled = { k: number; domain: string; deliveries: { k: number; rcpt: string; stream: number }[] };

const FIND = `SELECT d.k, d.rcpt, d.stream, d.due, d.state, d.attempt, e.domain FROM email e
  JOIN delivery d ON d.k >= e.k AND d.k < e.k + e.rcpts WHERE e.k = ? ORDER BY d.k`;

export class AccountSchedule {
  readonly #storage: DurableObjectStorage;
  readonly #account: string;
  readonly #takeK: (count: number, nowMs: number) => number;
  readonly #metrics: AccountMetrics;
  readonly #onEvents: () => void;

  constructor(
    storage: DurableObjectStorage,
    account: string,
    takeK: (count: number, nowMs: number) => number,
    metrics: AccountMetrics,
    onEvents: () => void,
  ) {
    this.#storage = storage;
    this.#account = account;
    this.#takeK = takeK;
    this.#metrics = metrics;
    this.#onEvents = onEvents;
  }

  /** Moves an email to another time; `undefined`: it goes now. Says which stream has mail due then. */
  reschedule(
    id: string,
    scheduledMs: number | undefined,
    nowMs: number,
  ): { email: EmailRef; stream: number; dueMs: number } | Problem {
    const found = this.#find(id);
    if ("kind" in found) return found;
    const dueMs = scheduledMs ?? nowMs;
    this.#storage.transactionSync(() => {
      const { sql } = this.#storage;
      sql.exec(
        "UPDATE email SET scheduled = ?1, meta = json_set(meta, '$.scheduled_at', ?1) WHERE k = ?2",
        dueMs,
        found.k,
      );
      for (const { k } of found.deliveries) sql.exec("UPDATE delivery SET due = ? WHERE k = ?", dueMs, k);
    });
    return { email: this.#ref(found.k), stream: found.deliveries[0]?.stream ?? 0, dueMs };
  }

  /** Cancels an email for all its recipients, each with its event. */
  cancel(id: string, nowMs: number): EmailRef | Problem {
    const found = this.#find(id);
    if ("kind" in found) return found;
    const first = this.#takeK(found.deliveries.length, nowMs);
    this.#metrics.begin();
    this.#storage.transactionSync(() => {
      const { sql } = this.#storage;
      for (const [index, { k, rcpt, stream }] of found.deliveries.entries()) {
        const event = first + index;
        sql.exec(ACCEPT_SQL.event, `[[${event},${found.k},${k},"${EventKind.enum.canceled}",${nowMs},{}]]`);
        sql.exec(
          "UPDATE delivery SET due = NULL, state = ?, last = ?, events = ? WHERE k = ?",
          "canceled",
          event,
          `[${event}]`,
          k,
        );
        const provider = providerOf(rcpt.slice(rcpt.lastIndexOf("@") + 1), undefined);
        this.#metrics.count(nowMs, stream, found.domain, provider, "canceled");
      }
      this.#metrics.flush();
      this.#onEvents();
    });
    return this.#ref(found.k);
  }

  #ref(k: number): EmailRef {
    return { object: "email", id: idFormatter(this.#account)(k) };
  }

  #find(id: string): Scheduled | Problem {
    const k = parseId(this.#account, id);
    const rows =
      k === undefined
        ? []
        : this.#storage.sql
            .exec<{
              k: number;
              rcpt: string;
              stream: number;
              due: number | null;
              state: string;
              attempt: number;
              domain: string;
            }>(FIND, k)
            .toArray();
    const [row] = rows;
    if (k === undefined || row === undefined) return problem("not_found", "There is no email with this id.");
    if (rows.every(({ state }) => state === "canceled"))
      return problem("invalid_access", "The email is canceled already.");
    if (!rows.every(({ due, state, attempt }) => state === "scheduled" && due !== null && due > 0 && attempt === 0))
      return problem("invalid_access", "The email is not scheduled any more: it is on its way, or was sent at once.");
    return { k, domain: row.domain, deliveries: rows };
  }
}
