/**
 * The account's windows: how much was sent in each, and whether more may be.
 *
 * Asked and booked in one turn, in memory, so no two sends share a last place; what was booked is written in the same
 * transaction as the mail it was booked for (`flush`), so a restart forgets nothing. Limits are arguments of every
 * question: a change counts at once. Requests are written with the mail too, by the second: what came after the last
 * commit and stored nothing is all that a restart does not know.
 */
import type { LimitName, Limits, LimitState, Rate } from "#contract/limits.ts";
import { problem, type Problem, type ProblemCode } from "#contract/problem.ts";
import { SlidingWindow } from "../core/sliding-window.ts";
import { RowWriter } from "./row-writer.ts";

/** What one message uses: `recipients` of the account's windows, `messages` of its sender's. */
export type Use = { sender: string; recipients: number; messages: number };

const SECOND_MS = 1000;
const DAY_MS = 24 * 3600 * SECOND_MS;
const WINDOWS = {
  requests_per_second: { windowMs: SECOND_MS, slotMs: 1 },
  recipients_per_10_minutes: { windowMs: 600 * SECOND_MS, slotMs: SECOND_MS },
  recipients_per_24_hours: { windowMs: DAY_MS, slotMs: 60 * SECOND_MS },
  messages_per_sender_per_24_hours: { windowMs: DAY_MS, slotMs: 60 * SECOND_MS },
} as const satisfies Record<LimitName, { windowMs: number; slotMs: number }>;

const PROBLEM_OF: Record<LimitName, ProblemCode> = {
  requests_per_second: "rate_limit_exceeded",
  recipients_per_10_minutes: "rate_limit_exceeded",
  recipients_per_24_hours: "daily_quota_exceeded",
  messages_per_sender_per_24_hours: "daily_quota_exceeded",
};

/** Windows of senders held in memory; others are read again when they send. */
const HELD_SENDERS = 10_000;
const UPSERT = `INSERT OR REPLACE INTO usage (subject, slot, n) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)`;

type Dirty = { subject: string; slot: number; uses: number };

export class AccountLimits {
  readonly #sql: SqlStorage;
  readonly #requests: SlidingWindow;
  readonly #short: SlidingWindow;
  readonly #long: SlidingWindow;
  readonly #senders = new Map<string, SlidingWindow>();
  readonly #dirty = new Map<string, Dirty>();
  /** Requests of the present second. */
  #second: Dirty | undefined;

  constructor(sql: SqlStorage, nowMs: number) {
    this.#sql = sql;
    this.#short = this.#read("recipients_per_10_minutes", "10m", nowMs);
    this.#long = this.#read("recipients_per_24_hours", "24h", nowMs);
    this.#requests = new SlidingWindow(WINDOWS.requests_per_second);
    const second = Math.floor(nowMs / SECOND_MS);
    for (const { slot, n } of sql.exec<{ slot: number; n: number }>(
      "SELECT slot, n FROM usage WHERE subject = '1s' AND slot >= ? ORDER BY slot",
      second - 1,
    ))
      this.#requests.add(n, Math.min(nowMs, (slot + 1) * SECOND_MS - 1));
  }

