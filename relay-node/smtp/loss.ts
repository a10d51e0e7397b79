/**
 * How a session ends without a reply, as a value, and how that reads to people.
 *
 * The words are the same for every phase; the phase is told beside them. It does not decide what the loss
 * means for a mail: that depends on whether the final dot was written (`dialogue.ts`).
 */
import type { ReplyProblem } from "./reply.ts";

/** `error` carries the system's code (`ECONNREFUSED`), or the message of a TLS error. */
export type Loss =
  | { kind: "closed" }
  | { kind: "timed-out" }
  | { kind: "error"; code: string }
  | { kind: "malformed"; problem: ReplyProblem };

export const lossReason = (loss: Loss): string => {
  switch (loss.kind) {
    case "closed":
      return "the server closed the connection";
    case "timed-out":
      return "the server did not answer in time";
    case "error":
      return ERRORS[loss.code] ?? loss.code;
    case "malformed":
      return `the server's answer is no SMTP reply (${loss.problem})`;
  }
};

const ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the server reset the connection",
  EPIPE: "the server closed the connection",
  ETIMEDOUT: "the network timed out",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  EADDRNOTAVAIL: "our source address is not available",
};
