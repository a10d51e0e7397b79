/** Key pairs as text, held against Node's own reader of keys. */
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { readPublicKey } from "#dns/dkim-public-key.ts";
import { parseDkimRecord, type DkimAlgorithm } from "#dns/dkim-record.ts";
import { formatKeyPair, keyParameters, txtStrings, type DkimKeyPair } from "#dns/keygen.ts";

const make = async (algorithm: DkimAlgorithm, bits?: number): Promise<DkimKeyPair> => {
  const pair = await crypto.subtle.generateKey(keyParameters(algorithm, bits), true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("no pair");
  return formatKeyPair(pair);
};

/** Node's view of the published key. */
const publicKeyOf = ({ algorithm, publicKeyBase64 }: DkimKeyPair) => {
  const octets = Buffer.from(publicKeyBase64, "base64");
  return algorithm === "rsa-sha256"
    ? createPublicKey({ key: octets, format: "der", type: "spki" })
    : createPublicKey({
        key: { kty: "OKP", crv: "Ed25519", x: octets.toString("base64url") },
        format: "jwk",
      });
};

describe("what the private half signs, the published half verifies", () => {
  const check = (algorithm: DkimAlgorithm, bits: number | undefined, strings: number): void => {
    test(`${algorithm} ${bits ?? ""}`, async () => {
      const pair = await make(algorithm, bits);
      const digest = algorithm === "rsa-sha256" ? "sha256" : null;
      const signature = sign(digest, Buffer.from("mail"), createPrivateKey(pair.privateKeyPem));
      expect(verify(digest, Buffer.from("mail"), publicKeyOf(pair), signature)).toBe(true);
      const { publicKeyBase64 } = pair;
      expect(parseDkimRecord(pair.record)).toEqual({ kind: "key", key: { algorithm, publicKeyBase64 } });
      expect(pair.strings.length).toBe(strings);
      expect(pair.strings.join("")).toBe(pair.record);
      expect(pair.privateKeyPem).toMatch(
        /^-----BEGIN PRIVATE KEY-----\n([\w+/=]{1,64}\n)+-----END PRIVATE KEY-----\n$/,
      );
    });
  };
  check("rsa-sha256", undefined, 2);
  check("rsa-sha256", 1024, 1);
  check("ed25519-sha256", undefined, 1);
});

test("RSA keys have 2048 bits unless told", async () => {
  expect(readPublicKey(await make("rsa-sha256"))).toMatchObject({ kind: "rsa", bits: 2048 });
  expect(readPublicKey(await make("rsa-sha256", 1024))).toMatchObject({ kind: "rsa", bits: 1024 });
});

test("a text is cut where a string is full", () => {
  const lengths = (octets: number): number[] => txtStrings("x".repeat(octets)).map(({ length }) => length);
  expect(lengths(0)).toEqual([0]);
  expect(lengths(255)).toEqual([255]);
  expect(lengths(256)).toEqual([255, 1]);
  expect(lengths(510)).toEqual([255, 255]);
});
