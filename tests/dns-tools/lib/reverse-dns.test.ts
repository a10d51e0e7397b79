/** Addresses as names, both families, and what counts as inside and as generic. */
import { describe, expect, test } from "vitest";
import { parseIp, type IpAddress } from "#dns/ip-address.ts";
import { isInside, looksGeneric, reverseName } from "#dns/reverse-dns.ts";

const ipOf = (text: string): IpAddress => {
  const ip = parseIp(text);
  if (!ip) throw new Error(`${text} is no address`);
  return ip;
};

describe("reverseName", () => {
  const check = (address: string, expected: string): void => {
    test(address, () => expect(reverseName(ipOf(address))).toBe(expected));
  };
  check("192.0.2.10", "10.2.0.192.in-addr.arpa");
  check("255.0.1.0", "0.1.0.255.in-addr.arpa");
  check("::ffff:192.0.2.10", "10.2.0.192.in-addr.arpa");
  // The example of RFC 3596 §2.5.
  check("4321:0:1:2:3:4:567:89ab", "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
  check("::1", `1.${"0.".repeat(31)}ip6.arpa`);
});

describe("isInside", () => {
  const check = (expected: boolean, ...addresses: string[]): void => {
    for (const address of addresses) test(address, () => expect(isInside(ipOf(address))).toBe(expected));
  };
  check(true, "10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "127.0.0.1", "169.254.1.1");
  check(true, "::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1");
  check(false, "11.0.0.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "192.0.2.1", "2001:db8::1", "::2", "fec0::1");
});

describe("looksGeneric", () => {
  const check = (expected: boolean, address: string, ...names: string[]): void => {
    for (const name of names) test(name, () => expect(looksGeneric(name, ipOf(address))).toBe(expected));
  };
  check(
    true,
    "192.0.2.10",
    "static.10.2.0.192.clients.host.example",
    "192-0-2-10.host.example",
    "ip-192-000-002-010.host.example",
    "a7.192.0.2.10.9.example",
    "host.dynamic.example",
    "DSL7.host.example",
    "h1-dhcp-2.example",
  );
  check(
    false,
    "192.0.2.10",
    "mx1.relay.example",
    "mx10.relay.example",
    "mx-192-0-2.relay.example",
    "192-0-2-11.host.example",
    "192-0-2-100.host.example",
    "dynamics.example",
    "pool1.mx.relay.example",
  );
  const dense = "20010db8000000000000000000000010";
  check(true, "2001:db8::10", `${dense}.host.example`, `${dense.match(/.{4}/g)?.join("-")}.host.example`);
  check(false, "2001:db8::10", "mx6.relay.example", `${dense.slice(1)}.host.example`);
});
