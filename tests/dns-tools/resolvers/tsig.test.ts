/**
 * TSIG against messages that dnspython signed (tests/vectors/tsig.json): ours are theirs octet by octet, and of their
 * answers only the whole one, by our key, to our question, in time, is valid.
 */
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { z } from "zod";
import {
  BADKEY,
  BADTIME,
  importTsigKey,
  isWireName,
  parseTsigAlgorithm,
  signMessage,
  TSIG_ALGORITHMS,
  verifyAnswer,
  wireName,
  type ReadyTsigKey,
  type TsigKey,
  type TsigVerdict,
} from "#resolvers/tsig.ts";

const octets = z.hex().transform((text) => new Uint8Array(Buffer.from(text, "hex")));
const Case = z.object({
  algorithm: z.enum(TSIG_ALGORITHMS),
  keyName: z.string(),
  secretBase64: z.string(),
  timeSeconds: z.int(),
  question: octets,
  signed: octets,
  macHex: octets,
  answer: octets,
  badTime: octets,
});
type Case = z.infer<typeof Case>;
const { cases } = z.object({ cases: z.array(Case) }).parse(createRequire(import.meta.url)("../../vectors/tsig.json"));

const ready = async (key: TsigKey): Promise<ReadyTsigKey> => {
  const made = await importTsigKey(key);
  if (!made) throw new Error("the secret is none");
  return made;
};
const keyOf = ({ algorithm, keyName, secretBase64 }: Case, changes: Partial<TsigKey> = {}): Promise<ReadyTsigKey> =>
  ready({ name: keyName, algorithm, secretBase64, ...changes });

test("there are vectors of every algorithm", () => {
  expect(cases.map(({ algorithm }) => algorithm).toSorted()).toEqual(TSIG_ALGORITHMS.toSorted());
});

/** Header 12, `test` SOA IN 10, `writer.key` 12, and type, class, TTL and length 10: the rest is the signature's data. */
const DATA_AT = 44;
/** Behind it: the id, the error, and the length of nothing. */
const BEHIND_MAC_OCTETS = 6;

const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((octet, i) => (i === at ? octet ^ 1 : octet));
const withError = (bytes: Uint8Array, error: number): Uint8Array => bytes.with(bytes.length - 3, error);
/** With another signature in the place of the one there; the lengths are right. */
const withMac = (answer: Uint8Array, macAt: number, mac: Uint8Array): Uint8Array => {
  const bytes = Uint8Array.from([...answer.subarray(0, macAt), ...mac, ...answer.subarray(-BEHIND_MAC_OCTETS)]);
  return bytes.with(macAt - 1, mac.length).with(DATA_AT - 1, bytes.length - DATA_AT);
};

