/**
 * Settings that come with the environment, parsed once an object. A wrong one stops the object with its name.
 */
import { parseRetrySchedule, type RetrySchedule } from "../core/retry-schedule.ts";

export const scheduleOf = (env: Env): RetrySchedule => {
  const parsed = parseRetrySchedule(env.HIKYAKU_RETRY);
  if (parsed.kind === "invalid") throw new Error(`HIKYAKU_RETRY: ${parsed.reason}`);
  return parsed.schedule;
};
