/**
 * Mail hosts as data, in place of sockets: whether a connection opens, what TLS came to, what each mail gets.
 *
 * It keeps every connection and transaction in order. A transaction calls `beforeMessage` where the real client
 * does, unless it ends before the message.
 */
import type {
  OpenFailure,
  OpenResult,
  SmtpConnection,
  Target,
  Transaction,
  TransactionResult,
} from "../../../relay-node/smtp/transaction.ts";

export type Host = {
  /** By visit, the last stays; `open` is the default. */
  opens?: readonly ("open" | Partial<OpenFailure>)[];
  tls?: SmtpConnection["tls"];
  /** What a mail gets; delivered by default. Awaited: a promise holds the transaction open. */
  answer?: (transaction: Transaction, connection: FakeConnection) => Promise<Answer> | Answer;
};

/** `leaves`: the connection takes no further mail. */
export type Answer = Partial<TransactionResult> & { leaves?: boolean };

export class FakeConnection implements SmtpConnection {
  readonly target: Target;
  readonly tls: SmtpConnection["tls"];
  usable = true;
  carried = 0;
  ended = false;
  readonly #hosts: ScriptedHosts;
  readonly #host: Host;

  constructor(hosts: ScriptedHosts, host: Host, target: Target) {
    this.#hosts = hosts;
    this.#host = host;
    this.target = target;
    this.tls = host.tls ?? { status: "none" };
  }

  async deliver(transaction: Transaction, beforeMessage?: () => Promise<void>): Promise<TransactionResult> {
    if (!this.usable) throw new Error("mail for a connection that takes none");
    this.carried += 1;
    this.#hosts.transactions.push({ ...transaction, ip: this.target.ip });
    const { leaves, ...answer } = (await this.#host.answer?.(transaction, this)) ?? {};
    const result: TransactionResult = { ...DELIVERED, ...answer };
    if (result.phase === "dot") await beforeMessage?.();
    if (leaves === true) this.usable = false;
    return result;
  }

  quit(): void {
    this.usable = false;
    this.ended = true;
  }

  destroy(): void {
    this.quit();
  }
}

export class ScriptedHosts {
  /** By address; one that is not here refuses the connection. */
  readonly hosts: Record<string, Host>;
  /** `ip tls` of each try to connect. */
  readonly tries: string[] = [];
  readonly connections: FakeConnection[] = [];
  readonly transactions: (Transaction & { ip: string })[] = [];

  constructor(hosts: Record<string, Host>) {
    this.hosts = hosts;
  }

  get openConnections(): number {
    return this.connections.filter(({ ended }) => !ended).length;
  }

  readonly open = (target: Target): Promise<OpenResult> => {
    const host = this.hosts[target.ip];
    const visit = this.tries.filter((tried) => tried.startsWith(`${target.ip} `)).length;
    this.tries.push(`${target.ip} ${target.tls}`);
    const opens = host ? (host.opens?.[Math.min(visit, host.opens.length - 1)] ?? "open") : REFUSED;
    if (opens !== "open") return Promise.resolve({ kind: "failed", failure: { ...REFUSED, ...opens } });
    const connection = new FakeConnection(this, host ?? {}, target);
    this.connections.push(connection);
    return Promise.resolve({ kind: "open", connection });
  };
}

export const DELIVERED: TransactionResult = {
  ...{ kind: "delivered", phase: "dot", reply: { code: 250, enhanced: "2.0.0", text: "taken" } },
  ...{ transcript: ["C: DATA", "S: 250 2.0.0 taken"], tryNextHost: false },
};

export const REFUSED: OpenFailure = {
  ...{ kind: "deferred", phase: "connect", reason: "the connection was refused", transcript: [] },
};
