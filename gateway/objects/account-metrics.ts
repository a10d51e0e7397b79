/**
 * Statistics of an account: how many recipients had which outcome, by hour, stream, sending domain and mailbox provider.
 *
 * Counts are gathered in memory and added with one statement in the transaction of the events they count: they are as
 * durable as those, and never counted twice. A question reads its hours by primary key and is summed up in SQL to the
 * dimensions asked for. What was never counted has no row, so a period without mail is not in the data.
 */
import { type Counted, METRICS, type Metric, type MetricsQuery, type MetricsReply } from "#contract/metrics.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { HOUR_MS, LONGEST_DAYS, periodOf, rangeOf, type MetricsRange } from "../core/metric-periods.ts";
import { STREAMS } from "./account-schema.ts";

const ADD = `INSERT INTO stat (hour, stream, domain, provider, kind, n)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?1) WHERE true
  ON CONFLICT DO UPDATE SET n = n + excluded.n`;

type Dimension = NonNullable<MetricsQuery["dimensions"]>[number];

/** Sums of the hours from `?1` until before `?2`, of the domains listed in `?3` or of all; `NULL` for what is not asked. */
export const sumsSql = (dimensions: readonly Dimension[]): string => {
  const column = (dimension: Dimension, name: string): string => (dimensions.includes(dimension) ? name : "NULL");
  return `SELECT ${column("period", "hour")} AS hour, ${column("domain", "domain")} AS domain,
      ${column("stream", "stream")} AS stream, ${column("provider", "provider")} AS provider, kind, SUM(n) AS n
    FROM stat WHERE hour >= ?1 AND hour < ?2 AND (?3 IS NULL OR domain IN (SELECT value FROM json_each(?3)))
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4`;
};

const KEPT_HOURS = LONGEST_DAYS * 24;

/** What a rate is a fraction of `sent` by. */
const RATES: Partial<Record<Metric, Counted>> = {
  delivery_rate: "delivered",
  open_rate: "unique_opened",
  click_rate: "unique_clicked",
  bounce_rate: "bounced",
  complaint_rate: "complained",
  unsubscribe_rate: "unsubscribed",
};

type Sums = Map<string, number>;
type Labels = Omit<NonNullable<MetricsReply["data"]>[number], Metric>;
type SumRow = {
  hour: number | null;
  domain: string | null;
  stream: number | null;
  provider: string | null;
  kind: string;
  n: number;
};

export class AccountMetrics {
  readonly #sql: SqlStorage;
  /** By the head of a row's JSON, all but its number. */
  readonly #gathered = new Map<string, number>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Before the first count of a transaction: forgets what one that failed had gathered. */
  begin(): void {
    this.#gathered.clear();
  }

  /** Counts one recipient. */
  count(atMs: number, stream: number, domain: string, provider: string, kind: Counted): void {
    const hour = Math.floor(atMs / HOUR_MS);
    const head = `[${hour},${stream},${JSON.stringify(domain)},"${provider}","${kind}"`;
    this.#gathered.set(head, (this.#gathered.get(head) ?? 0) + 1);
  }

