/**
 * One attempt: one message offered to the hosts of its destination, in order, until one has decided.
 *
 * A connection that is open already goes first. A host that cannot be reached, or whose refusal speaks of the
 * host and not of this mail, gives way to the next (RFC 5321 §5.1). Opportunistic TLS that fails is followed by
 * the clear on the same host, unless the mail requires TLS; the verdict tells it.
 */
import type { TlsVerdict } from "#contract/outcome.ts";
import type {
  ConnectionOptions,
  OpenFailure,
  OpenResult,
  SmtpConnection,
  Target,
  Transaction,
  TransactionResult,
} from "../smtp/transaction.ts";

/** A connection kept for the next mail, with what its TLS came to. */
export type Held = { connection: SmtpConnection; tls: TlsVerdict };

export type AttemptResult = Omit<TransactionResult, "tryNextHost"> & { target?: Target; tls?: TlsVerdict };

export type Attempt = {
  targets: readonly Target[];
  transaction: Transaction;
  requireTls: boolean;
  /** Called before each transaction; when it throws, nothing of it is sent. */
  beforeTransaction: () => void;
  /** Awaited before the first byte of the message is sent. */
  beforeMessage: () => Promise<void>;
};

/** Mails that one connection carries before it is renewed. */
const CONNECTION_LIMIT = 1000;

export class Carrier {
  readonly #open: (target: Target, options: ConnectionOptions) => Promise<OpenResult>;
  readonly #options: ConnectionOptions;
  readonly #nowMs: () => number;
  /** Hosts that failed lately: as long as failing took they are not tried again, so that a dead host costs a lane little. */
  readonly #failed = new Map<string, { untilMs: number; failure: OpenFailure }>();

  constructor(
    open: (target: Target, options: ConnectionOptions) => Promise<OpenResult>,
    options: ConnectionOptions,
    nowMs: () => number,
  ) {
    this.#open = open;
    this.#options = options;
    this.#nowMs = nowMs;
  }

  /** Makes the attempt; `held` comes back when it can carry more, or another in its place. */
  async attempt(attempt: Attempt, held: Held | undefined): Promise<{ result: AttemptResult; held: Held | undefined }> {
    const kept = held && this.#reuse(held, attempt) ? held : undefined;
    if (held && !kept) held.connection.quit();
    if (kept) {
      const result = await this.#deliver(kept, attempt);
      // The server closed the idle connection before it saw anything: that says nothing about this mail.
      const goneIdle = result.kind === "deferred" && result.reply === undefined && result.phase === "mail";
      if (!goneIdle && !result.tryNextHost) return this.#end(result, kept);
      kept.connection.quit();
    }
    return this.#tryTargets(attempt);
  }

  async #tryTargets(attempt: Attempt): Promise<{ result: AttemptResult; held: Held | undefined }> {
    let last: AttemptResult | undefined;
    let temporary = false;
    for (const target of attempt.targets) {
      const opened = await this.#openTo(target, attempt.requireTls);
      if ("failure" in opened) {
        const { tlsFailed, ...failure } = opened.failure;
        last = { ...failure, target, ...(tlsFailed !== undefined && { tls: { status: "failed", error: tlsFailed } }) };
        temporary ||= last.kind === "deferred";
        continue;
      }
      const result = await this.#deliver(opened, attempt);
      if (!result.tryNextHost) return this.#end(result, opened);
      opened.connection.quit();
      last = this.#describe(result, opened);
      temporary ||= last.kind === "deferred";
    }
    if (!last) return { result: NO_TARGET, held: undefined };
    // Where one host refuses for good and another could not be asked, the next attempt may meet that one.
    return { result: temporary ? { ...last, kind: "deferred" } : last, held: undefined };
  }

  async #openTo(target: Target, requireTls: boolean): Promise<Held | { failure: OpenFailure }> {
    const wanted: Target = requireTls && target.tls !== "implicit" ? { ...target, tls: "required" } : target;
    const key = `${wanted.ip} ${wanted.port} ${wanted.tls}`;
    const before = this.#failed.get(key);
    if (before && before.untilMs > this.#nowMs()) return { failure: before.failure };
    const startedAtMs = this.#nowMs();
    const opened = await this.#open(wanted, this.#options);
    if (opened.kind === "open") return { connection: opened.connection, tls: opened.connection.tls };
    if (opened.failure.tlsFailed !== undefined && wanted.tls === "opportunistic")
      return this.#openInTheClear(wanted, opened.failure);
    const tookMs = this.#nowMs() - startedAtMs;
    if (this.#failed.size > 10_000) this.#failed.clear();
    this.#failed.set(key, {
      untilMs: this.#nowMs() + Math.min(60_000, Math.max(500, tookMs)),
      failure: opened.failure,
    });
    return { failure: opened.failure };
  }

  /** RFC 7435: opportunistic security falls back to the clear; people see why. */
  async #openInTheClear(target: Target, tlsFailure: OpenFailure): Promise<Held | { failure: OpenFailure }> {
    const opened = await this.#open({ ...target, tls: "none" }, this.#options);
    if (opened.kind === "failed")
      return { failure: { ...opened.failure, transcript: [...tlsFailure.transcript, ...opened.failure.transcript] } };
    return {
      connection: opened.connection,
      tls: { status: "failed", error: tlsFailure.tlsFailed ?? tlsFailure.reason },
    };
  }

  #reuse({ connection, tls }: Held, { targets, requireTls }: Attempt): boolean {
    if (!connection.usable || connection.carried >= CONNECTION_LIMIT) return false;
    if (requireTls && tls.status !== "encrypted") return false;
    return targets.some(({ ip, port }) => ip === connection.target.ip && port === connection.target.port);
  }

  #deliver({ connection }: Held, attempt: Attempt): Promise<TransactionResult> {
    try {
      attempt.beforeTransaction();
    } catch (error) {
      connection.quit();
      throw error;
    }
    return connection.deliver(attempt.transaction, attempt.beforeMessage);
  }

  #end(result: TransactionResult, held: Held): { result: AttemptResult; held: Held | undefined } {
    if (!held.connection.usable) held.connection.quit();
    return { result: this.#describe(result, held), held: held.connection.usable ? held : undefined };
  }

  #describe({ tryNextHost: _, ...result }: TransactionResult, { connection, tls }: Held): AttemptResult {
    return { ...result, target: connection.target, tls };
  }
}

const NO_TARGET: AttemptResult = {
  kind: "deferred",
  phase: "route",
  reason: "There was no host to try",
  transcript: [],
};
