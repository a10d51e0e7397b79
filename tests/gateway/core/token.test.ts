/** Bearer tokens: what was minted here is read back; anything else is `undefined`, and never an exception. */
import { createHash, type webcrypto } from "node:crypto";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import {
  mintApiKey,
  mintRelayToken,
  readApiKey,
  readRelayToken,
  sameText,
  sha256Hex,
  tagKey,
  toHex,
} from "../../../gateway/core/token.ts";

const ACCOUNT = "0123456789ab";
const RANDOM = Uint8Array.from({ length: 44 }, (_, at) => at * 7);

let key: webcrypto.CryptoKey;
let apiKey: string;
let relayToken: string;
beforeAll(async () => {
  key = await tagKey("master");
  apiKey = (await mintApiKey(key, ACCOUNT, RANDOM)).token;
  relayToken = (await mintRelayToken(key, RANDOM)).token;
});

const checkRefused = async (text: string): Promise<void> => {
  expect(await readApiKey(key, text), text).toBeUndefined();
  expect(await readRelayToken(key, text), text).toBeUndefined();
};

test("an API key is read back as it was minted, for any account and chance", async () => {
  const account = fc.stringMatching(/^[0-9a-hjkmnp-tv-z]{12}$/);
  await fc.assert(
    fc.asyncProperty(account, fc.uint8Array({ minLength: 38, maxLength: 38 }), async (account, random) => {
      const { token, claims } = await mintApiKey(key, account, random);
      expect(token).toMatch(/^hk_[0-9a-z]{12}_[0-9a-z]{6}_[0-9a-z]{32}_[0-9a-z]{13}$/);
      expect(await readApiKey(key, token)).toEqual(claims);
      expect(claims.account).toBe(account);
      expect(token).toContain(`_${claims.key}_`);
      expect(await readRelayToken(key, token)).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});

test("a relay token is read back as it was minted, and is no API key", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 44, maxLength: 44 }), async (random) => {
      const { token, claims } = await mintRelayToken(key, random);
      expect(token).toMatch(/^hr_[0-9a-z]{12}_[0-9a-z]{32}_[0-9a-z]{13}$/);
      expect(await readRelayToken(key, token)).toEqual(claims);
      expect(await readApiKey(key, token)).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});

test("all of the chance that is given counts", async () => {
  const tokens = new Set<string>();
  for (let at = 0; at < 44; at++) {
    const random = RANDOM.with(at, (RANDOM[at] ?? 0) ^ 1);
    if (at < 38) tokens.add((await mintApiKey(key, ACCOUNT, random)).token);
    tokens.add((await mintRelayToken(key, random)).token);
  }
  expect(tokens.size).toBe(38 + 44);
});

test("the hash is of all but the tag, and the secret is not in the claims", async () => {
  const { token, claims } = await mintApiKey(key, ACCOUNT, RANDOM);
  const signed = token.slice(0, token.lastIndexOf("_"));
  expect(claims.secretHash).toBe(createHash("sha256").update(signed).digest("hex"));
  expect(JSON.stringify(claims)).not.toContain(signed.split("_")[3]);
});

test("a token with one character changed, gone or doubled is refused", async () => {
  for (const token of [apiKey, relayToken]) {
    for (let at = 0; at < token.length; at++) {
      const [head, char, tail] = [token.slice(0, at), token.charAt(at), token.slice(at + 1)];
      await checkRefused(`${head}${char === "0" ? "1" : "0"}${tail}`);
      if (char !== char.toUpperCase()) await checkRefused(`${head}${char.toUpperCase()}${tail}`);
      await checkRefused(`${head}${tail}`);
      await checkRefused(`${head}${char}${char}${tail}`);
    }
  }
});

test("a token of another gateway is refused", async () => {
  const other = await tagKey("another master");
  await checkRefused((await mintApiKey(other, ACCOUNT, RANDOM)).token);
  await checkRefused((await mintRelayToken(other, RANDOM)).token);
  await checkRefused((await mintApiKey(await tagKey(""), ACCOUNT, RANDOM)).token);
});

test("a tag does not move to another token", async () => {
  const tag = apiKey.slice(apiKey.lastIndexOf("_"));
  await checkRefused(relayToken.slice(0, relayToken.lastIndexOf("_")) + tag);
  const { token } = await mintApiKey(key, "zzzzzzzzzzzz", RANDOM);
  await checkRefused(token.slice(0, token.lastIndexOf("_")) + tag);
});

test("garbage of every shape is refused and never throws", async () => {
  for (const text of ["", " ", "_", "____", "hk", "hk_", "hr_", "re_123_456", "Bearer", "null", "\0", "*".repeat(60)])
    await checkRefused(text);
  for (const text of [`${apiKey} `, ` ${apiKey}`, `${apiKey}\n`, apiKey.toUpperCase(), `${apiKey}${apiKey}`])
    await checkRefused(text);
  for (const text of [apiKey.replaceAll("_", "-"), `${apiKey}_`, "x".repeat(1_000_000), `hk_${"a".repeat(200)}`])
    await checkRefused(text);
  const shaped = fc
    .tuple(fc.constantFrom("hk", "hr", "h", ""), fc.array(fc.string({ unit: "binary" })))
    .map(([prefix, parts]) => [prefix, ...parts].join("_"));
  await fc.assert(fc.asyncProperty(fc.oneof(fc.string({ unit: "binary" }), shaped), checkRefused), { numRuns: 300 });
});

test("texts are the same or they are not", () => {
  const check = (a: string, b: string, expected: boolean): void =>
    expect(sameText(a, b), `${a} and ${b}`).toBe(expected);
  check("", "", true);
  check("a", "a", true);
  check("", "a", false);
  check("a", "", false);
  check("aa", "a", false);
  check("a", "aa", false);
  check("abab", "ab", false);
  check("\0", "", false);
  const short = fc.string({ unit: fc.constantFrom("a", "b", "\0"), maxLength: 4 });
  fc.assert(
    fc.property(short, short, (a, b) => {
      check(a, b, a === b);
    }),
  );
});

test("hex and SHA-256 are as everywhere", async () => {
  expect(toHex(Uint8Array.from([0, 1, 15, 16, 255]).buffer)).toBe("00010f10ff");
  // FIPS 180-2 appendix B.1.
  expect(await sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
