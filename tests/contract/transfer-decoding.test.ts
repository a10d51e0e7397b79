/** Encodings undone: against Node's own, cut anywhere, and whatever the octets are. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decoderOf, type TransferEncoding } from "#contract/mime/transfer-decoding.ts";
import { encodeText } from "#contract/mime/transfer-encoding.ts";

const decode = (encoding: TransferEncoding, ...pieces: Uint8Array[]): Buffer => {
  const decoder = decoderOf(encoding);
  return Buffer.concat([...pieces.map((piece) => decoder.add(piece)), decoder.end()]);
};
const check = (encoding: TransferEncoding, encoded: string, expected: string): void =>
  expect(decode(encoding, Buffer.from(encoded, "latin1")).toString("latin1"), encoded).toBe(expected);

test("base64", () => {
  check("base64", "aGk=", "hi");
  check("base64", "aG\r\n k!", "hi");
  check("base64", "aGk=aGk=", "hihi");
  check("base64", "a", "");
  check("base64", "====", "");
});

test("quoted-printable", () => {
  check("quoted-printable", "a=3D=3d=\r\nb= \t\r\nc=\nd", "a==bcd");
  check("quoted-printable", "=zz=4=4=", "=zz=4=4=");
  check("quoted-printable", "==3D", "==");
  check("quoted-printable", "= x", "= x");
  check("quoted-printable", `=${" ".repeat(200)}\nx`, `=${" ".repeat(200)}\nx`);
});

test("what Node encodes, and what we do", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: "grapheme" }), (bytes, text) => {
      expect(decode("base64", Buffer.from(Buffer.from(bytes).toString("base64")))).toEqual(Buffer.from(bytes));
      const { encoding, body } = encodeText(text.replaceAll(/[\r\n]/g, ""));
      if (encoding === "7bit") return;
      expect(decode(encoding, Buffer.from(body)).toString().trimEnd()).toBe(
        text
          .replaceAll(/[\r\n]/g, "")
          .toWellFormed()
          .trimEnd(),
      );
    }),
  );
});

test("any octets, cut anywhere, are the same", () => {
  const octets = fc
    .array(fc.constantFrom(..."=0Aa4 \t\r\n!+".split("")), { maxLength: 60 })
    .map((chars) => Buffer.from(chars.join("")));
  fc.assert(
    fc.property(octets, fc.nat(60), fc.constantFrom("base64", "quoted-printable"), (bytes, at, encoding) => {
      expect(decode(encoding, bytes.subarray(0, at), bytes.subarray(at))).toEqual(decode(encoding, bytes));
    }),
    { numRuns: 1000 },
  );
});
