/** Which hours a query spans and what its periods are called, where clocks change and zones are half an hour off. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { MetricsQuery } from "#contract/metrics.ts";
import { isProblem } from "#contract/problem.ts";
import { HOUR_MS, type MetricsRange, periodOf, rangeOf } from "../../../gateway/core/metric-periods.ts";

const NOW_MS = Date.parse("2026-11-24T12:48:00Z");
const LATER_MS = Date.parse("2030-01-01T00:00:00Z");

const rangeIn = (fields: object, nowMs: number): MetricsRange => {
  const range = rangeOf(MetricsQuery.parse(fields), nowMs);
  if (isProblem(range)) throw new Error(range.message);
  return range;
};

/** The range as ISO times, by default asked long after. */
const check = (fields: object, start: string, end: string, nowMs = LATER_MS): void => {
  const { startMs, endMs } = rangeIn(fields, nowMs);
  expect([startMs, endMs].map((ms) => new Date(ms).toISOString().replace(":00.000Z", "Z"))).toEqual([start, end]);
};

const dayIn = (timezone: string, date: string) => ({ timezone, start_date: date, end_date: date });

/** The hours of UTC that begin in the range. */
const hoursOf = ({ startMs, endMs }: MetricsRange): number[] => {
  const first = Math.ceil(startMs / HOUR_MS);
  return Array.from({ length: Math.ceil(endMs / HOUR_MS) - first }, (_, index) => (first + index) * HOUR_MS);
};

const checkPeriod = (at: string, timezone: string, granularity: MetricsQuery["granularity"], expected: string): void =>
  expect(periodOf(Date.parse(at), granularity, rangeIn({ timezone }, NOW_MS).clock)).toBe(expected);

const checkRefused = (fields: object, message: RegExp, nowMs = NOW_MS): void =>
  expect(rangeOf(MetricsQuery.parse(fields), nowMs)).toEqual({
    kind: "problem",
    code: "invalid_parameter",
    message: expect.stringMatching(message),
  });

test("the names of periods", () => {
  checkPeriod("2026-11-24T13:00Z", "UTC", "hourly", "2026-11-24T13:00:00");
  checkPeriod("2026-11-24T13:00Z", "UTC", "daily", "2026-11-24");
  checkPeriod("2026-11-24T13:00Z", "UTC", "weekly", "2026-11-23");
  checkPeriod("2026-11-24T13:00Z", "UTC", "monthly", "2026-11");
  checkPeriod("2026-11-24T23:00Z", "Europe/Berlin", "hourly", "2026-11-25T00:00:00");
  checkPeriod("2026-11-30T23:00Z", "Europe/Berlin", "monthly", "2026-12");
  checkPeriod("2026-11-24T02:00Z", "America/New_York", "daily", "2026-11-23");
});

test("a week is named by its Monday, also over the end of the year", () => {
  checkPeriod("2026-12-31T10:00Z", "UTC", "weekly", "2026-12-28");
  checkPeriod("2027-01-03T23:00Z", "UTC", "weekly", "2026-12-28");
  checkPeriod("2027-01-04T00:00Z", "UTC", "weekly", "2027-01-04");
  // Monday has begun in Tokyo.
  checkPeriod("2027-01-03T15:00Z", "Asia/Tokyo", "weekly", "2027-01-04");
});

test("an hour that clocks show twice is one period, and one they leave out is none", () => {
  checkPeriod("2026-10-25T00:00Z", "Europe/Berlin", "hourly", "2026-10-25T02:00:00");
  checkPeriod("2026-10-25T01:00Z", "Europe/Berlin", "hourly", "2026-10-25T02:00:00");
  checkPeriod("2026-03-29T00:00Z", "Europe/Berlin", "hourly", "2026-03-29T01:00:00");
  checkPeriod("2026-03-29T01:00Z", "Europe/Berlin", "hourly", "2026-03-29T03:00:00");
});

test("an hour that straddles midnight is of the day it begins in", () => {
  // 23:30 in Kolkata, until half past midnight.
  checkPeriod("2026-11-24T18:00Z", "Asia/Kolkata", "daily", "2026-11-24");
  checkPeriod("2026-11-24T18:00Z", "Asia/Kolkata", "hourly", "2026-11-24T23:00:00");
  checkPeriod("2026-11-24T19:00Z", "Asia/Kolkata", "daily", "2026-11-25");
});

test("days of 23, 24 and 25 hours", () => {
  check(dayIn("Europe/Berlin", "2026-03-29"), "2026-03-28T23:00Z", "2026-03-29T22:00Z");
  check(dayIn("Europe/Berlin", "2026-10-25"), "2026-10-24T22:00Z", "2026-10-25T23:00Z");
  check(dayIn("Europe/Berlin", "2026-10-26"), "2026-10-25T23:00Z", "2026-10-26T23:00Z");
  check(dayIn("Asia/Kolkata", "2026-11-24"), "2026-11-23T18:30Z", "2026-11-24T18:30Z");
  check(dayIn("America/St_Johns", "2026-11-24"), "2026-11-24T03:30Z", "2026-11-25T03:30Z");
  check(dayIn("Asia/Kathmandu", "2026-11-24"), "2026-11-23T18:15Z", "2026-11-24T18:15Z");
  check(dayIn("Pacific/Kiritimati", "2026-11-24"), "2026-11-23T10:00Z", "2026-11-24T10:00Z");
});

