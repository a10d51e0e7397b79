/**
 * Whose mail comes in for a domain: the gateway is asked once a minute for each. That a domain is nobody's is remembered
 * for ten seconds, so that names which strangers make up cost little, and a domain that was just switched on is refused
 * no longer than that.
 *
 * What cannot be found out now is `unknown` and not remembered. Entries and questions under way are bounded.
 */
import { ReceivingDomain } from "#contract/received.ts";

export type Receiver = { kind: "account"; account: string } | { kind: "nobody" } | { kind: "unknown" };

export type ReceivingDomainsOptions = { gatewayUrl: string; token: string; nowMs: () => number };

const REMEMBERED_MS = { account: 60_000, nobody: 10_000 } as const;
const REMEMBERED = 10_000;
const QUESTIONS = 50;
const TIMEOUT_MS = 10_000;

export class ReceivingDomains {
  readonly #options: ReceivingDomainsOptions;
  readonly #known = new Map<string, { receiver: Receiver; untilMs: number }>();
  readonly #asked = new Map<string, Promise<Receiver>>();

  constructor(options: ReceivingDomainsOptions) {
    this.#options = options;
  }

  /** `domain` in A-labels. Never rejects. */
  async receiverOf(domain: string): Promise<Receiver> {
    const known = this.#known.get(domain);
    if (known && known.untilMs > this.#options.nowMs()) return known.receiver;
    const underWay = this.#asked.get(domain);
    if (underWay) return underWay;
    if (this.#asked.size >= QUESTIONS) return { kind: "unknown" };
    const asked = this.#ask(domain);
    this.#asked.set(domain, asked);
    const receiver = await asked;
    this.#asked.delete(domain);
    if (receiver.kind === "unknown") return receiver;
    // The oldest goes: a Map keeps the order of insertion.
    this.#known.delete(domain);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(domain, { receiver, untilMs: this.#options.nowMs() + REMEMBERED_MS[receiver.kind] });
    return receiver;
  }

  /** Whoever received for it does so no more: the gateway is to be asked anew. */
  forget(domain: string): void {
    this.#known.delete(domain);
  }

  async #ask(domain: string): Promise<Receiver> {
    const { gatewayUrl, token } = this.#options;
    try {
      const response = await fetch(new URL(`/relay/inbound/domains/${encodeURIComponent(domain)}`, gatewayUrl), {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      if (!response.ok) return { kind: "unknown" };
      const { account } = ReceivingDomain.parse(JSON.parse(text));
      return account === null ? { kind: "nobody" } : { kind: "account", account };
    } catch {
      return { kind: "unknown" };
    }
  }
}
