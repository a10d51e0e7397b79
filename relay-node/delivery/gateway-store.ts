/**
 * What a batch only names and the gateway keeps: large content and signing keys, fetched over HTTPS with the
 * relay's token.
 *
 * Keys come sealed to our token and are cached for one version of an account's keys. A gateway that does not
 * answer is asked again for a while; then `unavailable`, and the delivery goes back unbegun. Never rejects.
 */
import { createHmac, createPublicKey, createSecretKey, type KeyObject, type webcrypto } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { EmailContent, SigningKeys } from "#contract/relay-protocol.ts";
import { sealingKey, unseal } from "#contract/sealed.ts";
import { makeSigner, type Signer } from "./sign.ts";

export type DomainKeys = { version: number; returnPathKey: KeyObject; signers: Signer[] };
/** `unavailable`: the gateway did not give it. `unusable`: it did, and it is not what it should be. */
export type Fetched<T> =
  | { kind: "fetched"; value: T }
  | { kind: "unavailable"; reason: string }
  | { kind: "unusable"; reason: string };

/** Delays between tries of one fetch. */
const RETRY_MS = [200, 1000, 3000, 10_000];
const FETCH_TIMEOUT_MS = 30_000;
/** Domains whose keys are remembered. */
const CACHE_LIMIT = 10_000;
/** Fetched contents that are kept: each is above what rides in a batch and at most what a send may have. */
const CONTENTS_LIMIT = 4;

export class GatewayStore {
  readonly #url: string;
  readonly #token: string;
  readonly #sealing: Promise<webcrypto.CryptoKey>;
  readonly #contents = new Map<string, Promise<Fetched<EmailContent>>>();
  readonly #keys = new Map<string, { version: number; keys: Promise<Fetched<DomainKeys>> }>();

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
    this.#sealing = sealingKey(token, "relay-keys");
  }

  /** The keys of a domain as they were at `version` or later. */
  keys(account: string, domain: string, version: number): Promise<Fetched<DomainKeys>> {
    const name = `${account}/${domain}`;
    const cached = this.#keys.get(name);
    if (cached && cached.version >= version) return cached.keys;
    const keys = this.#fetchKeys(account, domain);
    if (this.#keys.size >= CACHE_LIMIT) this.#keys.clear();
    this.#keys.set(name, { version, keys });
    void keys.then((fetched) => {
      if (fetched.kind !== "fetched" && this.#keys.get(name)?.keys === keys) this.#keys.delete(name);
    });
    return keys;
  }

  /** Content is never rewritten: what was fetched lately is given again, the same object to all who share it. */
  content(account: string, part: { k: number; chunks: number }): Promise<Fetched<EmailContent>> {
    const name = `${account}/${part.k}`;
    const known = this.#contents.get(name);
    const content = known ?? this.#fetchContent(account, part);
    this.#contents.delete(name);
    this.#contents.set(name, content);
    for (const oldest of this.#contents.keys()) {
      if (this.#contents.size <= CONTENTS_LIMIT) break;
      this.#contents.delete(oldest);
    }
    if (!known)
      void content.then((fetched) => {
        if (fetched.kind !== "fetched") this.#contents.delete(name);
      });
    return content;
  }

  async #fetchContent(account: string, part: { k: number; chunks: number }): Promise<Fetched<EmailContent>> {
    const text = await this.#get(`/relay/accounts/${account}/parts/${part.k}?chunks=${part.chunks}`);
    return text.kind === "fetched" ? use("content", () => EmailContent.parse(JSON.parse(text.value))) : text;
  }

  /** Whether a return-path mac is ours, by any key of the account that was fetched; `undefined`: none was. */
  async returnPathKey(account: string): Promise<KeyObject | undefined> {
    for (const [name, { keys }] of this.#keys) {
      if (!name.startsWith(`${account}/`)) continue;
      const fetched = await keys;
      if (fetched.kind === "fetched") return fetched.value.returnPathKey;
    }
    return undefined;
  }

  /** The DKIM records of the keys we sign with, as their owner would publish them; for the sandbox. */
  async publishedKey(name: string): Promise<string | undefined> {
    for (const { keys } of this.#keys.values()) {
      const fetched = await keys;
      const signer =
        fetched.kind === "fetched"
          ? fetched.value.signers.find(({ selector, domain }) => `${selector}._domainkey.${domain}` === name)
          : undefined;
      if (signer) return publicRecord(signer);
    }
    return undefined;
  }

  async #fetchKeys(account: string, domain: string): Promise<Fetched<DomainKeys>> {
    const sealed = await this.#get(`/relay/accounts/${account}/keys/${encodeURIComponent(domain)}`);
    if (sealed.kind !== "fetched") return sealed;
    const plain = await unseal(await this.#sealing, sealed.value);
    if (plain.kind === "unreadable") return unusable("signing keys", "they do not open with this relay's token");
    return use("signing keys", () => {
      const { keys_version, return_path_key, signers } = SigningKeys.parse(JSON.parse(plain.text));
      const made = signers.map(({ selector, algorithm, private_key }) =>
        makeSigner({ domain, selector, algorithm, privateKeyPem: private_key }),
      );
      return { version: keys_version, returnPathKey: createSecretKey(return_path_key, "hex"), signers: made };
    });
  }

  async #get(path: string): Promise<Fetched<string>> {
    let reason = "";
    for (const delayMs of [0, ...RETRY_MS]) {
      if (delayMs > 0) await wait(delayMs);
      try {
        const response = await fetch(new URL(path, this.#url), {
          headers: { authorization: `Bearer ${this.#token}` },
          signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
        });
        if (response.ok) return { kind: "fetched", value: await response.text() };
        reason = `The gateway answered ${response.status} for what the delivery needs`;
        // It knows and says no: asking again gives the same.
        if (response.status >= 400 && response.status < 500) return { kind: "unusable", reason };
      } catch (error) {
        reason = `The gateway could not be asked for what the delivery needs: ${error instanceof Error ? error.message : ""}`;
      }
    }
    return { kind: "unavailable", reason };
  }
}

const unusable = (what: string, why: string): { kind: "unusable"; reason: string } => ({
  kind: "unusable",
  reason: `The ${what} from the gateway cannot be used: ${why}`,
});

const use = <T>(what: string, read: () => T): Fetched<T> => {
  try {
    return { kind: "fetched", value: read() };
  } catch (error) {
    return unusable(what, error instanceof Error ? error.message.slice(0, 200) : "unknown");
  }
};

/** HMAC-SHA256 of a return-path's text with the account's key: an object, for node takes bytes six times as slowly. */
export const returnPathMac = (key: KeyObject, text: string): Buffer => createHmac("sha256", key).update(text).digest();

const publicRecord = ({ algorithm, key }: Signer): string => {
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  // RFC 8463 §4.2: an Ed25519 record has the bare 32 bytes.
  return algorithm === "rsa-sha256"
    ? `v=DKIM1; k=rsa; p=${spki.toString("base64")}`
    : `v=DKIM1; k=ed25519; p=${spki.subarray(-32).toString("base64")}`;
};
