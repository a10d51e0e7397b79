import { expect, test } from "vitest";
import { parseIp, parseIpv4, parseIpv6, samePrefix } from "#dns/ip-address.ts";

const check = (text: string, v4: bigint | undefined, v6: bigint | undefined): void => {
  expect(parseIpv4(text), text).toBe(v4);
  expect(parseIpv6(text), text).toBe(v6);
};

test("IPv4 is four decimals", () => {
  check("192.0.2.1", 0xc0000201n, undefined);
  check("0.0.0.0", 0n, undefined);
  check("255.255.255.255", 0xffffffffn, undefined);
  for (const text of ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.", " 1.2.3.4", "0x1.2.3.4", "1.2.3.-4"])
    check(text, undefined, undefined);
});

test("IPv6 is eight groups, some of them left out once", () => {
  check("2001:db8:0:0:0:0:0:1", undefined, 0x20010db8000000000000000000000001n);
  check("2001:DB8::1", undefined, 0x20010db8000000000000000000000001n);
  check("::", undefined, 0n);
  check("::1", undefined, 1n);
  check("1::", undefined, 1n << 112n);
  check("::ffff:1.2.3.4", undefined, 0xffff01020304n);
  check("1:2:3:4:5:6:1.2.3.4", undefined, 0x00010002000300040005000601020304n);
  check("1:2:3:4:5:6:7::", undefined, 0x00010002000300040005000600070000n);
  const wrong = `: ::: 1::2::3 1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 1:2:3:4:5:6:7:8:: 12345:: ::g ::1.2.3 1.2.3.4:: ::1.2.3.4:5
    ::1%eth0 [::1] 1:2:3:4:5:6:7:1.2.3.4 :1:2:3:4:5:6:7 1:2:3:4:5:6:7:`;
  for (const text of wrong.split(/\s+/)) check(text, undefined, undefined);
});

test("a host's address mapped into IPv6 is IPv4", () => {
  expect(parseIp("::ffff:192.0.2.1")).toEqual({ version: 4, bits: 0xc0000201n });
  expect(parseIp("192.0.2.1")).toEqual({ version: 4, bits: 0xc0000201n });
  expect(parseIp("::192.0.2.1")).toEqual({ version: 6, bits: 0xc0000201n });
  expect(parseIp("host")).toBeUndefined();
});

test("prefixes", () => {
  const v4 = { version: 4, bits: 0n } as const;
  expect(samePrefix(0xc0000201n, 0xc00002ffn, v4, 24)).toBe(true);
  expect(samePrefix(0xc0000201n, 0xc00003ffn, v4, 24)).toBe(false);
  expect(samePrefix(0xc0000201n, 0n, v4, 0)).toBe(true);
  expect(samePrefix(1n, 2n, { version: 6, bits: 0n }, 126)).toBe(true);
  expect(samePrefix(1n, 2n, { version: 6, bits: 0n }, 128)).toBe(false);
});
