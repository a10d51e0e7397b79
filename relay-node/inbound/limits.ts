/**
 * What a stranger may have of the inbound SMTP server: connections, time, commands, mistakes and memory.
 *
 * Counts are by connection and by network, for an IPv6 customer has a whole /64. Whoever is refused may come again:
 * bounces are sent by servers that do. It closes nothing itself.
 */
import { parseIp } from "#dns/ip-address.ts";

export type InboundLimits = {
  /** Open at once, of all and of one network. */
  connections: number;
  connectionsPerNetwork: number;
  /** Of one message; at least 100 (RFC 5321 §4.5.3.1.8). */
  recipients: number;
  /** Refused commands and messages of one connection. */
  errors: number;
  /** Commands of one connection before a message of it was taken. */
  commands: number;
  /** SIZE (RFC 1870). */
  messageBytes: number;
  /** Of messages that are under way, all together; what is beyond is put off. */
  heldBytes: number;
  /** Without an octet; at least 5 minutes (RFC 5321 §4.5.3.2.7). */
  idleMs: number;
  /** From DATA to the final dot. */
  dataMs: number;
  sessionMs: number;
};

export const INBOUND_LIMITS: InboundLimits = {
  connections: 2000,
  connectionsPerNetwork: 50,
  recipients: 100,
  errors: 20,
  commands: 300,
  messageBytes: 50_000_000,
  heldBytes: 256 * 1024 * 1024,
  idleMs: 5 * 60_000,
  dataMs: 10 * 60_000,
  sessionMs: 30 * 60_000,
};

type Visitor = { network: string; commands: number; errors: number };

export class Visitors {
  readonly #limits: InboundLimits;
  readonly #visitors = new Map<string, Visitor>();
  readonly #perNetwork = new Map<string, number>();

  constructor(limits: InboundLimits) {
    this.#limits = limits;
  }

  /** `false`: its network has as many connections as it may. It counts all the same, until it leaves. */
  enter(id: string, ip: string): boolean {
    const network = networkOf(ip);
    const open = (this.#perNetwork.get(network) ?? 0) + 1;
    this.#perNetwork.set(network, open);
    this.#visitors.set(id, { network, commands: 0, errors: 0 });
    return open <= this.#limits.connectionsPerNetwork;
  }

  leave(id: string): void {
    const visitor = this.#visitors.get(id);
    if (!visitor) return;
    this.#visitors.delete(id);
    const left = (this.#perNetwork.get(visitor.network) ?? 1) - 1;
    if (left > 0) this.#perNetwork.set(visitor.network, left);
    else this.#perNetwork.delete(visitor.network);
  }

  /** `false`: enough of it. */
  mayCommand(id: string): boolean {
    const visitor = this.#visitors.get(id);
    return visitor === undefined || ++visitor.commands <= this.#limits.commands;
  }

  /** The same, of a refusal. */
  mayErr(id: string): boolean {
    const visitor = this.#visitors.get(id);
    return visitor === undefined || ++visitor.errors <= this.#limits.errors;
  }

  /** A message was taken: it is here for something. */
  tookMessage(id: string): void {
    const visitor = this.#visitors.get(id);
    if (visitor) visitor.commands = 0;
  }
}

const networkOf = (ip: string): string => {
  const parsed = parseIp(ip);
  return parsed?.version === 6 ? `${parsed.bits >> 64n}/64` : ip;
};
