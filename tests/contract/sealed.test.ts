/** Sealing: a text opens with its secret and purpose, as it was; with any other, or changed on the way, never. */
import { createCipheriv, hkdfSync } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fromBase64Url, seal, sealingKey, toBase64Url, unseal } from "#contract/sealed.ts";

const SECRET = "a master key of some length";
const IV = Uint8Array.from({ length: 12 }, (_, at) => at);
const UNREADABLE = { kind: "unreadable" };

const anyText = fc.string({ unit: "binary", maxLength: 300 }).map((text) => text.toWellFormed());
const anyIv = fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => Uint8Array.from(bytes));

test("a text opens as it was sealed", async () => {
  const key = await sealingKey(SECRET, "dkim-at-rest");
  await fc.assert(
    fc.asyncProperty(anyText, anyIv, async (text, iv) => {
      const sealed = await seal(key, text, iv);
      expect(sealed).toMatch(/^v1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{22,}$/);
      // A key of the same secret and purpose, as another process draws it.
      expect(await unseal(await sealingKey(SECRET, "dkim-at-rest"), sealed)).toEqual({ kind: "plain", text });
    }),
    { numRuns: 50 },
  );
});

test("a byte order mark at its head is part of the text", async () => {
  const key = await sealingKey(SECRET, "dkim-at-rest");
  expect(await unseal(key, await seal(key, "\u{feff}x", IV))).toEqual({ kind: "plain", text: "\u{feff}x" });
});

test("the form is HKDF-SHA256 and AES-256-GCM as Node has them: what is stored stays readable", async () => {
  const bits = hkdfSync("sha256", SECRET, Buffer.alloc(32), "hikyaku dkim-at-rest", 32);
  const cipher = createCipheriv("aes-256-gcm", Buffer.from(bits), IV);
  const body = Buffer.concat([cipher.update("stored"), cipher.final(), cipher.getAuthTag()]);
  const expected = `v1.${Buffer.from(IV).toString("base64url")}.${body.toString("base64url")}`;
  expect(await seal(await sealingKey(SECRET, "dkim-at-rest"), "stored", IV)).toBe(expected);
});

test("the same text looks different each time", async () => {
  const key = await sealingKey(SECRET, "relay-keys");
  const other = Uint8Array.from({ length: 12 }, () => 9);
  expect((await seal(key, "x", IV)).split(".")[2]).not.toBe((await seal(key, "x", other)).split(".")[2]);
});

test("another secret or purpose does not open it", async () => {
  const sealed = await seal(await sealingKey(SECRET, "dkim-at-rest"), "x", IV);
  expect(await unseal(await sealingKey(SECRET, "relay-keys"), sealed)).toEqual(UNREADABLE);
  expect(await unseal(await sealingKey(`${SECRET} `, "dkim-at-rest"), sealed)).toEqual(UNREADABLE);
  expect(await unseal(await sealingKey("", "dkim-at-rest"), sealed)).toEqual(UNREADABLE);
});

test("a text that was changed anywhere does not open", async () => {
  const key = await sealingKey(SECRET, "relay-keys");
  // 5 + 16 bytes are whole base64 groups: each character counts with all its bits.
  const sealed = await seal(key, "plain", IV);
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
    expect(await unseal(key, changed), changed).toEqual(UNREADABLE);
    expect(await unseal(key, sealed.slice(0, at)), `the first ${at}`).toEqual(UNREADABLE);
  }
});

test("what was never sealed is unreadable, not an exception", async () => {
  const key = await sealingKey(SECRET, "relay-keys");
  const sealed = await seal(key, "plain", IV);
  const [, iv = "", body = ""] = sealed.split(".");
  for (const text of [
    "",
    "v1",
    "v1.",
    "v1..",
    `v1..${body}`,
    `v1.${iv}.`,
    `v2.${iv}.${body}`,
    `${sealed}.`,
    ".",
    "...",
  ])
    expect(await unseal(key, text), text).toEqual(UNREADABLE);
  for (const text of [`v1.é.${body}`, `v1.${iv}.*`, `v1.${iv}.A`, `v1.${iv}.${"A".repeat(10_000)}`])
    expect(await unseal(key, text), text.slice(0, 100)).toEqual(UNREADABLE);
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
      expect(await unseal(key, text)).toEqual(UNREADABLE);
      expect(await unseal(key, `v1.${text}`)).toEqual(UNREADABLE);
      expect(await unseal(key, `v1.${iv}.${text}`)).toEqual(UNREADABLE);
    }),
    { numRuns: 50 },
  );
});

test("base64url is Node's, and back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
      expect(fromBase64Url(toBase64Url(bytes))).toEqual(Uint8Array.from(bytes));
    }),
  );
  for (const text of ["*", "é", "a", "a.b"]) expect(() => fromBase64Url(text), text).toThrow();
});
