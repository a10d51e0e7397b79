/**
 * What an account shows of its emails: lists, one email, the timeline of its recipients. Reads only.
 *
 * An email's `last_event` is the newest state among its recipients. `queued` is no stored event: the email's
 * own row says when it was accepted.
 */
import { EVENT_RANK, EventData, EventKind, lastEventWord, type EmailEvent } from "#contract/event.ts";
import type { EmailDetail, EmailSummary } from "#contract/email.ts";
import { idFormatter, kToMs, parseId } from "#contract/ids.ts";
import { parseMailbox } from "#contract/address.ts";
import { merge } from "#contract/merge.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { EmailContent, EmailMeta } from "#contract/relay-protocol.ts";
import { unsubscribeVariables } from "#contract/unsubscribe-place.ts";

const SUMMARY = `SELECT e.k, e.part, e.chunks, e.rcpts, e.meta, e.scheduled,
  (SELECT d.state FROM delivery d WHERE d.k >= e.k AND d.k < e.k + e.rcpts ORDER BY d.last DESC LIMIT 1) AS state FROM email e`;

type SummaryRow = {
  k: number;
  part: number;
  chunks: number;
  rcpts: number;
  meta: string;
  scheduled: number | null;
  state: string;
};

export class AccountReader {
  readonly #sql: SqlStorage;
  readonly #account: string;
  readonly #formatId: (k: number) => string;

  constructor(sql: SqlStorage, account: string) {
    this.#sql = sql;
    this.#account = account;
    this.#formatId = idFormatter(account);
  }

  list(query: PageQuery): Page<EmailSummary> | Problem {
    const after = query.after === undefined ? undefined : parseId(this.#account, query.after);
    const before = query.before === undefined ? undefined : parseId(this.#account, query.before);
    if (query.after !== undefined && after === undefined)
      return problem("not_found", "There is no email with the id in `after`.");
    if (query.before !== undefined && before === undefined)
      return problem("not_found", "There is no email with the id in `before`.");
    const rows =
      before === undefined
        ? this.#sql
            .exec<SummaryRow>(
              `${SUMMARY} WHERE e.k < ? ORDER BY e.k DESC LIMIT ?`,
              after ?? Number.MAX_SAFE_INTEGER,
              query.limit + 1,
            )
            .toArray()
        : this.#sql
            .exec<SummaryRow>(`${SUMMARY} WHERE e.k > ? ORDER BY e.k LIMIT ?`, before, query.limit + 1)
            .toArray();
    const data = rows.slice(0, query.limit).map((row) => this.#summary(row));
    return {
      object: "list",
      has_more: rows.length > query.limit,
      data: before === undefined ? data : data.toReversed(),
    };
  }

  get(id: string): EmailDetail | Problem {
    const row = this.#row(id);
    if (row === undefined) return noSuchEmail();
    const meta = EmailMeta.parse(JSON.parse(row.meta));
    const content = EmailContent.parse(JSON.parse(this.part(row.part, row.chunks) ?? "{}"));
    return {
      object: "email",
      ...this.#summary(row),
      html: content.html === undefined ? null : merged(content.html, meta, "html"),
      text: content.text === undefined ? null : merged(content.text, meta, "plain"),
      tags: meta.tags ?? [],
      metadata: meta.metadata ?? null,
    };
  }

  events(id: string): Page<EmailEvent> | Problem {
    const row = this.#row(id);
    if (row === undefined) return noSuchEmail();
    const k = row.k;
    const deliveries = this.#sql
      .exec<{ k: number; rcpt: string; events: string }>(
        "SELECT k, rcpt, events FROM delivery WHERE k >= ? AND k < ? ORDER BY k",
        k,
        k + row.rcpts,
      )
      .toArray();
    const data = deliveries.flatMap((delivery) => [
      this.#event(k, delivery.k, delivery.rcpt, row.scheduled === null ? "queued" : "scheduled", kToMs(k), {}),
      ...this.#sql
        .exec<{ k: number; kind: string; at_ms: number; data: string }>(
          "SELECT e.k, e.kind, e.at_ms, e.data FROM json_each(?) j JOIN event e ON e.k = j.value ORDER BY e.k",
          delivery.events,
        )
        .toArray()
        .map((event) =>
          this.#event(
            k,
            event.k,
            delivery.rcpt,
            EventKind.parse(event.kind),
            event.at_ms,
            EventData.parse(JSON.parse(event.data)),
          ),
        ),
    ]);
    return { object: "list", has_more: false, data };
  }

  /** Content as stored, its chunks joined; `undefined`: there is none. */
  part(k: number, chunks: number): string | undefined {
    const rows = this.#sql
      .exec<{ body: string }>("SELECT body FROM part WHERE k >= ? AND k < ? ORDER BY k", k, k + chunks)
      .toArray();
    return rows.length === chunks && chunks > 0 ? rows.map((row) => row.body).join("") : undefined;
  }

  #row(id: string): SummaryRow | undefined {
    const k = parseId(this.#account, id);
    return k === undefined ? undefined : this.#sql.exec<SummaryRow>(`${SUMMARY} WHERE e.k = ?`, k).toArray()[0];
  }

  #summary(row: SummaryRow): EmailSummary {
    const k = row.k;
    const meta = EmailMeta.parse(JSON.parse(row.meta));
    const from = parseMailbox(meta.from);
    const id = this.#formatId(k);
    return {
      id,
      message_id: `<${id}@${from.kind === "mailbox" ? from.mailbox.domain : "invalid"}>`,
      from: meta.from,
      to: meta.to,
      cc: meta.cc ?? null,
      bcc: meta.bcc ?? null,
      reply_to: meta.reply_to ?? null,
      subject: meta.subject,
      created_at: new Date(kToMs(k)).toISOString(),
      last_event: lastEventWord(EventKind.parse(row.state)),
      scheduled_at: row.scheduled === null ? null : new Date(row.scheduled).toISOString(),
      topic_id: null,
    };
  }

  #event(email: number, k: number, recipient: string, kind: EventKind, atMs: number, data: EventData): EmailEvent {
    return {
      object: "event",
      id: this.#formatId(k),
      type: `email.${kind}`,
      rank: EVENT_RANK[kind],
      created_at: new Date(atMs).toISOString(),
      email_id: this.#formatId(email),
      recipient,
      ...data,
    };
  }
}

/** The link to unsubscribe by is each recipient's own: its place is shown. */
const LINK_PLACE = unsubscribeVariables("{{unsubscribe_url}}");

/** As its recipients see it. */
const merged = (text: string, { variables }: EmailMeta, as: "html" | "plain"): string =>
  variables === undefined ? text : merge(text, { ...LINK_PLACE, ...variables }, as);

const noSuchEmail = (): Problem => problem("not_found", "There is no email with this id.");
