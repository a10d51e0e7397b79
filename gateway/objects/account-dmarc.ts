/**
 * DMARC reports that came by mail for an account's domains: kept once, added up when they are asked for.
 *
 * Whose address a report came to was proved by whoever calls (`core/dmarc-report-proof.ts`). Kept is what its author is
 * proved to have sent, under the author's domain and no name that it gives itself; what it says is a stranger's word. How
 * many are kept, for how long, and how much is read for an answer are bounded. Keeping none is told.
 */
import { MailedReport, type MailedReportVerdict, type PostedReport } from "#contract/dmarc-report.ts";
import type { DmarcSummary } from "#contract/dmarc-summary.ts";
import { idFormatter, K_PER_MS, parseId } from "#contract/ids.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { summarizeReports } from "#dns/dmarc-report-summary.ts";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import { reportAuthor } from "../core/dmarc-report-author.ts";
import { dmarcDomain } from "../core/dmarc-summary-view.ts";

export const DMARC_REPORT_LIMIT = 10_000;
const DAY_MS = 24 * 3600 * 1000;
const KEPT_MS = 400 * DAY_MS;
/** Of one domain in a day, from all and from one author: an author has hardly more than one an hour. */
export const DMARC_DAY_LIMIT = 500;
export const DMARC_AUTHOR_LIMIT = 50;
/** Of the reports that one answer is made of, the newest first: an object has 128 MB. */
const READ_CHARACTERS = 8_000_000;

export const DMARC_SQL = {
  known: "SELECT k FROM dmarc_report WHERE domain = ?1 AND source = ?2",
  insert: "INSERT INTO dmarc_report (k, domain, source, json) VALUES (?1, ?2, ?3, ?4)",
  newest: "SELECT json FROM dmarc_report WHERE domain = ?1 AND k >= ?2 ORDER BY k DESC",
  count: "SELECT COUNT(*) AS n FROM dmarc_report WHERE domain = ?1 AND k >= ?2",
  all: "SELECT COUNT(*) AS n FROM dmarc_report",
  since:
    "SELECT COUNT(*) AS n, COUNT(*) FILTER (WHERE source ->> 1 = ?3) AS own FROM dmarc_report WHERE domain = ?1 AND k >= ?2",
  forget: "DELETE FROM dmarc_report WHERE domain = ?1",
  sweep: "DELETE FROM dmarc_report WHERE k < ?1",
} as const;

export type DmarcContext = {
  sql: SqlStorage;
  account: string;
  takeK: (count: number, nowMs: number) => number;
  /** Of the domain with this id, when the account has it. */
  nameOf: (id: string) => string | undefined;
};

export class AccountDmarc {
  readonly #context: DmarcContext;
  readonly #formatId: (k: number) => string;
  /** Undefined: to be counted. */
  #kept: number | undefined;

  constructor(context: DmarcContext) {
    this.#context = context;
    this.#formatId = idFormatter(context.account);
  }

  /** `domain`: the key of that whose address it came to. */
  take(
    domain: number,
    { report, from, authenticated }: Omit<PostedReport, "recipient">,
    nowMs: number,
  ): MailedReportVerdict {
    const { sql, takeK, nameOf } = this.#context;
    const name = nameOf(this.#formatId(domain));
    if (name === undefined) return "no-domain";
    if (!isRelated(name, report.published.domain)) return "other-domain";
    const author = reportAuthor(from, authenticated, PUBLIC_SUFFIXES);
    if (author === undefined) return "unauthenticated";
    const kept = { ...report, organization: author };
    const source = sourceOf(kept);
    if (sql.exec(DMARC_SQL.known, domain, source).toArray().length > 0) return "known";
    if (this.#isFull(domain, author, nowMs)) return "full";
    sql.exec(DMARC_SQL.insert, takeK(1, nowMs), domain, source, JSON.stringify(kept));
    this.#kept = (this.#kept ?? 0) + 1;
    return "stored";
  }

  #isFull(domain: number, author: string, nowMs: number): boolean {
    const { sql } = this.#context;
    this.#kept ??= sql.exec<{ n: number }>(DMARC_SQL.all).one().n;
    if (this.#kept >= DMARC_REPORT_LIMIT) return true;
    const dayAgo = (nowMs - DAY_MS) * K_PER_MS;
    const { n, own } = sql.exec<{ n: number; own: number }>(DMARC_SQL.since, domain, dayAgo, author).one();
    return n >= DMARC_DAY_LIMIT || own >= DMARC_AUTHOR_LIMIT;
  }

  /** `id`: of the domain. `sinceMs`: of those that came since. */
  summary(id: string, sinceMs: number): DmarcSummary | Problem {
    const { sql, account, nameOf } = this.#context;
    const domain = nameOf(id) === undefined ? undefined : parseId(account, id);
    if (domain === undefined) return problem("not_found", "There is no domain with this id.");
    const since = sinceMs * K_PER_MS;
    const { n } = sql.exec<{ n: number }>(DMARC_SQL.count, domain, since).one();
    const reports: MailedReport[] = [];
    let left = READ_CHARACTERS;
    for (const { json } of sql.exec<{ json: string }>(DMARC_SQL.newest, domain, since)) {
      left -= json.length;
      if (left < 0) break;
      reports.push(MailedReport.parse(JSON.parse(json)));
    }
    return {
      object: "dmarc_summary",
      data: summarizeReports(reports, PUBLIC_SUFFIXES).map(dmarcDomain),
      reports_left_out: n - reports.length,
    };
  }

  /** `id`: of a domain that the account has no more. */
  forget(id: string): void {
    const { sql, account } = this.#context;
    sql.exec(DMARC_SQL.forget, parseId(account, id) ?? null);
    this.#kept = undefined;
  }

  sweep(nowMs: number): void {
    this.#context.sql.exec(DMARC_SQL.sweep, (nowMs - KEPT_MS) * K_PER_MS);
    this.#kept = undefined;
  }
}

/** The policy of a domain may stand above it, and reports name the domain where it stands (RFC 9989 §4.10). */
const isRelated = (name: string, reported: string): boolean =>
  name === reported || name.endsWith(`.${reported}`) || reported.endsWith(`.${name}`);

/** RFC 9990 §3.5.1. A report without an id is told apart by its period. */
const sourceOf = ({ organization, reportId, beginSeconds, endSeconds, published }: MailedReport): string =>
  JSON.stringify([published.domain, organization, ...(reportId === "" ? [beginSeconds, endSeconds] : [reportId])]);
