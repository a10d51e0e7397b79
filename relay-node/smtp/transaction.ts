/**
 * What goes into one SMTP transaction and what comes out: the seam between the delivery loop, which
 * knows leases and journals, and the SMTP client, which knows neither.
 */
import type { Phase, Reply } from "#contract/reply.ts";
import type { TlsVerdict } from "#contract/outcome.ts";

/** One message to one recipient. */
export type Transaction = {
  /** Envelope sender and recipient, without angle brackets. */
  mailFrom: string;
  rcptTo: string;
  /** Lines end in CRLF, not dot-stuffed, ends with CRLF. */
  message: Uint8Array;
  /** RFC 6531: an address or header has UTF-8; a server without SMTPUTF8 cannot take it. */
  needsSmtpUtf8: boolean;
};

/** A place to speak SMTP with, resolved to an address. */
export type Target = {
  /** The name for TLS (SNI, certificate) and for people: the MX host or the route's host. */
  host: string;
  ip: string;
  port: number;
  tls: "opportunistic" | "required" | "implicit" | "none";
  auth?: { user: string; pass: string };
};

/** How long each step may take; RFC 5321 §4.5.3.2 has the defaults. */
export type Timeouts = {
  connectMs: number;
  greetingMs: number;
  ehloMs: number;
  tlsMs: number;
  mailMs: number;
  rcptMs: number;
  dataMs: number;
  /** Between two successful writes of a block of the message. */
  blockMs: number;
  dotMs: number;
};

export type ConnectionOptions = {
  heloName: string;
  timeouts: Timeouts;
  /** Source address to bind to. */
  localAddress?: string;
};

/**
 * - `delivered`: 250 after the dot.
 * - `deferred` / `bounced`: by the classification table (`classify.ts`), never by the first digit alone.
 * - `unknown`: the final dot was written and the connection ended or timed out before its reply.
 */
export type TransactionResult = {
  kind: "delivered" | "deferred" | "bounced" | "unknown";
  phase: Phase;
  reply?: Reply;
  /** A short sentence; present unless delivered. */
  reason?: string;
  /** The lines of this transaction; on the first of a connection those of its opening come before. */
  transcript: string[];
  /** The failure speaks of this server, not of this mail: another MX may be tried (RFC 5321 §5.1). */
  tryNextHost: boolean;
};

export type OpenFailure = {
  kind: "deferred" | "bounced";
  phase: Phase;
  reply?: Reply;
  reason: string;
  transcript: string[];
  /** The STARTTLS handshake failed: an opportunistic caller connects again with `tls: "none"`. */
  tlsFailed?: string;
};

export type OpenResult = { kind: "open"; connection: SmtpConnection } | { kind: "failed"; failure: OpenFailure };

/** One open session: greeted, EHLO said, TLS and AUTH done; one transaction at a time. */
export interface SmtpConnection {
  readonly target: Target;
  readonly tls: TlsVerdict;
  /** False once the server closed, said 421, or a reply made the state unsure: take no further mail to it. */
  readonly usable: boolean;
  /** Transactions it has carried. */
  readonly carried: number;
  /**
   * Runs one transaction. `beforeMessage` is awaited after 354 and before the first byte of the message:
   * the journal uses it to make "begun" durable. When it rejects, the connection is dropped and the promise rejects.
   */
  deliver(transaction: Transaction, beforeMessage?: () => Promise<void>): Promise<TransactionResult>;
  /** QUIT, politely, without waiting long. */
  quit(): void;
  /** Cuts the socket. */
  destroy(): void;
}
