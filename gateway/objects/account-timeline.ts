/**
 * What happens to deliveries, written down: an event for each change, and the state that it leaves them in.
 *
 * All that is told of a delivery passes here, inside the transaction of whoever tells it; statistics are counted with
 * it. A state never falls back: who opened a mail has it, whatever a late bounce of a forwarder says.
 */
import { EVENT_RANK, EventKind } from "#contract/event.ts";
import { countedAs } from "../core/counted-event.ts";
import { providerOf } from "../core/mailbox-provider.ts";
import type { NewEvent } from "../core/settlement.ts";
import type { AccountMetrics } from "./account-metrics.ts";
import { ACCEPT_SQL, QUEUE_SQL } from "./account-schema.ts";
import { RowWriter } from "./row-writer.ts";

/** A delivery as `QUEUE_SQL.openDeliveries` gives it. */
export type DeliveryRow = {
  k: number;
  email: number;
  stream: number;
  attempt: number;
  due: number | null;
  doubt: number;
  state: string;
  last: number;
  /** JSON: keys of its events. */
  events: string;
  rcpt: string;
  domain: string;
  scheduled: number | null;
};

/** `dueMs` undefined: settled for good. `host`: where the mail went, when it is known. */
export type DeliveryChange = {
  row: DeliveryRow;
  attempt: number;
  doubt: boolean;
  dueMs: number | undefined;
  events: readonly NewEvent[];
  host?: string | undefined;
};

export type TimelineContext = {
  sql: SqlStorage;
  takeK: (count: number, nowMs: number) => number;
  metrics: AccountMetrics;
  /** There are events that were not there before; called before their transaction ends. */
  onEvents: () => void;
};

export class AccountTimeline {
  readonly #context: TimelineContext;

  constructor(context: TimelineContext) {
    this.#context = context;
  }

  /** Rows in no order; of what is not there, none. */
  read(ks: readonly number[]): DeliveryRow[] {
    return this.#context.sql.exec<DeliveryRow>(QUEUE_SQL.openDeliveries, JSON.stringify(ks)).toArray();
  }

  /** Inside a transaction. */
  write(changes: readonly DeliveryChange[], nowMs: number): void {
    const { sql, metrics, onEvents } = this.#context;
    metrics.begin();
    const updates = new RowWriter(sql, QUEUE_SQL.settle);
    const events = new RowWriter(sql, ACCEPT_SQL.event);
    for (const change of changes) {
      const { row } = change;
      const ids = this.#writeEvents(events, change, nowMs);
      this.#count(change);
      const listed = row.events.slice(1, -1);
      const timeline = listed === "" ? ids.join(",") : [listed, ...ids].join(",");
      const [state, last] = [stateAfter(row.state, change.events), ids.at(-1) ?? row.last];
      updates.add(
        `[${row.k},${change.attempt},${change.dueMs ?? "null"},${change.doubt ? 1 : 0},"${state}",${last},[${timeline}]]`,
      );
    }
    updates.flush();
    events.flush();
    metrics.flush();
    onEvents();
  }

  #writeEvents(writer: RowWriter, { row, events }: DeliveryChange, nowMs: number): number[] {
    const first = this.#context.takeK(events.length, nowMs);
    return events.map(({ kind, atMs, data }, index) => {
      writer.add(`[${first + index},${row.email},${row.k},"${kind}",${atMs},${JSON.stringify(data)}]`);
      return first + index;
    });
  }

  #count({ row, events, host }: DeliveryChange): void {
    const { stream, domain, rcpt } = row;
    const provider = providerOf(rcpt.slice(rcpt.lastIndexOf("@") + 1), host);
    for (const event of events)
      for (const kind of countedAs(event)) this.#context.metrics.count(event.atMs, stream, domain, provider, kind);
  }
}

const stateAfter = (before: string, events: readonly NewEvent[]): EventKind =>
  events.reduce<EventKind>(
    (state, { kind }) => (EVENT_RANK[kind] >= EVENT_RANK[state] ? kind : state),
    EventKind.parse(before),
  );
