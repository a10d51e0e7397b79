/**
 * Settings that come with the environment, parsed once an object. A wrong one stops the object with its name.
 */
import { parseRetrySchedule, type RetrySchedule } from "../core/retry-schedule.ts";

export const scheduleOf = (env: Env): RetrySchedule => parse("HIKYAKU_RETRY", env.HIKYAKU_RETRY);

export const webhookScheduleOf = (env: Env): RetrySchedule => parse("HIKYAKU_WEBHOOK_RETRY", env.HIKYAKU_WEBHOOK_RETRY);

/** Base of the links that go into mail; `undefined`: the operator has set none. */
export const publicUrlOf = (env: Env): string | undefined => env.HIKYAKU_PUBLIC_URL.replace(/\/+$/, "") || undefined;

const parse = (name: string, text: string): RetrySchedule => {
  const parsed = parseRetrySchedule(text);
  if (parsed.kind === "invalid") throw new Error(`${name}: ${parsed.reason}`);
  return parsed.schedule;
};
