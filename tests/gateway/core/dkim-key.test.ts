/** DKIM keys as operators bring them: the forms openssl writes are read, all else is refused with a reason. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { readDkimKey } from "../../../gateway/core/dkim-key.ts";

const rsa = (bits: number): KeyObject => generateKeyPairSync("rsa", { modulusLength: bits }).privateKey;
const pem = (key: KeyObject, type: "pkcs8" | "pkcs1" | "sec1" = "pkcs8"): string =>
  key.export({ type, format: "pem" }).toString();

const RSA_2048 = rsa(2048);
const ED25519 = generateKeyPairSync("ed25519").privateKey;

/** Read, as PKCS#8 of the same key in the form that openssl itself writes. */
const checkKey = async (text: string, key: KeyObject, algorithm: string): Promise<void> => {
  const read = await readDkimKey(text);
  expect(read).toEqual({ kind: "key", algorithm, pem: pem(key) });
  if (read.kind === "key") expect(createPrivateKey(read.pem).equals(key)).toBe(true);
};

const checkUnusable = async (text: string, reason: RegExp): Promise<void> =>
  expect(await readDkimKey(text), text).toEqual({ kind: "unusable", reason: expect.stringMatching(reason) });

test("RSA in PKCS#8 and PKCS#1, of the sizes that are used", async () => {
  for (const key of [rsa(1024), RSA_2048, rsa(3072)]) {
    await checkKey(pem(key, "pkcs8"), key, "rsa-sha256");
    await checkKey(pem(key, "pkcs1"), key, "rsa-sha256");
  }
});

test("Ed25519", async () => {
  await checkKey(pem(ED25519), ED25519, "ed25519-sha256");
});

test("what surrounds the key does not matter, nor how its lines end", async () => {
  const text = pem(RSA_2048, "pkcs1");
  await checkKey(text.replaceAll("\n", "\r\n"), RSA_2048, "rsa-sha256");
  await checkKey(`Bag Attributes\n    friendlyName: mail\n${text}\ntrailing`, RSA_2048, "rsa-sha256");
  await checkKey(text.trim(), RSA_2048, "rsa-sha256");
  const [first = "", ...lines] = text.trim().split("\n");
  const last = lines.pop() ?? "";
  await checkKey(`${first}\n${lines.join("")}\n${last}`, RSA_2048, "rsa-sha256");
  await checkKey(`${first}\n  ${lines.join("\n  ")}\n${last}`, RSA_2048, "rsa-sha256");
});

test("RSA below 1024 bits is refused, with its size", async () => {
  // RFC 8301 §3.2.
  for (const type of ["pkcs8", "pkcs1"] as const) {
    await checkUnusable(pem(rsa(512), type), /512 bits.*1024/);
    await checkUnusable(pem(rsa(1016), type), /1016 bits/);
  }
});

test("other kinds of key are refused", async () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  await checkUnusable(pem(ec), /neither an RSA nor an Ed25519/);
  await checkUnusable(pem(ec, "sec1"), /not an unencrypted PEM/);
  await checkUnusable(pem(generateKeyPairSync("x25519").privateKey), /neither/);
  await checkUnusable(pem(generateKeyPairSync("ed448").privateKey), /neither/);
  await checkUnusable(pem(generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).privateKey), /neither/);
});

test("a public or an encrypted key is refused", async () => {
  const spki = createPublicKey(RSA_2048).export({ type: "spki", format: "pem" }).toString();
  await checkUnusable(spki, /not an unencrypted PEM/);
  const locked = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" } as const;
  await checkUnusable(RSA_2048.export(locked).toString(), /not an unencrypted PEM/);
  const oldLocked = { type: "pkcs1", format: "pem", cipher: "aes-128-cbc", passphrase: "x" } as const;
  await checkUnusable(RSA_2048.export(oldLocked).toString(), /not an unencrypted PEM/);
});

test("nonsense is refused, never thrown", async () => {
  const wrap = (body: string, label = "PRIVATE KEY"): string =>
    `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
  await checkUnusable("", /not an unencrypted PEM/);
  await checkUnusable("my key", /not an unencrypted PEM/);
  await checkUnusable(pem(RSA_2048).slice(0, 400), /not an unencrypted PEM/);
  await checkUnusable(pem(RSA_2048, "pkcs1").replace("END RSA", "END"), /not an unencrypted PEM/);
  await checkUnusable(wrap("*"), /not an unencrypted PEM/);
  await checkUnusable(wrap("A"), /base64/);
  await checkUnusable(wrap("=="), /base64/);
  for (const label of ["PRIVATE KEY", "RSA PRIVATE KEY"])
    for (const body of ["AAAA", "MAA=", Buffer.alloc(70_000, 0x30).toString("base64")])
      await checkUnusable(wrap(body, label), /neither/);
  // The label says PKCS#1 and the bytes are PKCS#8, and the other way round.
  const body = (text: string): string => text.trim().split("\n").slice(1, -1).join("\n");
  await checkUnusable(wrap(body(pem(RSA_2048)), "RSA PRIVATE KEY"), /neither/);
  await checkUnusable(wrap(body(pem(RSA_2048, "pkcs1"))), /neither/);
});
