/** Addresses of the public Internet and those beside them, however an IPv4 address is written into IPv6. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseIp } from "#dns/ip-address.ts";
import { isPublicIp } from "#dns/public-address.ts";

const checkIp = (text: string, expected: boolean): void => {
  const ip = parseIp(text);
  expect(ip && isPublicIp(ip), text).toBe(expected);
};

test("of each special IPv4 network the first and the last address are not public, those beside it are", () => {
  // first, last, the public neighbours below and above where there are any.
  for (const [first, last, below, above] of [
    ["0.0.0.0", "0.255.255.255", undefined, "1.0.0.0"],
    ["10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"],
    ["100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"],
    ["127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"],
    ["169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"],
    ["172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"],
    ["192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"],
    ["192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"],
    ["192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"],
    ["192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"],
    ["198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"],
    ["198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"],
    ["203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"],
    ["224.0.0.0", "239.255.255.255", "223.255.255.255", undefined],
    ["240.0.0.0", "255.255.255.255", undefined, undefined],
  ] as const) {
    for (const special of [first, last]) checkIp(special, false);
    for (const neighbour of [below, above]) if (neighbour !== undefined) checkIp(neighbour, true);
  }
});

test("IPv6: global unicast, without the special networks in it", () => {
  for (const special of [
    "::",
    "::1",
    "::8.8.8.8",
    "64:ff9b:1::808:808",
    "100::1",
    "1fff:ffff::1",
    "2001::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "3fff:fff::1",
    "4000::1",
    "fc00::1",
    "fdff:ffff::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
  ])
    checkIp(special, false);
  for (const global of ["2001:200::1", "2001:db7::1", "2001:db9::1", "2606:4700:4700::1111", "2a00::1", "3fff:1000::1"])
    checkIp(global, true);
});

test("an IPv4 address in an IPv6 one is public exactly when it is so by itself", () => {
  const octet = fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 10, 100, 127, 169, 172, 192, 198, 203));
  fc.assert(
    fc.property(fc.tuple(octet, octet, octet, octet), ([a, b, c, d]) => {
      const text = `${a}.${b}.${c}.${d}`;
      const ip = parseIp(text);
      const expected = ip !== undefined && isPublicIp(ip);
      checkIp(`::ffff:${text}`, expected);
      checkIp(`64:ff9b::${text}`, expected);
      const group = (high: number, low: number): string => (high * 256 + low).toString(16);
      checkIp(`2002:${group(a, b)}:${group(c, d)}::1`, expected);
    }),
  );
});
