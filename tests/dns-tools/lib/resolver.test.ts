import { expect, test } from "vitest";
import { txtText } from "#dns/resolver.ts";

const check = (strings: number[][], expected: string): void =>
  expect(txtText(strings.map((bytes) => Uint8Array.from(bytes)))).toBe(expected);

test("a TXT record's strings are joined as bytes", () => {
  check([], "");
  check([[]], "");
  check([[0x61, 0x20], [], [0x62]], "a b");
  // A character across two strings; one that is cut; a byte order mark, which receivers would see.
  check([[0xc3], [0xa9]], "\u00e9");
  check([[0x61, 0xc3]], "a\ufffd");
  check([[0xef, 0xbb, 0xbf, 0x76]], "\ufeffv");
});
