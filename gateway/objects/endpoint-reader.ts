/**
 * What an endpoint shows of its events and their tries. Reads only.
 *
 * What is on its way is not written anywhere: whoever carries it is asked.
 */
import { parseId } from "#contract/ids.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import {
  WebhookEventDetail,
  type WebhookAttempt,
  type WebhookEventStatus,
  type WebhookEventSummary,
} from "#contract/webhook.ts";
import { z } from "zod";
import { OUTBOX_SQL } from "./endpoint-schema.ts";
import { pageOfRows } from "./page-of-rows.ts";

type SummaryRow = { k: number; id: string; type: string; at_ms: number; state: "pending" | "success" | "failed" };
type Row = SummaryRow & { due: number | null; payload: string; attempts: string };

const Attempts = z.array(z.tuple([z.int(), z.int(), z.int(), z.int(), z.string()]));

/** `resumeAtMs`: nothing is sent before; `undefined`: nothing is sent until the endpoint is enabled. */
export type ReaderContext = {
  account: string;
  isOnTheWay: (k: number) => boolean;
  resumeAtMs: number | undefined;
};

export class EndpointReader {
  readonly #sql: SqlStorage;
  readonly #context: ReaderContext;

  constructor(sql: SqlStorage, context: ReaderContext) {
    this.#sql = sql;
    this.#context = context;
  }

  /** Newest first. */
  list({ limit, after, before }: PageQuery): Page<WebhookEventSummary> | Problem {
    const cursor = after ?? before;
    const k = cursor === undefined ? Number.MAX_SAFE_INTEGER : parseId(this.#context.account, cursor);
    if (k === undefined)
      return problem("not_found", `There is no event with the id in \`${after === undefined ? "before" : "after"}\`.`);
    const statement = before === undefined ? OUTBOX_SQL.older : OUTBOX_SQL.newer;
    const rows = this.#sql.exec<SummaryRow>(statement, k, limit + 1).toArray();
    const data = rows.slice(0, limit).map((row) => this.#summary(row));
    return {
      object: "list",
      has_more: rows.length > limit,
      data: before === undefined ? data : data.toReversed(),
    };
  }

  get(id: string): WebhookEventDetail | Problem {
    const row = this.#row(id);
    if (!row) return noSuchEvent();
    const summary = this.#summary(row);
    const { resumeAtMs } = this.#context;
    const dueMs = summary.status === "pending" && resumeAtMs !== undefined ? row.due : null;
    return WebhookEventDetail.parse({
      object: "webhook_event",
      ...summary,
      next_attempt_at: dueMs === null ? null : new Date(Math.max(dueMs, resumeAtMs ?? 0)).toISOString(),
      payload: JSON.parse(row.payload),
    });
  }

  /** The tries of one event, newest first. */
  attempts(id: string, query: PageQuery): Page<WebhookAttempt> | Problem {
    const row = this.#row(id);
    if (!row) return noSuchEvent();
    const attempts = Attempts.parse(JSON.parse(row.attempts)).map(([n, sentAtMs, status, durationMs, text]) =>
      formatAttempt(`${row.id}-${n}`, { sentAtMs, status, durationMs, text }),
    );
    return pageOfRows(
      attempts.toReversed(),
      (attempt) => attempt.id,
      query,
      (attempt) => attempt,
    );
  }

  /** The key behind a public id, when there is such an event. */
  find(id: string): number | undefined {
    return this.#row(id)?.k;
  }

  #row(id: string): Row | undefined {
    const k = parseId(this.#context.account, id);
    return k === undefined ? undefined : this.#sql.exec<Row>(OUTBOX_SQL.byKey, k).toArray()[0];
  }

  #summary({ k, id, type, at_ms, state }: SummaryRow): WebhookEventSummary {
    const status: WebhookEventStatus = this.#context.isOnTheWay(k) ? "attempting" : state;
    return { id, type, created_at: new Date(at_ms).toISOString(), status };
  }
}

/** A try as the API shows it. */
export const formatAttempt = (
  id: string,
  tried: { sentAtMs: number; status: number; durationMs: number; text: string },
): WebhookAttempt => ({
  id,
  http_status_code: tried.status,
  response: tried.text,
  sent_at: new Date(tried.sentAtMs).toISOString(),
  duration_ms: tried.durationMs,
});

const noSuchEvent = (): Problem => problem("not_found", "There is no event with this id.");
