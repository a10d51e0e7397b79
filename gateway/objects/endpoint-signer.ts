/**
 * The keys an endpoint's events are signed with: unsealed once for each configuration, then kept as keys that cannot be
 * read out.
 */
import { sealingKey, unseal } from "#contract/sealed.ts";
import type { EndpointConfig } from "#contract/webhook.ts";
import { readWebhookSecret, readWebhookSigningKey, type WebhookKey } from "../core/webhook-signature.ts";

type TimedKey = WebhookKey & { untilMs: number };

export class EndpointSigner {
  readonly #masterKey: string;
  #cached: { config: EndpointConfig; keys: Promise<TimedKey[]> } | undefined;

  constructor(masterKey: string) {
    this.#masterKey = masterKey;
  }

  /** Those that count now. Rejects when one does not open with this master key: nothing may leave without it. */
  async keys(config: EndpointConfig, nowMs: number): Promise<WebhookKey[]> {
    if (this.#cached?.config !== config) this.#cached = { config, keys: this.#open(config) };
    const { keys } = this.#cached;
    keys.catch(() => {
      if (this.#cached?.keys === keys) this.#cached = undefined;
    });
    return (await keys).filter(({ untilMs }) => untilMs > nowMs);
  }

  async #open({ secrets, signingKey }: EndpointConfig): Promise<TimedKey[]> {
    const key = await sealingKey(this.#masterKey, "webhook-at-rest");
    const open = async (sealed: string): Promise<string> => {
      const plain = await unseal(key, sealed);
      if (plain.kind === "unreadable") throw new Error("a webhook's secret does not open with this master key");
      return plain.text;
    };
    return Promise.all([
      ...secrets.map(async ({ sealed, untilMs = Infinity }) => ({
        ...(await readWebhookSecret(await open(sealed))),
        untilMs,
      })),
      open(signingKey).then(async (pem) => ({ ...(await readWebhookSigningKey(pem)), untilMs: Infinity })),
    ]);
  }
}
