/**
 * The rows of one endpoint: what it was told about itself, how it stands, and the events that go to it.
 *
 * Invariant: `standing` is written in the transaction of the rows it counts, so its numbers are those of the rows.
 * Bounded: when too many events wait, what is handed over is not taken (the account keeps it); of settled events the
 * newest are kept. What to do with an event is decided elsewhere; here it is written down.
 */
import { z } from "zod";
import { K_PER_MS, kToMs } from "#contract/ids.ts";
import { EndpointConfig, type Handed } from "#contract/webhook.ts";
import { HEALTHY, type EndpointHealth } from "../core/endpoint-breaker.ts";
import type { Verdict } from "../core/webhook-retry.ts";
import { OUTBOX_SQL, openEndpointTables } from "./endpoint-schema.ts";
import { RowWriter } from "./row-writer.ts";

/** Events that wait here at once; above it the account waits with them. */
export const WAITING_LIMIT = 200_000;
/** Of settled events, so many of each kind are kept, for so long. */
export const SETTLED_LIMIT = 100_000;
export const KEPT_MS = 30 * 24 * 3600 * 1000;
/** Rows that are deleted or replayed in one go. */
const CHUNK_ROWS = 1000;
/** Tries in one statement, whose text SQLite limits to 2 MB: a reply of 2 KB of control characters takes 12 KB of JSON. */
const SETTLED_AT_ONCE = 100;

const Health = z.object({
  failures: z.int(),
  failingSinceMs: z.number().nullable(),
  probes: z.int(),
  resumeAtMs: z.number(),
  window: z.int(),
});

const Standing = z.object({
  /** The highest `k` that was taken: up to there a repeated hand-over changes nothing. */
  taken: z.int(),
  pending: z.int(),
  success: z.int(),
  failed: z.int(),
  health: Health,
  /** We have disabled it ourselves, under that version of its configuration; `told`: its account knows. */
  disabled: z.object({ version: z.int(), reason: z.string(), told: z.boolean() }).nullable(),
});
type Standing = z.infer<typeof Standing>;
type State = "pending" | "success" | "failed";
type Settled = { k: number; state: State };

const NEW: Standing = { taken: 0, pending: 0, success: 0, failed: 0, health: HEALTHY, disabled: null };

/** An event that is due. `attempt`, `tries`: how many there were. */
export type DueEvent = {
  k: number;
  id: string;
  since_ms: number;
  attempt: number;
  tries: number;
  payload: string;
};

/** One try that is over; `text`: the beginning of the reply, or why there was none. */
export type Finished = {
  event: DueEvent;
  verdict: Verdict;
  sentAtMs: number;
  status: number;
  durationMs: number;
  text: string;
};

/** Of the events' own times: from `sinceMs`, up to and without `untilMs`. */
export type ReplayRange = { status: "failed" | "all"; sinceMs?: number | undefined; untilMs?: number | undefined };

