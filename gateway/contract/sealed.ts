/**
 * Sealing: how a secret is kept at rest and handed to a relay. AES-256-GCM (NIST SP 800-38D) under a key
 * drawn by HKDF-SHA256 (RFC 5869) from a secret text and a purpose, so one master key serves many uses
 * and a text sealed for one purpose never opens for another.
 *
 * Written `v1.<iv>.<ciphertext and tag>`, both base64url. The caller brings the random IV (12 bytes, never twice).
 */
const utf8 = new TextEncoder();

/** The purposes secrets are sealed for; a relay opens `relay-keys` with its own token as the secret. */
export type SealPurpose = "dkim-at-rest" | "relay-keys" | "webhook-at-rest";

export const sealingKey = async (secret: string, purpose: SealPurpose): Promise<CryptoKey> => {
  const base = await crypto.subtle.importKey("raw", utf8.encode(secret), "HKDF", false, ["deriveKey"]);
  const derivation = {
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(32),
    info: utf8.encode(`hikyaku ${purpose}`),
  };
  return crypto.subtle.deriveKey(derivation, base, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
};

export const seal = async (key: CryptoKey, plain: string, iv: Uint8Array<ArrayBuffer>): Promise<string> => {
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, utf8.encode(plain));
  return `v1.${toBase64Url(iv)}.${toBase64Url(new Uint8Array(sealed))}`;
};

/** `unreadable`: not our form, another key or purpose, or changed on the way. */
export const unseal = async (
  key: CryptoKey,
  text: string,
): Promise<{ kind: "plain"; text: string } | { kind: "unreadable" }> => {
  const [version, iv, sealed, ...rest] = text.split(".");
  if (version !== "v1" || iv === undefined || sealed === undefined || rest.length > 0) return { kind: "unreadable" };
  try {
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: fromBase64Url(iv) }, key, fromBase64Url(sealed));
    return { kind: "plain", text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(plain) };
  } catch {
    // WebCrypto tells a wrong key, a changed text and bad base64 apart by nothing that a caller could use.
    return { kind: "unreadable" };
  }
};

export const toBase64Url = (bytes: Uint8Array): string => {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
};

/** Throws on characters outside base64url: callers with text from outside catch it. */
export const fromBase64Url = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