for (const vector of cases) {
  const { algorithm, question, signed, macHex, answer, badTime, timeSeconds } = vector;

  test(`${algorithm}: what we sign is what dnspython signs`, async () => {
    for (const name of ["writer.key", "Writer.KEY"])
      expect(await signMessage(question, await keyOf(vector, { name }), timeSeconds)).toEqual({
        message: signed,
        mac: macHex,
      });
  });

  const check = (
    title: string,
    expected: TsigVerdict,
    changes: {
      bytes?: Uint8Array;
      key?: Partial<TsigKey>;
      mac?: Uint8Array;
      lateSeconds?: number;
    } = {},
  ): void => {
    test(`${algorithm}: ${title}`, async () => {
      const { bytes = answer, key, mac = macHex, lateSeconds = 0 } = changes;
      expect(await verifyAnswer(bytes, await keyOf(vector, key), mac, timeSeconds + lateSeconds)).toEqual(expected);
    });
  };
  const wrong: TsigVerdict = { kind: "invalid", reason: "its signature is wrong" };
  const old: TsigVerdict = { kind: "invalid", reason: "its signature is old" };
  const cut: TsigVerdict = { kind: "invalid", reason: "it is not a whole DNS message" };
  const [other = "hmac-sha256"] = TSIG_ALGORITHMS.filter((one) => one !== algorithm);
  const macAt = answer.length - macHex.length - BEHIND_MAC_OCTETS;

  check("the answer to our question", { kind: "valid", error: 0 });
  check("as old as clocks may differ", { kind: "valid", error: 0 }, { lateSeconds: 300 });
  check("older", old, { lateSeconds: 301 });
  check("of the future", old, { lateSeconds: -301 });
  check("an answer that says BADTIME", { kind: "valid", error: BADTIME }, { bytes: badTime });
  check("BADTIME, with the server's time changed", wrong, { bytes: flip(badTime, badTime.length - 1) });
  check("another id", wrong, { bytes: flip(answer, 1) });
  check("another code", wrong, { bytes: flip(answer, 3) });
  check("another time of signing", wrong, { bytes: flip(answer, macAt - 5) });
  check("another octet of the signature", wrong, { bytes: flip(answer, macAt) });
  check("a cut signature", wrong, { bytes: withMac(answer, macAt, macHex.subarray(0, 16)) });
  check("an answer to another question", wrong, { mac: flip(macHex, 0) });
  check("by another secret", wrong, { key: { secretBase64: "AAAA" } });
  check("by a key of another name", wrong, { key: { name: "reader.key" } });
  check("by another algorithm", wrong, { key: { algorithm: other } });
  check(
    "who could not check ours does not sign",
    { kind: "unsigned", error: BADKEY },
    {
      bytes: withError(withMac(answer, macAt, new Uint8Array()), BADKEY),
    },
  );
  check(
    "its header alone",
    { kind: "unsigned", error: 0 },
    { bytes: Uint8Array.from([...answer.subarray(0, 10), 0, 0]) },
  );
  check("another record in its place", { kind: "unsigned", error: 0 }, { bytes: flip(answer, DATA_AT - 9) });
  check(
    "more behind the signature",
    { kind: "invalid", reason: "its end is not where it should be" },
    {
      bytes: Uint8Array.from([...answer, 0]),
    },
  );
  test(`${algorithm}: cut anywhere it is no answer`, async () => {
    const key = await keyOf(vector);
    for (let end = 12; end < answer.length; end++)
      expect((await verifyAnswer(answer.subarray(0, end), key, macHex, timeSeconds)).kind, String(end)).toBe("invalid");
    for (const end of [0, 5, 11]) expect(await verifyAnswer(answer.subarray(0, end), key, macHex, 0)).toEqual(cut);
  });
}

test("names of algorithms, as servers write them", () => {
  const check = (text: string, expected: string | undefined): void => expect(parseTsigAlgorithm(text)).toBe(expected);
  check("hmac-sha256", "hmac-sha256");
  check("HMAC-SHA512.", "hmac-sha512");
  check("hmac-md5", undefined);
  check("hmac-md5.sig-alg.reg.int", undefined);
  check("hmac-sha512-256", undefined);
  check("", undefined);
  check("constructor", undefined);
});

test("a secret is base64 and something", async () => {
  const check = async (secretBase64: string, isOne: boolean): Promise<void> =>
    expect((await importTsigKey({ name: "k", algorithm: "hmac-sha256", secretBase64 })) !== undefined).toBe(isOne);
  await check("AAAA", true);
  await check("§", false);
  await check("", false);
  await check("AA=A", false);
});

test("names that the wire can hold", () => {
  const check = (name: string, isOne: boolean): void => expect(isWireName(name), name).toBe(isOne);
  check(".", true);
  check("a.test", true);
  check("", false);
  check("a..test", false);
  check(`${"x".repeat(63)}.test`, true);
  check(`${"x".repeat(64)}.test`, false);
  check(Array.from({ length: 127 }, () => "x").join("."), true);
  check(Array.from({ length: 128 }, () => "x").join("."), false);
  expect(wireName("ab.c")).toEqual([2, 97, 98, 1, 99, 0]);
  expect(wireName(".")).toEqual([0]);
});
