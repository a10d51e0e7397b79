/**
 * How long each step of a session may take, unless told otherwise.
 *
 * From MAIL on these are the minima of RFC 5321 §4.5.3.2: a server that scans before it answers is slow, not
 * dead, and giving up after the dot makes duplicates. Connecting, greeting and TLS are shorter than the RFC
 * asks: nothing is lost there, and a dead host holds a slot meanwhile.
 */
import type { Phase } from "#contract/reply.ts";
import type { Timeouts } from "./transaction.ts";

export const DEFAULT_TIMEOUTS: Timeouts = {
  connectMs: 30_000,
  greetingMs: 60_000,
  ehloMs: 60_000,
  tlsMs: 60_000,
  mailMs: 300_000,
  rcptMs: 300_000,
  dataMs: 120_000,
  blockMs: 180_000,
  dotMs: 600_000,
};

/** The time-out that rules while the answer of a phase is awaited. */
export const phaseTimeoutMs = (timeouts: Timeouts, phase: Phase): number => {
  switch (phase) {
    case "route":
    case "connect":
    case "local":
      return timeouts.connectMs;
    case "greeting":
      return timeouts.greetingMs;
    case "ehlo":
    case "auth":
      return timeouts.ehloMs;
    case "tls":
      return timeouts.tlsMs;
    case "mail":
      return timeouts.mailMs;
    case "rcpt":
      return timeouts.rcptMs;
    case "data":
      return timeouts.dataMs;
    case "dot":
      return timeouts.dotMs;
  }
};
