/**
 * IP addresses turned round into names, as the reverse tree and block lists have them, and what such a name gives away.
 *
 * The last part of an address comes first, in decimal octets or in hexadecimal nibbles. Nothing is looked up here.
 */
import { parseIp, samePrefix, type IpAddress } from "./ip-address.ts";

/** RFC 1035 §3.5: octets; RFC 3596 §2.5: nibbles. RFC 5782 §2.1 and §2.4: so do block lists. */
export const reversedLabels = (ip: IpAddress): string => partsOf(ip).toReversed().join(".");

/** Where the names of an address stand, as PTR records. */
export const reverseName = (ip: IpAddress): string =>
  `${reversedLabels(ip)}.${ip.version === 4 ? "in-addr.arpa" : "ip6.arpa"}`;

/** Octets in decimal, or nibbles in hexadecimal. */
const partsOf = ({ version, bits }: IpAddress): string[] =>
  version === 4
    ? [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn))
    : bits.toString(16).padStart(32, "0").split("");

/** RFC 1918, RFC 6598, RFC 4193, loopback and link-local: what a machine behind a router calls itself. */
const INSIDE = [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const;

/** Whether a receiver elsewhere can never see mail come from it. */
export const isInside = (ip: IpAddress): boolean =>
  INSIDE.some(([text, prefix]) => {
    const network = parseIp(text);
    return network?.version === ip.version && samePrefix(network.bits, ip.bits, ip, prefix);
  });

/** Words by which access providers name lines of their customers. */
const LINE = /(^|[.-])(dyn|dynamic|dhcp|dialup|dsl|adsl|vdsl|pppoe?|broadband|generic|unassigned)\d*([.-]|$)/;

/** Whether a name is like those that providers give to all their addresses: made from the address, or of a line. */
export const looksGeneric = (name: string, ip: IpAddress): boolean => {
  const lower = name.toLowerCase();
  return LINE.test(lower) || (ip.version === 4 ? hasOctets(lower, partsOf(ip)) : hasNibbles(lower, partsOf(ip)));
};

/** All four, side by side in either order: `static-192-0-2-10`, `10.2.0.192`. */
const hasOctets = (name: string, octets: readonly string[]): boolean => {
  const numbers = [...name.matchAll(/\d+/g)].map(([digits]) => String(Number(digits)));
  const listed = `.${numbers.join(".")}.`;
  return [octets, octets.toReversed()].some((parts) => listed.includes(`.${parts.join(".")}.`));
};

const hasNibbles = (name: string, nibbles: readonly string[]): boolean => {
  const dense = name.replaceAll(/[.-]/g, "");
  return [nibbles, nibbles.toReversed()].some((parts) => dense.includes(parts.join("")));
};
