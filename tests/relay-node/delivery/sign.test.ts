import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { describe, expect, test } from "vitest";
import { composeMessage } from "#contract/mime/compose.ts";
import { makeSigner, signMessage, type Signer } from "../../../relay-node/delivery/sign.ts";

const pem = { type: "pkcs8", format: "pem" } as const;
const rsa = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: pem,
});
const ed = generateKeyPairSync("ed25519", {
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: pem,
});

const ZONE: Record<string, string> = {
  "r._domainkey.example.com": `v=DKIM1; k=rsa; p=${rsa.publicKey.toString("base64")}`,
  // RFC 8463 §4.2: the raw key, which is the last 32 bytes of its SPKI.
  "e._domainkey.example.com": `v=DKIM1; k=ed25519; p=${ed.publicKey.subarray(-32).toString("base64")}`,
};
const resolver = (name: string): Promise<string[][]> => {
  const record = ZONE[name];
  return record === undefined
    ? Promise.reject(Object.assign(new Error("none"), { code: "ENOTFOUND" }))
    : Promise.resolve([[record]]);
};

const rsaSigner = makeSigner({
  domain: "example.com",
  selector: "r",
  algorithm: "rsa-sha256",
  privateKeyPem: rsa.privateKey,
});
const edSigner = makeSigner({
  domain: "example.com",
  selector: "e",
  algorithm: "ed25519-sha256",
  privateKeyPem: ed.privateKey,
});

const verdicts = async (message: Uint8Array): Promise<string[]> => {
  const { results } = await dkimVerify(Buffer.from(message), { resolver });
  return results.map((result) => `${result.selector} ${result.status.result}`);
};
const checkPass = async (message: string | Uint8Array, signers: Signer[]): Promise<void> => {
  const signed = await signMessage(
    typeof message === "string" ? Buffer.from(message) : message,
    signers,
    1_790_000_000,
  );
  expect(await verdicts(signed)).toEqual(signers.map(({ selector }) => `${selector} pass`));
};

const HEAD = "From: a@example.com\r\nTo: b@example.net\r\nSubject: hi\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n";

describe("mailauth says pass", () => {
  for (const [what, message] of [
    ["an ordinary body", `${HEAD}\r\nHello\r\nworld\r\n`],
    ["blank lines at the end", `${HEAD}\r\nHello\r\n\r\n\r\n`],
    ["lines of spaces at the end", `${HEAD}\r\nHello\r\n  \r\n\t\r\n`],
    ["spaces at line ends and inside", `${HEAD}\r\n a  b\t\tc  \r\n\r\nd \r\n`],
    ["an empty body", `${HEAD}\r\n`],
    ["a body of blank lines", `${HEAD}\r\n\r\n\r\n`],
    ["no line end at the end", `${HEAD}\r\nHello`],
    ["a header of UTF-8 whose last octet is A0", `${HEAD}References: voilà\r\nIn-Reply-To:  à \r\n\r\nx\r\n`],
    [
      "folded and repeated headers",
      `Subject:  a\r\n\tb   c \r\nReferences: <1@x>\r\n <2@x>\r\n${HEAD}X-A: 1\r\nX-A: 2\r\n\r\nx\r\n`,
    ],
  ] as const) {
    test(what, async () => {
      await checkPass(message, [rsaSigner]);
      await checkPass(message, [edSigner]);
      await checkPass(message, [rsaSigner, edSigner]);
    });
  }

  test("anything we compose", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "grapheme" }),
        fc.string({ unit: "binary-ascii", maxLength: 500 }),
        fc.string({ unit: "grapheme", maxLength: 500 }),
        async (subject, text, html) => {
          const meta = {
            from: "Jörg <a@example.com>",
            to: ["b@example.net"],
            subject: subject.replaceAll(/[\p{Cc}\u2028\u2029]/gu, ""),
          };
          const { bytes } = composeMessage({
            k: 1_790_000_000_000 * 1024,
            id: "x",
            meta,
            content: { text, html, headers: { "List-Unsubscribe": "<https://example.com/u>" } },
          });
          await checkPass(bytes, [rsaSigner, edSigner]);
        },
      ),
      { numRuns: 60 },
    );
  });
});

