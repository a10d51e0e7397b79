/**
 * Signs an event as Standard Webhooks has it: `v1`, HMAC-SHA256 with a secret both sides know, and `v1a`, Ed25519.
 *
 * What is signed is `<id>.<seconds>.<body>` of each single try, so a receiver can refuse what is old. All keys that
 * count sign, side by side: while a secret is rotated, whoever knows the old one or the new one is content. The headers go
 * twice, as `webhook-*` and as `svix-*`, because libraries look for the one or the other.
 */
const utf8 = new TextEncoder();

const SECRET_PREFIX = "whsec_";
const PEM = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/;

/** `name`: how its signatures are marked. */
export type WebhookKey = { name: "v1" | "v1a"; key: CryptoKey };

/** A request's body, and the headers that prove it. */
export type SignedWebhook = { body: Uint8Array; headers: Record<string, string> };

/** How a secret is written; `random` is 24 to 64 bytes. */
export const formatWebhookSecret = (random: Uint8Array): string => SECRET_PREFIX + toBase64(random);

/** Throws when the text is no such secret: it is one of our own. */
export const readWebhookSecret = async (secret: string): Promise<WebhookKey> => {
  if (!secret.startsWith(SECRET_PREFIX)) throw new Error(`a webhook secret begins with ${SECRET_PREFIX}`);
  const raw = fromBase64(secret.slice(SECRET_PREFIX.length));
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return { name: "v1", key };
};

/** Reads an Ed25519 key out of PKCS#8 PEM; throws when it is none: it is one of our own. */
export const readWebhookSigningKey = async (pem: string): Promise<WebhookKey> => {
  const base64 = PEM.exec(pem)?.[1];
  if (base64 === undefined) throw new Error("a webhook signing key is PKCS#8 in PEM");
  const der = fromBase64(base64.replaceAll(/\s/g, ""));
  return { name: "v1a", key: await crypto.subtle.importKey("pkcs8", der, { name: "Ed25519" }, false, ["sign"]) };
};

/** `keys` in the order their signatures are to stand in; `id` has no dot in it. */
export const signWebhook = async (
  keys: readonly WebhookKey[],
  id: string,
  sentAtMs: number,
  payload: string,
): Promise<SignedWebhook> => {
  const timestamp = String(Math.floor(sentAtMs / 1000));
  const prefix = `${id}.${timestamp}.`;
  const signed = utf8.encode(prefix + payload);
  const signatures = await Promise.all(
    keys.map(async ({ name, key }) => {
      const signature = await crypto.subtle.sign(name === "v1" ? "HMAC" : "Ed25519", key, signed);
      return `${name},${toBase64(new Uint8Array(signature))}`;
    }),
  );
  const signature = signatures.join(" ");
  return {
    // Ids are ASCII: as many bytes as characters.
    body: signed.subarray(prefix.length),
    headers: {
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signature,
      "svix-id": id,
      "svix-timestamp": timestamp,
      "svix-signature": signature,
    },
  };
};

const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

const fromBase64 = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
