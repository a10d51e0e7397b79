/**
 * What is counted is what is told: sums over every dimension, the same by any of them; added to in the transaction
 * of the events or not at all. Asked of the room itself, over an account's own tables.
 */
import { env } from "cloudflare:workers";
import { reset, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { COUNTED, type Counted, DIMENSIONS, METRICS, MetricsQuery, MetricsReply } from "#contract/metrics.ts";
import { isProblem, type Problem } from "#contract/problem.ts";
import { AccountMetrics, sumsSql } from "../../gateway/objects/account-metrics.ts";

afterEach(reset);

const HOUR_MS = 3600 * 1000;
const NOW_MS = Date.parse("2026-11-24T12:48:00Z");
/** Domains of the account; mail from `old.test` was counted, and the domain is gone. */
const DOMAINS = new Map([
  ["id-shop", "shop.test"],
  ["id-blog", "blog.test"],
]);
const IDS = new Map([...DOMAINS].map(([id, name]) => [name, id]));

type Count = {
  at?: string;
  kind?: Counted;
  stream?: number;
  domain?: string;
  provider?: string;
  times?: number;
};

class Scene {
  readonly storage: DurableObjectStorage;
  readonly metrics: AccountMetrics;

  constructor(storage: DurableObjectStorage) {
    this.storage = storage;
    this.metrics = new AccountMetrics(storage.sql);
  }

  count({ at = "2026-11-24T12:00Z", kind = "sent", stream = 0, domain, provider, times = 1 }: Count): void {
    for (let n = 0; n < times; n += 1)
      this.metrics.count(Date.parse(at), stream, domain ?? "shop.test", provider ?? "google", kind);
  }

  /** Counts and writes. */
  write(...counts: Count[]): void {
    this.metrics.begin();
    for (const each of counts) this.count(each);
    this.storage.transactionSync(() => this.metrics.flush());
  }

  ask(fields: object): MetricsReply | Problem {
    return this.metrics.query(
      MetricsQuery.parse(fields),
      NOW_MS,
      (id) => DOMAINS.get(id),
      (name) => IDS.get(name),
    );
  }

  reply(fields: object): MetricsReply {
    const reply = this.ask(fields);
    if (isProblem(reply)) throw new Error(reply.message);
    return MetricsReply.parse(reply);
  }

  rows(): Record<string, SqlStorageValue>[] {
    return this.storage.sql.exec("SELECT * FROM stat").toArray();
  }
}

/** Runs `work` beside an account that nobody opened: its tables are there, and nothing is in them. */
const inScene = (work: (scene: Scene) => void): Promise<void> =>
  runInDurableObject(env.ACCOUNT.getByName("0123456789ab"), (_, { storage }) => work(new Scene(storage)));

test("the same counted again is added to its row", () =>
  inScene((scene) => {
    scene.write({ times: 3 }, { kind: "delivered" });
    scene.write({ times: 2 }, { at: "2026-11-24T12:59:59.999Z" }, { at: "2026-11-24T13:00Z" });
    const hour = Date.parse("2026-11-24T12:00Z") / HOUR_MS;
    const row = { hour, stream: 0, domain: "shop.test", provider: "google" };
    expect(scene.rows()).toEqual([
      { ...row, kind: "delivered", n: 1 },
      { ...row, kind: "sent", n: 6 },
      { ...row, hour: hour + 1, kind: "sent", n: 1 },
    ]);
  }));

test("what differs in one thing is another row, whatever the domain is called", () =>
  inScene((scene) => {
    const domain = `"],[ '\\\u00e9\n`;
    scene.write({}, { stream: 1 }, { provider: "other" }, { domain }, { kind: "bounced" });
    expect(scene.rows().map((row) => row["n"])).toEqual([1, 1, 1, 1, 1]);
    expect(scene.reply({ dimensions: "domain" }).data?.map((row) => row.domain_name)).toContain(domain);
  }));

test("a transaction that fails counts nothing, neither then nor with the next", () =>
  inScene((scene) => {
    const failing = () =>
      scene.storage.transactionSync(() => {
        scene.metrics.flush();
        throw new Error("the disk is full");
      });
    scene.metrics.begin();
    scene.count({ times: 5 });
    expect(failing).toThrow("the disk is full");
    // And one that failed before its counts were written.
    scene.count({ times: 7 });
    scene.write({ times: 2 });
    expect(scene.reply({}).totals.sent).toBe(2);
  }));

test("without dimensions there are totals alone, of every metric", () =>
  inScene((scene) => {
    scene.write({ times: 4 }, { kind: "delivered", times: 3 }, { kind: "bounced" }, { kind: "bounced_transient" });
    scene.write({ kind: "opened", times: 5 }, { kind: "unique_opened", times: 2 }, { kind: "unique_clicked" });
    scene.write({ kind: "complained" }, { kind: "unsubscribed", times: 3 }, { kind: "suppressed" });
    const zero = Object.fromEntries(METRICS.map((metric) => [metric, 0]));
    expect(scene.reply({})).toEqual({
      object: "metrics",
      start_date: "2026-11-18T00:00:00.000Z",
      end_date: "2026-11-24T12:48:00.000Z",
      metrics: METRICS,
      dimensions: [],
      granularity: "daily",
      totals: {
        ...zero,
        ...{ sent: 4, delivered: 3, bounced: 1, bounced_transient: 1, opened: 5, unique_opened: 2, unique_clicked: 1 },
        ...{ complained: 1, unsubscribed: 3, suppressed: 1 },
        ...{ delivery_rate: 0.75, bounce_rate: 0.25, open_rate: 0.5, click_rate: 0.25 },
        ...{ complaint_rate: 0.25, unsubscribe_rate: 0.75 },
      },
    });
  }));

test("only the metrics asked for, by each dimension, in the order of time", () =>
  inScene((scene) => {
    scene.write(
      { at: "2026-11-23T23:59Z", times: 2 },
      { at: "2026-11-24T00:00Z", domain: "blog.test" },
      { at: "2026-11-24T01:00Z", kind: "delivered", domain: "blog.test" },
      { at: "2026-11-22T10:00Z", stream: 1, domain: "old.test", provider: "yahoo" },
    );
    const data = (dimensions: string) => scene.reply({ dimensions, metrics: "sent,delivery_rate" }).data;
    expect(data("period")).toEqual([
      { period: "2026-11-22", sent: 1, delivery_rate: 0 },
      { period: "2026-11-23", sent: 2, delivery_rate: 0 },
      { period: "2026-11-24", sent: 1, delivery_rate: 1 },
    ]);
    expect(data("domain")).toEqual([
      { domain_id: "id-blog", domain_name: "blog.test", sent: 1, delivery_rate: 1 },
      { domain_name: "old.test", sent: 1, delivery_rate: 0 },
      { domain_id: "id-shop", domain_name: "shop.test", sent: 2, delivery_rate: 0 },
    ]);
    expect(data("stream")).toEqual([
      { stream: "transactional", sent: 3, delivery_rate: 0.3333 },
      { stream: "bulk", sent: 1, delivery_rate: 0 },
    ]);
    expect(data("provider,period")?.[0]).toEqual({
      ...{ period: "2026-11-22", provider: "yahoo", sent: 1, delivery_rate: 0 },
    });
  }));

test("the hours of the range and no others, by the day of the zone", () =>
  inScene((scene) => {
    // In Kolkata the 23rd ends at 18:30 UTC: the hour that begins at 18:00 is still of it.
    scene.write({ at: "2026-11-23T18:59Z", times: 10 }, { at: "2026-11-23T19:00Z" }, { at: "2026-11-24T12:47Z" });
    const zone = { timezone: "Asia/Kolkata", dimensions: "period", metrics: "sent" };
    expect(scene.reply({ ...zone, start_date: "2026-11-24" })).toMatchObject({
      ...{ start_date: "2026-11-23T18:30:00.000Z", totals: { sent: 2 }, data: [{ period: "2026-11-24", sent: 2 }] },
    });
    expect(scene.reply({ ...zone, start_date: "2026-11-23", end_date: "2026-11-23" }).totals).toEqual({ sent: 10 });
    expect(scene.reply({ end_date: "2026-11-24T12:00:00Z" }).totals.sent).toBe(11);
  }));

test("the day of 25 hours in Berlin, by the hour and by the day", () =>
  inScene((scene) => {
    const first = Date.parse("2026-10-24T22:00Z");
    const hours = Array.from({ length: 27 }, (_, index) => new Date(first + (index - 1) * HOUR_MS).toISOString());
    scene.write(...hours.map((at) => ({ at })));
    const day = { timezone: "Europe/Berlin", start_date: "2026-10-25", end_date: "2026-10-25", metrics: "sent" };
    expect(scene.reply({ ...day, dimensions: "period" }).data).toEqual([{ period: "2026-10-25", sent: 25 }]);
    const hourly = scene.reply({ ...day, dimensions: "period", granularity: "hourly" }).data ?? [];
    expect([hourly.length, hourly[2], hourly[3]]).toEqual([
      24,
      { period: "2026-10-25T02:00:00", sent: 2 },
      { period: "2026-10-25T03:00:00", sent: 1 },
    ]);
  }));

test("the domains asked for; one the account does not have is refused", () =>
  inScene((scene) => {
    scene.write({ times: 2 }, { domain: "blog.test", times: 3 }, { domain: "old.test", times: 4 });
    expect(scene.reply({}).totals.sent).toBe(9);
    expect(scene.reply({ domain_id: "id-blog" }).totals.sent).toBe(3);
    expect(scene.reply({ domain_id: "id-blog,id-shop" }).totals.sent).toBe(5);
    for (const domain_id of ["id-other", "id-blog,id-other", "blog.test", "id-blog,", ""])
      expect(scene.ask({ domain_id })).toMatchObject({
        code: "invalid_parameter",
        message: expect.stringContaining("`domain_id`"),
      });
    expect(scene.ask({ timezone: "Mars/Olympus" })).toMatchObject({ code: "invalid_parameter" });
  }));

test("hours of more than 400 days ago are swept", () =>
  inScene((scene) => {
    const daysAgo = (days: number) => new Date(NOW_MS - days * 24 * HOUR_MS).toISOString();
    scene.write({ at: daysAgo(401) }, { at: daysAgo(399) }, { at: daysAgo(400) }, {});
    scene.write({ at: new Date(NOW_MS - (400 * 24 + 1) * HOUR_MS).toISOString() });
    scene.metrics.sweep(NOW_MS);
    const hour = Math.floor(NOW_MS / HOUR_MS);
    expect(scene.rows().map((row) => hour - Number(row["hour"]))).toEqual([400 * 24, 399 * 24, 0]);
  }));

test("every sum of hours is found by the primary key, whatever is asked", () =>
  inScene(({ storage }) => {
    for (const dimensions of [[], ["period"], ["domain", "provider"], DIMENSIONS] as const) {
      const plan = storage.sql.exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${sumsSql(dimensions)}`, 1, 2, null);
      expect(plan.next().value?.detail).toBe("SEARCH stat USING PRIMARY KEY (hour>? AND hour<?)");
    }
  }));

const counts = fc.array(
  fc.record({
    at: fc.integer({ min: -200, max: 1 }).map((hours) => new Date(NOW_MS + hours * HOUR_MS).toISOString()),
    kind: fc.constantFrom(...COUNTED),
    stream: fc.constantFrom(0, 1),
    domain: fc.constantFrom("shop.test", "blog.test", "old.test"),
    provider: fc.constantFrom("google", "yahoo", "other"),
    times: fc.integer({ min: 1, max: 3 }),
  }),
  { maxLength: 40 },
);
const questions = fc.record({
  dimensions: fc.subarray([...DIMENSIONS], { minLength: 1 }).map((words) => words.join(",")),
  granularity: fc.constantFrom("hourly", "daily", "weekly", "monthly"),
  timezone: fc.constantFrom("UTC", "Asia/Kolkata", "America/St_Johns", "Europe/Berlin"),
});

test("by any dimensions the data add up to the totals, and the totals to what was counted in the range", () =>
  inScene((scene) => {
    fc.assert(
      fc.property(counts, questions, fc.constantFrom(undefined, "id-shop", "id-shop,id-blog"), (told, asked, ids) => {
        scene.storage.sql.exec("DELETE FROM stat");
        const half = Math.floor(told.length / 2);
        scene.write(...told.slice(0, half));
        scene.write(...told.slice(half));
        const metrics = COUNTED.join(",");
        const reply = scene.reply({ ...asked, metrics, ...(ids !== undefined && { domain_id: ids }) });
        const names = ids?.split(",").map((id) => DOMAINS.get(id));
        for (const kind of COUNTED) {
          const counted = told
            .filter((each) => each.kind === kind && (names?.includes(each.domain) ?? true))
            .filter(({ at }) => {
              const hourMs = Math.floor(Date.parse(at) / HOUR_MS) * HOUR_MS;
              return hourMs >= Date.parse(reply.start_date) && hourMs < Date.parse(reply.end_date);
            })
            .reduce((sum, { times }) => sum + times, 0);
          expect(reply.totals[kind]).toBe(counted);
          expect((reply.data ?? []).reduce((sum, row) => sum + Number(row[kind]), 0)).toBe(counted);
        }
        const keys = (reply.data ?? []).map((row) => [row.period, row.domain_name, row.stream, row.provider].join());
        expect(new Set(keys).size).toBe(keys.length);
        const periods = (reply.data ?? []).map((row) => row.period ?? "");
        expect(periods).toEqual(periods.toSorted());
      }),
      { numRuns: 150 },
    );
  }));