test("a changed body or subject fails", async () => {
  const signed = Buffer.from(await signMessage(Buffer.from(`${HEAD}\r\nHello\r\n`), [rsaSigner], 1)).toString("latin1");
  expect(await verdicts(Buffer.from(signed.replace("Hello", "Hallo")))).toEqual(["r neutral"]);
  expect(await verdicts(Buffer.from(signed.replace("Subject: hi", "Subject: ho")))).toEqual(["r fail"]);
  expect(await verdicts(Buffer.from(signed.replace("Subject: hi", "Subject: new\r\nSubject: hi")))).toEqual(["r fail"]);
});

test("a second header of those that say how to read the body breaks the signature", async () => {
  const head = `${HEAD}MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n`;
  const signed = Buffer.from(await signMessage(Buffer.from(`${head}\r\nx\r\n`), [rsaSigner], 1)).toString("latin1");
  expect(await verdicts(Buffer.from(signed))).toEqual(["r pass"]);
  for (const added of ["Content-Type: text/html", "Content-Transfer-Encoding: base64", "Reply-To: e@example.org"])
    expect(await verdicts(Buffer.from(`${added}\r\n${signed}`)), added).toEqual(["r fail"]);
});

test("a link to unsubscribe can get no second beside it; a mailing list may add its own where there is none", async () => {
  const link = "List-Unsubscribe: <https://example.com/u/1>\r\n";
  const post = "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
  const evil = "List-Unsubscribe: <https://example.org/>\r\n";
  const seal = async (head: string): Promise<string> =>
    Buffer.from(await signMessage(Buffer.from(`${head}\r\nx\r\n`), [rsaSigner], 1)).toString("latin1");
  const signed = await seal(HEAD + link + post);
  expect(await verdicts(Buffer.from(signed))).toEqual(["r pass"]);
  for (const changed of [
    evil + signed,
    post + signed,
    signed.replace(link, link + evil),
    signed.replace(link, evil),
    signed.replace(post, ""),
  ])
    expect(await verdicts(Buffer.from(changed)), changed).toEqual(["r fail"]);
  expect(await verdicts(Buffer.from(evil + post + (await seal(HEAD))))).toEqual(["r pass"]);
});

test("a Sender is signed, and none can be added, changed or taken away", async () => {
  const seal = async (head: string): Promise<string> =>
    Buffer.from(await signMessage(Buffer.from(`${head}\r\nx\r\n`), [rsaSigner], 1)).toString("latin1");
  const sender = "Sender: desk@example.com\r\n";
  const [without, signed] = [await seal(HEAD), await seal(sender + HEAD)];
  expect(await verdicts(Buffer.from(signed))).toEqual(["r pass"]);
  for (const changed of [
    sender + without,
    sender + signed,
    signed.replace(sender, ""),
    signed.replace("desk@", "ceo@"),
  ])
    expect(await verdicts(Buffer.from(changed))).toEqual(["r fail"]);
});

test("a message without From is refused", async () => {
  await expect(signMessage(Buffer.from("Subject: x\r\n\r\nx\r\n"), [rsaSigner], 1)).rejects.toThrow("From");
});

test("signing twice gives the same bytes", async () => {
  const message = Buffer.from(`${HEAD}\r\nHello\r\n`);
  const [one, two] = await Promise.all([
    signMessage(message, [rsaSigner, edSigner], 5),
    signMessage(message, [rsaSigner, edSigner], 5),
  ]);
  expect(Buffer.from(one).equals(Buffer.from(two))).toBe(true);
});

test("keys that cannot sign are refused when they come", () => {
  const weak = generateKeyPairSync("rsa", {
    modulusLength: 512,
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: pem,
  });
  expect(() =>
    makeSigner({ domain: "x.test", selector: "s", algorithm: "rsa-sha256", privateKeyPem: weak.privateKey }),
  ).toThrow(/1024/);
  expect(() =>
    makeSigner({ domain: "x.test", selector: "s", algorithm: "ed25519-sha256", privateKeyPem: rsa.privateKey }),
  ).toThrow(/ed25519/);
  expect(() =>
    makeSigner({ domain: "x.test", selector: "s", algorithm: "rsa-sha256", privateKeyPem: "nonsense" }),
  ).toThrow();
});