  /** Books a request, or says when there may be one again. */
  request(limits: Limits, nowMs: number): Problem | undefined {
    const limit = limits.requests_per_second;
    if (this.#requests.remaining(limit, nowMs) === 0)
      return refusal("requests_per_second", limit, this.#requests.fitsAtMs(1, limit, nowMs), "requests");
    this.#requests.add(1, nowMs);
    const slot = Math.floor(nowMs / SECOND_MS);
    this.#second = { subject: "1s", slot, uses: this.#second?.slot === slot ? this.#second.uses + 1 : 1 };
    return undefined;
  }

  rate(limits: Limits, nowMs: number): Rate {
    const limit = limits.requests_per_second;
    return { limit, remaining: this.#requests.remaining(limit, nowMs), resetSeconds: 1 };
  }

  /** Whether these uses would be let in now; books nothing. */
  refusal(uses: readonly Use[], limits: Limits, nowMs: number): Problem | undefined {
    const { recipients, bySender } = sumOf(uses);
    return (
      this.#refuse("recipients_per_10_minutes", this.#short, recipients, limits, nowMs, "sends") ??
      this.#refuse("recipients_per_24_hours", this.#long, recipients, limits, nowMs, "sends") ??
      this.#refuseSenders(bySender, limits, nowMs)
    );
  }

  /** Books all of the uses or none. */
  admit(uses: readonly Use[], limits: Limits, nowMs: number): Problem | undefined {
    const refused = this.refusal(uses, limits, nowMs);
    if (refused) return refused;
    const { recipients, bySender } = sumOf(uses);
    if (recipients > 0) {
      this.#book("10m", this.#short, recipients, nowMs);
      this.#book("24h", this.#long, recipients, nowMs);
    }
    for (const [sender, messages] of bySender)
      if (messages > 0) this.#book(`s:${sender}`, this.#sender(sender, nowMs), messages, nowMs);
    return undefined;
  }

  /** How many more recipients both windows would take. */
  room(limits: Limits, nowMs: number): number {
    return Math.min(
      this.#short.remaining(limits.recipients_per_10_minutes, nowMs),
      this.#long.remaining(limits.recipients_per_24_hours, nowMs),
    );
  }

  /** Writes down what was booked since the last time; inside the transaction of the mail it was booked for. */
  flush(): void {
    if (this.#dirty.size === 0) return;
    const rows = new RowWriter(this.#sql, UPSERT);
    for (const { subject, slot, uses } of [...this.#dirty.values(), ...(this.#second ? [this.#second] : [])])
      rows.add(JSON.stringify([subject, slot, uses]));
    rows.flush();
    this.#dirty.clear();
  }

  states(limits: Limits, nowMs: number): LimitState[] {
    const [busiest] = this.#sql
      .exec<{ subject: string }>(
        "SELECT subject FROM usage WHERE subject >= 's:' AND subject < 's;' AND slot >= ? GROUP BY subject ORDER BY SUM(n) DESC LIMIT 1",
        Math.floor((nowMs - DAY_MS) / WINDOWS.messages_per_sender_per_24_hours.slotMs),
      )
      .toArray();
    const sender = busiest?.subject.slice(2);
    return [
      state("requests_per_second", this.#requests, limits, nowMs),
      state("recipients_per_10_minutes", this.#short, limits, nowMs),
      state("recipients_per_24_hours", this.#long, limits, nowMs),
      state(
        "messages_per_sender_per_24_hours",
        sender === undefined ? undefined : this.#sender(sender, nowMs),
        limits,
        nowMs,
        sender,
      ),
    ];
  }

  /** Rows that count no more go. One pass: call it rarely. */
  sweep(nowMs: number): void {
    this.#sql.exec("DELETE FROM usage WHERE subject = '10m' AND slot < ?", this.#short.oldestSlot(nowMs));
    this.#sql.exec("DELETE FROM usage WHERE subject = '1s' AND slot < ?", Math.floor(nowMs / SECOND_MS) - 1);
    this.#sql.exec("DELETE FROM usage WHERE subject NOT IN ('1s', '10m') AND slot < ?", this.#long.oldestSlot(nowMs));
  }

  #refuse(
    name: LimitName,
    window: SlidingWindow,
    count: number,
    limits: Limits,
    nowMs: number,
    of: "sends",
  ): Problem | undefined {
    if (count <= window.remaining(limits[name], nowMs)) return undefined;
    const full = window.remaining(limits[name], nowMs) === 0;
    return refusal(name, limits[name], window.fitsAtMs(count, limits[name], nowMs), full ? of : undefined);
  }

  #refuseSenders(bySender: ReadonlyMap<string, number>, limits: Limits, nowMs: number): Problem | undefined {
    const name = "messages_per_sender_per_24_hours";
    for (const [sender, messages] of bySender) {
      const window = this.#sender(sender, nowMs);
      const remaining = window.remaining(limits[name], nowMs);
      if (messages > remaining)
        return refusal(
          name,
          limits[name],
          window.fitsAtMs(messages, limits[name], nowMs),
          remaining === 0 ? `sender ${sender}` : undefined,
        );
    }
    return undefined;
  }

  #book(subject: string, window: SlidingWindow, count: number, nowMs: number): void {
    const { slot, uses } = window.add(count, nowMs);
    this.#dirty.set(`${subject} ${slot}`, { subject, slot, uses });
  }

  #sender(sender: string, nowMs: number): SlidingWindow {
    const held = this.#senders.get(sender);
    if (held) return held;
    // What is not written yet is only in the windows: none of them may go before.
    if (this.#senders.size >= HELD_SENDERS && this.#dirty.size === 0) this.#senders.clear();
    const window = this.#read("messages_per_sender_per_24_hours", `s:${sender}`, nowMs);
    this.#senders.set(sender, window);
    return window;
  }

  #read(name: LimitName, subject: string, nowMs: number): SlidingWindow {
    const shape = WINDOWS[name];
    const since = Math.floor((nowMs - shape.windowMs) / shape.slotMs);
    const rows = this.#sql
      .exec<{ slot: number; n: number }>(
        "SELECT slot, n FROM usage WHERE subject = ? AND slot >= ? ORDER BY slot",
        subject,
        since,
      )
      .toArray();
    return new SlidingWindow(
      shape,
      rows.map(({ slot, n }) => [slot, n] as const),
    );
  }
}

/** Senders are folded to lower case: `A@` must not have a window beside `a@`. */
const sumOf = (uses: readonly Use[]): { recipients: number; bySender: Map<string, number> } => {
  let recipients = 0;
  const bySender = new Map<string, number>();
  for (const use of uses) {
    const sender = use.sender.toLowerCase();
    recipients += use.recipients;
    bySender.set(sender, (bySender.get(sender) ?? 0) + use.messages);
  }
  return { recipients, bySender };
};

const refusal = (name: LimitName, limit: number, fitsAtMs: number, full: string | undefined): Problem => ({
  ...problem(
    PROBLEM_OF[name],
    Number.isFinite(fitsAtMs)
      ? `The limit \`${name}\` of ${limit} is reached.`
      : `This is more than the limit \`${name}\` of ${limit} ever lets through.`,
  ),
  ...(Number.isFinite(fitsAtMs) && { retryAtMs: fitsAtMs }),
  ...(full !== undefined && Number.isFinite(fitsAtMs) && { full }),
});

const state = (
  name: LimitName,
  window: SlidingWindow | undefined,
  limits: Limits,
  nowMs: number,
  sender: string | null = null,
): LimitState => {
  const resetsAtMs = window?.resetsAtMs(nowMs);
  return {
    object: "limit",
    name,
    limit: limits[name],
    used: window?.used(nowMs) ?? 0,
    remaining: window?.remaining(limits[name], nowMs) ?? limits[name],
    window_seconds: WINDOWS[name].windowMs / SECOND_MS,
    sender,
    resets_at: resetsAtMs === undefined ? null : new Date(resetsAtMs).toISOString(),
  };
};
