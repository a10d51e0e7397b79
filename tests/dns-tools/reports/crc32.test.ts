/** CRC-32 against its check value, and against zlib. */
import { crc32 as zlibs } from "node:zlib";
import { expect, test } from "vitest";
import { crc32 } from "../../../dns-tools/reports/crc32.ts";

test("as zlib has it", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf4_3926);
  for (const length of [0, 1, 1_000]) {
    const octets = Uint8Array.from({ length }, (_, at) => (at * 7919) % 256);
    expect(crc32(octets)).toBe(zlibs(octets));
  }
});