export class EndpointOutbox {
  readonly #storage: DurableObjectStorage;
  #config: EndpointConfig | undefined;
  #standing: Standing;
  /** Up to where trimming has looked since the object started: rows before are not looked at again. */
  readonly #trimmed = { success: 0, failed: 0 };

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    openEndpointTables(storage);
    const [config] = storage.sql.exec<{ json: string }>("SELECT json FROM config").toArray();
    const [standing] = storage.sql.exec<{ json: string }>("SELECT json FROM standing").toArray();
    this.#config = config && EndpointConfig.parse(JSON.parse(config.json));
    this.#standing = standing ? Standing.parse(JSON.parse(standing.json)) : NEW;
  }

  get config(): EndpointConfig | undefined {
    return this.#config;
  }

  get health(): EndpointHealth {
    return this.#standing.health;
  }

  get disabled(): Standing["disabled"] {
    return this.#standing.disabled;
  }

  get waiting(): number {
    return this.#standing.pending;
  }

  /** What to deliver with; `undefined` while nothing may be delivered. */
  get live(): EndpointConfig | undefined {
    return this.#standing.disabled || this.#config?.status !== "enabled" ? undefined : this.#config;
  }

  /** Keeps what the account says of the endpoint; whether it was news. It begins with a clean slate then. */
  configure(config: EndpointConfig): boolean {
    if (this.#config && config.version <= this.#config.version) return false;
    this.#write(() => {
      this.#storage.sql.exec("INSERT OR REPLACE INTO config (id, json) VALUES (1, ?)", JSON.stringify(config));
      this.#stand({ health: HEALTHY, disabled: null });
    });
    this.#config = config;
    return true;
  }

  /** Takes what was not taken before, as far as there is room; the highest `k` that is taken now. */
  take(handed: readonly Handed[], nowMs: number): number {
    const { taken, pending } = this.#standing;
    const fresh = handed
      .filter(({ k }) => k > taken)
      .toSorted((a, b) => a.k - b.k)
      .slice(0, Math.max(0, WAITING_LIMIT - pending));
    const last = fresh.at(-1);
    if (!last) return taken;
    this.#write(() => {
      const rows = new RowWriter(this.#storage.sql, OUTBOX_SQL.insert);
      for (const { k, atMs, id, type, payload } of fresh) rows.add(JSON.stringify([k, nowMs, atMs, id, type, payload]));
      rows.flush();
      this.#stand({ taken: last.k, pending: pending + fresh.length });
    });
    return last.k;
  }

  /** Events that are due, the longest waiting first, but for those that are in somebody's hands. */
  due(nowMs: number, held: Iterable<number>, limit: number): DueEvent[] {
    return this.#storage.sql.exec<DueEvent>(OUTBOX_SQL.due, nowMs, JSON.stringify([...held]), limit).toArray();
  }

  /** When the first of all that waits is or was due; Infinity: nothing waits. */
  earliestDueMs(): number {
    return this.#storage.sql.exec<{ due: number | null }>(OUTBOX_SQL.earliestDue).one().due ?? Infinity;
  }

  /** When something falls due after that time. */
  nextDueMs(afterMs: number): number {
    return this.#storage.sql.exec<{ due: number | null }>(OUTBOX_SQL.nextDue, afterMs).one().due ?? Infinity;
  }

  /** Writes down a group of tries, and how the endpoint stands after them. */
  settle(group: readonly Finished[], health: EndpointHealth): void {
    this.#write(() => {
      const written: { state: State }[] = [];
      for (let from = 0; from < group.length; from += SETTLED_AT_ONCE) {
        const rows = JSON.stringify(group.slice(from, from + SETTLED_AT_ONCE).map(rowOf));
        written.push(...this.#storage.sql.exec<{ state: State }>(OUTBOX_SQL.settle, rows).toArray());
      }
      const success = written.filter(({ state }) => state === "success").length;
      const failed = written.filter(({ state }) => state === "failed").length;
      const standing = this.#standing;
      this.#stand({
        health,
        pending: standing.pending - success - failed,
        success: standing.success + success,
        failed: standing.failed + failed,
      });
      this.#trim("success", OUTBOX_SQL.trimSuccess);
      this.#trim("failed", OUTBOX_SQL.trimFailed);
    });
  }

  /** When what was written is on the disk. */
  onDisk(): Promise<void> {
    return this.#storage.sync();
  }

  /** Stops all delivery until the account says something newer. */
  disable(reason: string): void {
    if (this.live) this.#stand({ disabled: { version: this.live.version, reason, told: false } });
  }

  /** The account has heard that it was disabled under that version. */
  told(version: number): void {
    const { disabled } = this.#standing;
    if (disabled?.version === version) this.#stand({ disabled: { ...disabled, told: true } });
  }

  /** Makes an event due now: anew when it was settled, its next try when it waits. What is due keeps its place. */
  replay(k: number, nowMs: number): void {
    this.#replay(this.#storage.sql.exec<Settled>(OUTBOX_SQL.settledOfRange, k, k + 1, 1).toArray(), nowMs);
    this.#storage.sql.exec(OUTBOX_SQL.hasten, k, nowMs);
  }

  /** Makes settled events of a range due now, so many at once; where to go on, and how many they were. */
  replayChunk(range: ReplayRange, fromK: number, nowMs: number): { count: number; nextK: number | undefined } {
    const statement = range.status === "failed" ? OUTBOX_SQL.failedOfRange : OUTBOX_SQL.settledOfRange;
    const fromMs = range.sinceMs ?? 0;
    const untilK = Math.min((range.untilMs ?? Infinity) * K_PER_MS, Number.MAX_SAFE_INTEGER);
    const first = Math.max(fromK, fromMs * K_PER_MS);
    const rows = this.#storage.sql.exec<Settled>(statement, first, untilK, CHUNK_ROWS).toArray();
    this.#replay(rows, nowMs);
    const last = rows.at(-1);
    return { count: rows.length, nextK: last && rows.length === CHUNK_ROWS ? last.k + 1 : undefined };
  }

  /** When the oldest row has been here long enough; Infinity: there is none. */
  expiresMs(): number {
    const { k } = this.#storage.sql.exec<{ k: number | null }>(OUTBOX_SQL.oldest).one();
    return k === null ? Infinity : kToMs(k) + KEPT_MS;
  }

  /** Deletes what has been here long enough, whatever its state, a part at a time; whether there may be more. */
  sweep(nowMs: number): boolean {
    const beforeK = (nowMs - KEPT_MS) * K_PER_MS;
    let count = 0;
    this.#write(() => {
      const gone = this.#storage.sql.exec<{ state: State }>(OUTBOX_SQL.expire, beforeK, CHUNK_ROWS).toArray();
      const left = { ...this.#standing };
      for (const { state } of gone) left[state] -= 1;
      this.#stand(left);
      count = gone.length;
    });
    return count === CHUNK_ROWS;
  }

  #replay(rows: readonly Settled[], nowMs: number): void {
    if (rows.length === 0) return;
    this.#write(() => {
      this.#storage.sql.exec(OUTBOX_SQL.replay, JSON.stringify(rows.map(({ k }) => k)), nowMs);
      const next = { ...this.#standing, pending: this.#standing.pending + rows.length };
      for (const { state } of rows) next[state] -= 1;
      this.#stand(next);
    });
  }

  /** Looks only past what it has deleted before, so the cost does not grow with what stays. */
  #trim(state: "success" | "failed", statement: string): void {
    if (this.#standing[state] < SETTLED_LIMIT + CHUNK_ROWS) return;
    const gone = this.#storage.sql.exec<{ k: number }>(statement, this.#trimmed[state], CHUNK_ROWS).toArray();
    this.#trimmed[state] = Math.max(this.#trimmed[state], ...gone.map(({ k }) => k));
    this.#stand({ [state]: this.#standing[state] - gone.length });
  }

  /** All or nothing, also of what is remembered. */
  #write(work: () => void): void {
    const before = this.#standing;
    try {
      this.#storage.transactionSync(work);
    } catch (error) {
      this.#standing = before;
      throw error;
    }
  }

  #stand(changes: Partial<Standing>): void {
    const standing = { ...this.#standing, ...changes };
    this.#storage.sql.exec("INSERT OR REPLACE INTO standing (id, json) VALUES (1, ?)", JSON.stringify(standing));
    this.#standing = standing;
  }
}

const rowOf = ({ event, verdict, sentAtMs, status, durationMs, text }: Finished): unknown[] => [
  event.k,
  verdict.kind === "again" ? "pending" : verdict.kind,
  verdict.kind === "again" ? verdict.dueMs : null,
  event.attempt + 1,
  [event.tries + 1, sentAtMs, status, durationMs, text],
];
