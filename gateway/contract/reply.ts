/**
 * One SMTP reply and where in the conversation it came, as it is told to others.
 * Parsing the wire is the relay's matter (`relay-node/smtp/reply.ts`).
 */
import { z } from "zod";

/** The step of an SMTP session that an outcome belongs to. `route` is before any connection: MX, policy. */
export const Phase = z.enum([
  "route",
  "connect",
  "greeting",
  "ehlo",
  "tls",
  "auth",
  "mail",
  "rcpt",
  "data",
  "dot",
  "local",
]);
export type Phase = z.infer<typeof Phase>;

/** A reply (RFC 5321 §4.2) with its enhanced status code (RFC 3463) when the server gave one. */
export const Reply = z.object({
  code: z.int().min(200).max(599),
  /** `5.1.1`; absent when the server gave none. */
  enhanced: z.string().optional(),
  /** The text of all lines, joined by a line feed, without codes. */
  text: z.string(),
});
export type Reply = z.infer<typeof Reply>;