  /** Writes what was gathered; inside the transaction of the events. */
  flush(): void {
    if (this.#gathered.size === 0) return;
    const rows: string[] = [];
    for (const [head, n] of this.#gathered) rows.push(`${head},${n}]`);
    this.#sql.exec(ADD, `[${rows.join(",")}]`);
    this.#gathered.clear();
  }

  /** `domainName` and `domainId` translate for domains of the account. Refuses what `rangeOf` does, and unknown ids. */
  query(
    query: MetricsQuery,
    nowMs: number,
    domainName: (id: string) => string | undefined,
    domainId: (name: string) => string | undefined,
  ): MetricsReply | Problem {
    const range = rangeOf(query, nowMs);
    if (isProblem(range)) return range;
    const domains = query.domain_id === undefined ? undefined : namesOf(query.domain_id, domainName);
    if (domains && isProblem(domains)) return domains;
    const { granularity, metrics = [...METRICS], dimensions = [] } = query;
    const totals: Sums = new Map();
    const groups = new Map<string, { labels: Labels; sums: Sums }>();
    const labelsOf = labeller(granularity, range, domainId);
    for (const row of this.#sums(range, dimensions, domains)) {
      const labels = labelsOf(row);
      const key = JSON.stringify(labels);
      const group = groups.get(key) ?? { labels, sums: new Map() };
      groups.set(key, group);
      add(group.sums, row);
      add(totals, row);
    }
    const data = [...groups.values()].map(({ labels, sums }) => ({ ...labels, ...figuresOf(sums, metrics) }));
    return {
      object: "metrics",
      start_date: new Date(range.startMs).toISOString(),
      end_date: new Date(range.endMs).toISOString(),
      metrics,
      dimensions,
      granularity,
      totals: figuresOf(totals, metrics),
      ...(dimensions.length > 0 && { data }),
    };
  }

  /** Forgets the hours of more than 400 days ago. */
  sweep(nowMs: number): void {
    this.#sql.exec("DELETE FROM stat WHERE hour < ?", Math.floor(nowMs / HOUR_MS) - KEPT_HOURS);
  }

  #sums(
    { startMs, endMs }: MetricsRange,
    dimensions: readonly Dimension[],
    domains: readonly string[] | undefined,
  ): Iterable<SumRow> {
    // An hour belongs where it begins: from the first that begins in the range.
    const [from, until] = [Math.ceil(startMs / HOUR_MS), Math.ceil(endMs / HOUR_MS)];
    return this.#sql.exec<SumRow>(sumsSql(dimensions), from, until, domains ? JSON.stringify(domains) : null);
  }
}

/** The names of comma-separated domain ids. */
const namesOf = (ids: string, domainName: (id: string) => string | undefined): string[] | Problem => {
  const names: string[] = [];
  for (const id of ids.split(",")) {
    const name = domainName(id);
    if (name === undefined)
      return problem("invalid_parameter", "Invalid query parameter `domain_id`: the account has no such domain.");
    names.push(name);
  }
  return names;
};

/** What a row is shown as; rows come by the hour, so an hour is named once. */
const labeller = (
  granularity: MetricsQuery["granularity"],
  { clock }: MetricsRange,
  domainId: (name: string) => string | undefined,
): ((row: SumRow) => Labels) => {
  let [named, period] = [NaN, ""];
  const nameOf = (hour: number): string => {
    if (hour !== named) [named, period] = [hour, periodOf(hour * HOUR_MS, granularity, clock)];
    return period;
  };
  return ({ hour, domain, stream, provider }) => {
    const id = domain === null ? undefined : domainId(domain);
    return {
      ...(hour !== null && { period: nameOf(hour) }),
      ...(id !== undefined && { domain_id: id }),
      ...(domain !== null && { domain_name: domain }),
      ...(stream !== null && { stream: STREAMS[stream] ?? "transactional" }),
      ...(provider !== null && { provider }),
    };
  };
};

const add = (sums: Sums, { kind, n }: SumRow): void => void sums.set(kind, (sums.get(kind) ?? 0) + n);

const figuresOf = (sums: Sums, metrics: readonly Metric[]): Partial<Record<Metric, number>> =>
  Object.fromEntries(metrics.map((metric) => [metric, figureOf(sums, metric)]));

const figureOf = (sums: Sums, metric: Metric): number => {
  const part = RATES[metric];
  if (part !== undefined) return fraction(sums.get(part) ?? 0, sums.get("sent") ?? 0);
  return sums.get(metric) ?? 0;
};

/** To four digits; 0 of nothing. */
const fraction = (part: number, whole: number): number =>
  whole === 0 ? 0 : Math.round((part / whole) * 10_000) / 10_000;
