/**
 * Hours, days, weeks and months of statistics, as the clocks of a time zone show them.
 *
 * Counts are kept by whole hours of UTC, and an hour belongs where it begins: to that period, and to that range. So in
 * a zone half an hour off, the hour that straddles midnight is counted for the day that ends in it; and ranges that
 * meet neither share an hour nor lose one. It knows no statistics, and reads no clock.
 */
import type { MetricsQuery } from "#contract/metrics.ts";
import { problem, type Problem } from "#contract/problem.ts";

export const HOUR_MS = 3600 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** The longest that a question may span, and that hours are kept. */
export const LONGEST_DAYS = 400;
/** Without a `start_date`: the day of the end and so many before it. */
const DAYS_BEFORE_END = 6;

/** What the clocks of a zone show at a moment, as the moment when those of UTC show the same. */
export type WallClock = (atMs: number) => number;

/** What a query spans: the hours that begin at or after `startMs` and before `endMs`; and the clock that names them. */
export type MetricsRange = { startMs: number; endMs: number; clock: WallClock };

/**
 * A bare date stands for the whole day in the query's zone; an end in the future is now. Refuses (`invalid_parameter`)
 * an unknown zone, a start after the end, and more than 400 days.
 */
export const rangeOf = (query: MetricsQuery, nowMs: number): MetricsRange | Problem => {
  const clock = clockOf(query.timezone);
  if (clock === undefined) return refuse("timezone", "it is not an IANA time zone");
  const endMs = query.end_date === undefined ? nowMs : Math.min(nowMs, endOf(query.end_date, clock));
  const startMs =
    query.start_date === undefined
      ? dayBeginsMs(midnightMs(clock(endMs - 1)) - DAYS_BEFORE_END * DAY_MS, clock)
      : startOf(query.start_date, clock);
  if (startMs > endMs) return refuse("start_date", "it is after the end of the range");
  // To the day: a day of 25 hours more or less does not matter.
  if (Math.round((endMs - startMs) / DAY_MS) > LONGEST_DAYS)
    return refuse("start_date", `the range is longer than ${LONGEST_DAYS} days`);
  return { startMs, endMs, clock };
};

/**
 * The period an hour falls into: `2026-11-24T13:00:00`, `2026-11-24`, for a week its Monday, `2026-11`. An hour that
 * clocks show twice, when they are put back, is one period.
 */
export const periodOf = (hourMs: number, granularity: MetricsQuery["granularity"], clock: WallClock): string => {
  const wallMs = clock(hourMs);
  switch (granularity) {
    case "hourly":
      return `${isoOf(wallMs).slice(0, 13)}:00:00`;
    case "daily":
      return isoOf(wallMs).slice(0, 10);
    case "weekly":
      return isoOf(mondayMs(wallMs)).slice(0, 10);
    case "monthly":
      return isoOf(wallMs).slice(0, 7);
  }
};

/** `undefined`: there is no such zone. Makes a formatter, which is dear: once a query. */
const clockOf = (timezone: string): WallClock | undefined => {
  const format = offsetFormat(timezone);
  return format && ((atMs) => atMs + parseOffsetMs(format.format(atMs)));
};

const offsetFormat = (timezone: string): Intl.DateTimeFormat | undefined => {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: timezone, timeZoneName: "longOffset" });
  } catch {
    // A RangeError, the only way to learn that a zone is unknown.
    return undefined;
  }
};

/** The end of `11/24/2026, GMT+05:30`; seconds only in offsets of long ago, `GMT` alone for none. */
const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

const parseOffsetMs = (text: string): number => {
  const [, sign, hours = 0, minutes = 0, seconds = 0] = OFFSET.exec(text) ?? [];
  return (sign === "-" ? -1000 : 1000) * ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds));
};

const startOf = (text: string, clock: WallClock): number =>
  isDate(text) ? dayBeginsMs(Date.parse(text), clock) : Date.parse(text);

const endOf = (text: string, clock: WallClock): number =>
  isDate(text) ? dayBeginsMs(Date.parse(text) + DAY_MS, clock) : Date.parse(text);

const isDate = (text: string): boolean => !text.includes("T");

/** The first moment of a day. Where clocks jump over midnight, that of the jump; where they show it twice, the first. */
const dayBeginsMs = (wallMidnightMs: number, clock: WallClock): number => {
  // Midnight has the offset of a day before or of a day after, whichever moment comes first and does show the day.
  const offsets = [wallMidnightMs - DAY_MS, wallMidnightMs + DAY_MS].map((atMs) => clock(atMs) - atMs);
  const firstMs = wallMidnightMs - Math.max(...offsets);
  return clock(firstMs) >= wallMidnightMs ? firstMs : wallMidnightMs - Math.min(...offsets);
};

const midnightMs = (wallMs: number): number => Math.floor(wallMs / DAY_MS) * DAY_MS;

const mondayMs = (wallMs: number): number => wallMs - ((new Date(wallMs).getUTCDay() + 6) % 7) * DAY_MS;

const isoOf = (wallMs: number): string => new Date(wallMs).toISOString();

const refuse = (name: string, why: string): Problem =>
  problem("invalid_parameter", `Invalid query parameter \`${name}\`: ${why}.`);
