/**
 * How hard an endpoint may be called: how many requests at once, and whether it is to be left alone for now.
 *
 * After some failures in a row the breaker opens: from then on one event at a time goes out as a probe, at growing
 * intervals, while the others wait and lose none of their tries. The first success closes it, and the window grows again
 * from one. Signs of strain (no reply, 429, 503) halve the window; an error of the endpoint's own, such as a 500 for
 * a single event, does not.
 */
import { isSuccess, type WebhookReply } from "./webhook-retry.ts";

export type EndpointHealth = {
  /** In a row, until now. */
  failures: number;
  /** When the first of them was seen. */
  failingSinceMs: number | null;
  /** Probes that failed since the breaker opened. */
  probes: number;
  /** Nothing is sent before. */
  resumeAtMs: number;
  /** Requests at once. */
  window: number;
};

export const HEALTHY: EndpointHealth = { failures: 0, failingSinceMs: null, probes: 0, resumeAtMs: 0, window: 8 };

/** Requests at once to one endpoint, at the most. */
export const LARGEST_WINDOW = 32;
/** In a row; an endpoint that fails three times in ten by chance gets there once in 170,000 tries. */
export const FAILURES_TO_OPEN = 10;
const FIRST_PROBE_MS = 5000;
const LONGEST_PROBE_MS = 30 * 60 * 1000;
/** Of failing without one success, before the endpoint is disabled. */
export const FAILING_LIMIT_MS = 5 * 24 * 3600 * 1000;

export const isOpen = ({ failures }: EndpointHealth): boolean => failures >= FAILURES_TO_OPEN;

export const mayBegin = (health: EndpointHealth, inFlight: number, nowMs: number): boolean =>
  nowMs >= health.resumeAtMs && inFlight < (isOpen(health) ? 1 : health.window);

/** Whether it has failed for so long that nobody can be meant any more. */
export const isGivenUp = (health: EndpointHealth, nowMs: number): boolean =>
  isOpen(health) && health.failingSinceMs !== null && nowMs - health.failingSinceMs >= FAILING_LIMIT_MS;

/** `beganMs`: when the request was sent. `random` is in [0, 1). */
export const afterReply = (
  health: EndpointHealth,
  reply: WebhookReply & { beganMs: number },
  nowMs: number,
  random: number,
): EndpointHealth => {
  if (isSuccess(reply)) return afterSuccess(health);
  const wasOpen = isOpen(health);
  const failures = health.failures + 1;
  // What was on its way when the breaker opened is no probe, and says nothing new.
  const probes = wasOpen && reply.beganMs >= health.resumeAtMs ? health.probes + 1 : health.probes;
  const strained = reply.status === 0 || reply.status === 429 || reply.status === 503;
  const failed: EndpointHealth = {
    failures,
    failingSinceMs: health.failingSinceMs ?? nowMs,
    probes,
    resumeAtMs:
      reply.retryAfterMs === undefined ? health.resumeAtMs : Math.max(health.resumeAtMs, nowMs + reply.retryAfterMs),
    window: strained ? Math.max(1, Math.floor(health.window / 2)) : health.window,
  };
  if (!isOpen(failed)) return failed;
  const probeAtMs = !wasOpen || probes > health.probes ? nowMs + probeIntervalMs(probes, random) : 0;
  return { ...failed, window: 1, resumeAtMs: Math.max(failed.resumeAtMs, probeAtMs) };
};

const afterSuccess = (health: EndpointHealth): EndpointHealth => ({
  failures: 0,
  failingSinceMs: null,
  probes: 0,
  // A pause the endpoint asked for holds, whatever else it answers meanwhile; one of our own does not.
  resumeAtMs: isOpen(health) ? 0 : health.resumeAtMs,
  window: Math.min(LARGEST_WINDOW, health.window + 1),
});

const probeIntervalMs = (probes: number, random: number): number =>
  Math.round(Math.min(FIRST_PROBE_MS * 2 ** probes, LONGEST_PROBE_MS) * (1 + 0.1 * random));
