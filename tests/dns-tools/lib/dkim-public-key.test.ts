import { describe, expect, test } from "vitest";
import type { DkimAlgorithm } from "#dns/dkim-record.ts";
import { readPublicKey } from "#dns/dkim-public-key.ts";
import * as keys from "../support/public-keys.ts";

const read = (algorithm: DkimAlgorithm, publicKeyBase64: string) => readPublicKey({ algorithm, publicKeyBase64 });

describe("keys", () => {
  const check = (title: string, base64: string, bits: number): void => {
    test(title, () => expect(read("rsa-sha256", base64)).toMatchObject({ kind: "rsa", bits }));
  };
  check("2048 bits", keys.RSA_2048, 2048);
  check("4096 bits", keys.RSA_4096, 4096);
  check("2047 bits, whose first octet is not 0", keys.RSA_2047, 2047);
  check("1024 bits", keys.RSA_1024, 1024);
  check("1024 bits, bare", keys.RSA_1024_PKCS1, 1024);
  check("512 bits", keys.RSA_512, 512);
  check("a modulus of zero", Buffer.from([0x30, 6, 0x02, 1, 0, 0x02, 1, 3]).toString("base64"), 0);
  test("Ed25519", () => {
    const found = read("ed25519-sha256", keys.ED25519);
    expect(found.kind === "ed25519" && Buffer.from(found.octets).toString("base64")).toBe(keys.ED25519);
  });
});

describe("what stops in the middle is truncated, wherever", () => {
  const whole: [DkimAlgorithm, string][] = [
    ["rsa-sha256", keys.RSA_2048],
    ["rsa-sha256", keys.RSA_1024_PKCS1],
    ["ed25519-sha256", keys.ED25519],
  ];
  for (const [algorithm, key] of whole)
    test(`${algorithm}, ${key.length} characters`, () => {
      const digits = key.replace(/=+$/, "");
      for (let length = 1; length < digits.length - 1; length++)
        expect(read(algorithm, digits.slice(0, length)), `${length}`).toEqual({ kind: "truncated" });
    });
});

describe("no keys", () => {
  const check = (title: string, algorithm: DkimAlgorithm, base64: string, reason: string): void => {
    test(title, () =>
      expect(read(algorithm, base64)).toEqual({ kind: "malformed", reason: expect.stringContaining(reason) }),
    );
  };
  const base64 = (octets: number[]): string => Buffer.from(octets).toString("base64");
  check("PEM armour", "rsa-sha256", "-----BEGIN PUBLIC KEY-----", "not base64");
  check("three =", "rsa-sha256", "AAA===", "not base64");
  check("zeros", "rsa-sha256", "AAAABBBB", "no RSA key");
  check("an empty sequence", "rsa-sha256", base64([0x30, 0]), "no RSA key");
  check("a length without end", "rsa-sha256", base64([0x30, 0x80, 0, 0, 0]), "no RSA key");
  check("an integer that ends behind the key", "rsa-sha256", base64([0x30, 4, 0x02, 9, 1, 1]), "no RSA key");
  const withOid = (last: number): string =>
    Buffer.from(keys.RSA_1024, "base64").toString("hex").replace("2a864886f70d010101", `2a864886f70d0101${last}`);
  check("another algorithm", "rsa-sha256", Buffer.from(withOid(10), "hex").toString("base64"), "no RSA key");
  const withInner = (tag: string, length: string): string =>
    Buffer.from(
      Buffer.from(keys.RSA_1024, "base64").toString("hex").replace("30818902818100", `${tag}81890281${length}00`),
      "hex",
    ).toString("base64");
  check("a set in place of the sequence", "rsa-sha256", withInner("31", "81"), "no RSA key");
  check("a modulus that ends behind the key", "rsa-sha256", withInner("30", "ff"), "no RSA key");
  check("a key and more", "rsa-sha256", `${keys.RSA_2048}AAAA`, "goes on behind");
  check("RSA called Ed25519", "ed25519-sha256", keys.RSA_1024, "has 162 octets");
});
