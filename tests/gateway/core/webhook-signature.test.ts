/**
 * Signatures of Standard Webhooks, judged by the libraries that receivers use and by OpenSSL's Ed25519.
 */
import { generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import fc from "fast-check";
import { Resend } from "resend";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { expect, test } from "vitest";
import {
  formatWebhookSecret,
  readWebhookSecret,
  readWebhookSigningKey,
  signWebhook,
  type SignedWebhook,
  type WebhookKey,
} from "../../../gateway/core/webhook-signature.ts";

const secretOf = (byte: number): string => formatWebhookSecret(new Uint8Array(32).fill(byte));
const OLD = secretOf(1);
const NEW = secretOf(2);
const STRANGE = secretOf(3);
const ID = "01939f2a-7000-7000-8000-000000000001";
const PAYLOAD = JSON.stringify({
  type: "email.delivered",
  created_at: "2026-11-24T12:00:00.000Z",
  data: { ü: "→ 飛脚" },
});

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const PEM = String(privateKey.export({ type: "pkcs8", format: "pem" }));

const keysOf = (secrets: string[]): Promise<WebhookKey[]> =>
  Promise.all([...secrets.map(readWebhookSecret), readWebhookSigningKey(PEM)]);

const sign = async (secrets: string[], payload = PAYLOAD, atMs = Date.now()): Promise<SignedWebhook> =>
  signWebhook(await keysOf(secrets), ID, atMs, payload);

const resend = new Resend("re_x");
type Verifier = (secret: string, payload: string, headers: Record<string, string>) => void;
/** Each library is given both sets of headers, as a receiver would; all throw at what they refuse. */
const LIBRARIES: Record<string, Verifier> = {
  standardwebhooks: (secret, payload, headers) => new StandardWebhook(secret).verify(payload, headers),
  svix: (secret, payload, headers) => {
    new SvixWebhook(secret).verify(payload, headers);
  },
  resend: (webhookSecret, payload, headers) =>
    resend.webhooks.verify({
      payload,
      headers: {
        id: headers["svix-id"] ?? "",
        timestamp: headers["svix-timestamp"] ?? "",
        signature: headers["svix-signature"] ?? "",
      },
      webhookSecret,
    }),
};

const textOf = ({ body }: SignedWebhook): string => new TextDecoder().decode(body);

test.each(Object.entries(LIBRARIES))("%s takes what is signed, and nothing else", async (_, verify) => {
  const check = (
    signed: SignedWebhook,
    secret: string,
    expected: "taken" | "refused",
    payload = textOf(signed),
  ): void => {
    if (expected === "taken") expect(() => verify(secret, payload, signed.headers)).not.toThrow();
    else expect(() => verify(secret, payload, signed.headers)).toThrow();
  };
  const signed = await sign([NEW]);
  check(signed, NEW, "taken");
  check(signed, STRANGE, "refused");
  check(signed, NEW, "refused", PAYLOAD.replace("delivered", "bounced"));
  check({ ...signed, headers: { ...signed.headers, "webhook-id": "another", "svix-id": "another" } }, NEW, "refused");

  const rotated = await sign([NEW, OLD]);
  check(rotated, NEW, "taken");
  check(rotated, OLD, "taken");
  check(rotated, STRANGE, "refused");

  check(await sign([NEW], PAYLOAD, Date.now() - 290_000), NEW, "taken");
  check(await sign([NEW], PAYLOAD, Date.now() - 310_000), NEW, "refused");
  check(await sign([NEW], PAYLOAD, Date.now() + 310_000), NEW, "refused");
});

test("svix takes either set of headers alone, and both are equal", async () => {
  const { headers, body } = await sign([NEW]);
  const text = new TextDecoder().decode(body);
  for (const prefix of ["webhook-", "svix-"]) {
    const only = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith(prefix)));
    expect(Object.keys(only)).toHaveLength(3);
    expect(() => LIBRARIES["svix"]?.(NEW, text, only)).not.toThrow();
  }
  for (const name of ["id", "timestamp", "signature"]) expect(headers[`svix-${name}`]).toBe(headers[`webhook-${name}`]);
});

/** The `v1a` signature as somebody with the public key alone checks it. */
const verifiesV1a = ({ headers, body }: SignedWebhook, key: KeyObject): boolean => {
  const signature = (headers["webhook-signature"] ?? "").split(" ").find((one) => one.startsWith("v1a,"));
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`), body]);
  return verify(null, signed, key, Buffer.from((signature ?? "").slice("v1a,".length), "base64"));
};

test("v1a is Ed25519 over the same text", async () => {
  const signed = await sign([NEW]);
  expect(verifiesV1a(signed, publicKey)).toBe(true);
  expect(verifiesV1a({ ...signed, body: Buffer.from("{}") }, publicKey)).toBe(false);
  expect(verifiesV1a(signed, generateKeyPairSync("ed25519").publicKey)).toBe(false);
});

test("the timestamp is that of the try, in whole seconds, and the body is the payload to the byte", async () => {
  const at = async (atMs: number): Promise<string | undefined> =>
    (await sign([NEW], PAYLOAD, atMs)).headers["webhook-timestamp"];
  expect(await at(1_790_000_000_000)).toBe("1790000000");
  expect(await at(1_790_000_000_999)).toBe("1790000000");
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
      const payload = JSON.stringify({ text });
      const signed = await sign([NEW], payload);
      expect(textOf(signed)).toBe(payload);
      expect(new StandardWebhook(NEW).verify(payload, signed.headers)).toEqual({ text });
      expect(verifiesV1a(signed, publicKey)).toBe(true);
    }),
    { numRuns: 25 },
  );
});

test("a secret is `whsec_` and base64 of its bytes; what is no key is a bug that shows", async () => {
  expect(formatWebhookSecret(Uint8Array.of(0xfb, 0xff, 0xfe))).toBe("whsec_+//+");
  await expect(readWebhookSecret("abcdef")).rejects.toThrow("whsec_");
  await expect(readWebhookSigningKey("whsk_abc")).rejects.toThrow("PKCS#8");
});