test("clocks that change at midnight", () => {
  // Beirut leaves out the first hour of the day; Havana shows it twice; Cairo shows the last one twice.
  check(dayIn("Asia/Beirut", "2026-03-29"), "2026-03-28T22:00Z", "2026-03-29T21:00Z");
  check(dayIn("America/Havana", "2026-11-01"), "2026-11-01T04:00Z", "2026-11-02T05:00Z");
  check(dayIn("Africa/Cairo", "2026-10-29"), "2026-10-28T21:00Z", "2026-10-29T22:00Z");
  // Samoa left out a whole day.
  check(dayIn("Pacific/Apia", "2011-12-29"), "2011-12-29T10:00Z", "2011-12-30T10:00Z");
  check(dayIn("Pacific/Apia", "2011-12-31"), "2011-12-30T10:00Z", "2011-12-31T10:00Z");
});

test("moments are taken as they are, with any offset", () => {
  const times = { start_date: "2026-11-24T13:20:00+05:30", end_date: "2026-11-24T09:00:00Z" };
  check({ ...times, timezone: "Europe/Berlin" }, "2026-11-24T07:50Z", "2026-11-24T09:00Z");
});

test("without dates: today until now, and the six days before", () => {
  check({}, "2026-11-18T00:00Z", "2026-11-24T12:48Z", NOW_MS);
  check({ timezone: "Asia/Kolkata" }, "2026-11-17T18:30Z", "2026-11-24T12:48Z", NOW_MS);
  check({ end_date: "2026-10-07" }, "2026-10-01T00:00Z", "2026-10-08T00:00Z", NOW_MS);
  // Midnight, as an end, is the end of the day before.
  check({ end_date: "2026-10-08T00:00:00Z" }, "2026-10-01T00:00Z", "2026-10-08T00:00Z", NOW_MS);
  check({ end_date: "2026-10-28", timezone: "Europe/Berlin" }, "2026-10-21T22:00Z", "2026-10-28T23:00Z", NOW_MS);
});

test("an end in the future is now", () => {
  check({ start_date: "2026-11-24", end_date: "2026-11-24" }, "2026-11-24T00:00Z", "2026-11-24T12:48Z", NOW_MS);
  check({ start_date: "2026-11-24", end_date: "9999-12-31" }, "2026-11-24T00:00Z", "2026-11-24T12:48Z", NOW_MS);
});

test("what is refused", () => {
  checkRefused({ timezone: "Mars/Olympus" }, /`timezone`/);
  checkRefused({ timezone: "" }, /`timezone`/);
  checkRefused({ timezone: "Europe/Berlin\u0000" }, /`timezone`/);
  checkRefused({ start_date: "2026-11-20", end_date: "2026-11-18" }, /`start_date`.*after the end/);
  checkRefused({ start_date: "2026-11-24T12:48:01Z" }, /`start_date`.*after the end/);
  checkRefused({ start_date: "2025-01-01", end_date: "2026-02-05" }, /400 days/);
  checkRefused({ start_date: "0000-01-01" }, /400 days/);
});

test("the longest and the shortest that is taken", () => {
  check({ start_date: "2025-01-01", end_date: "2026-02-04" }, "2025-01-01T00:00Z", "2026-02-05T00:00Z");
  // 400 days and an hour, because one of the days has 25.
  const zone = { timezone: "Europe/Berlin" };
  check({ ...zone, start_date: "2026-10-01", end_date: "2027-11-04" }, "2026-09-30T22:00Z", "2027-11-04T23:00Z");
  const moment = "2026-11-24T09:00:00Z";
  check({ start_date: moment, end_date: moment }, "2026-11-24T09:00Z", "2026-11-24T09:00Z");
});

const ZONES = [
  ...["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "America/New_York", "Asia/Beirut"],
  ...["America/Havana", "Africa/Cairo", "Africa/Casablanca", "America/Santiago", "Australia/Lord_Howe"],
  ...["Pacific/Chatham", "Pacific/Kiritimati", "America/Sao_Paulo", "Asia/Pyongyang", "Antarctica/Troll"],
];
const DAY_MS = 24 * HOUR_MS;
const dates = fc
  .integer({ min: Date.parse("2015-01-01") / DAY_MS, max: Date.parse("2029-12-01") / DAY_MS })
  .map((day) => new Date(day * DAY_MS).toISOString().slice(0, 10));

test("the range of a day is the hours named by it, and the next day goes on where it ends", () => {
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), dates, (timezone, date) => {
      const range = rangeIn(dayIn(timezone, date), LATER_MS);
      const next = new Date(Date.parse(date) + DAY_MS).toISOString().slice(0, 10);
      expect(rangeIn(dayIn(timezone, next), LATER_MS).startMs).toBe(range.endMs);
      const hours = hoursOf(range);
      const dayOf = (hourMs: number): string => periodOf(hourMs, "daily", range.clock);
      expect(new Set(hours.map(dayOf))).toEqual(new Set([date]));
      const [first = NaN, last = NaN] = [hours[0], hours.at(-1)];
      expect([dayOf(first - HOUR_MS) < date, dayOf(last + HOUR_MS) > date]).toEqual([true, true]);
    }),
    { numRuns: 500 },
  );
});

test("longer periods are made of whole days, and follow each other", () => {
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), dates, fc.nat(23), (timezone, date, hour) => {
      const { clock } = rangeIn({ timezone }, NOW_MS);
      const hourMs = Date.parse(date) + hour * HOUR_MS;
      const day = periodOf(hourMs, "daily", clock);
      expect(periodOf(hourMs, "monthly", clock)).toBe(day.slice(0, 7));
      const sinceMonday = (Date.parse(day) - Date.parse(periodOf(hourMs, "weekly", clock))) / DAY_MS;
      expect(sinceMonday).toBe((new Date(day).getUTCDay() + 6) % 7);
      expect(periodOf(hourMs, "hourly", clock).slice(0, 10)).toBe(day);
    }),
  );
});
