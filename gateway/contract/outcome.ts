/**
 * What came of one delivery attempt, as the relay reports it and the account settles it.
 *
 * An outcome speaks of one delivery (one recipient) under one lease. It never says what happens next:
 * the account decides that (`gateway/core/settlement.ts`). Tolerant: an older gateway reads a newer relay.
 */
import { z } from "zod";
import { Phase, Reply } from "./reply.ts";

/**
 * - `delivered`: the server took responsibility (250 after the dot, RFC 5321 §6.1)
 * - `deferred`: a temporary failure; a later attempt may succeed
 * - `bounced`: the recipient's side refused for good
 * - `failed`: we ourselves cannot send it, whoever the recipient (content that cannot be composed, say)
 * - `unknown`: the whole message was sent and no reply was seen: it may or may not have arrived
 * - `released`: the relay never began; not an attempt
 */
export const OutcomeKind = z.enum(["delivered", "deferred", "bounced", "failed", "unknown", "released"]);
export type OutcomeKind = z.infer<typeof OutcomeKind>;

/** The TLS verdict of the connection: `none` = spoken in the clear, the server offers no STARTTLS. */
export const TlsVerdict = z.object({
  status: z.enum(["none", "encrypted", "failed"]),
  /** `TLSv1.3`. */
  protocol: z.string().optional(),
  cipher: z.string().optional(),
  /** Whether the certificate matched the host by the public roots; opportunistic TLS does not need it. */
  verified: z.boolean().optional(),
  /** Why the handshake failed (`status: "failed"`; the mail then went in the clear, or not at all). */
  error: z.string().optional(),
});
export type TlsVerdict = z.infer<typeof TlsVerdict>;

export const Outcome = z.object({
  k: z.int(),
  lease: z.int(),
  kind: OutcomeKind,
  phase: Phase.optional(),
  reply: Reply.optional(),
  /** One short sentence for people: why. Present unless delivered. */
  reason: z.string().optional(),
  /** When the attempt began and ended, ms since the epoch. */
  started_at_ms: z.int(),
  ended_at_ms: z.int(),
  relay: z.string().optional(),
  /** Where the mail went: the MX or route host, the address, the port. */
  host: z.string().optional(),
  ip: z.string().optional(),
  port: z.int().optional(),
  tls: TlsVerdict.optional(),
  /** The conversation of this attempt, one line an entry: `C: MAIL FROM:<…>`, `S: 250 2.1.0 Ok`. */
  transcript: z.array(z.string()).optional(),
});
export type Outcome = z.infer<typeof Outcome>;
