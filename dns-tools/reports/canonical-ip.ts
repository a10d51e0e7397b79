/**
 * One way to write an IP address, so that one source is one: IPv4 in dotted decimals, IPv6 as RFC 5952 has it.
 *
 * An IPv4 address mapped into IPv6 is the IPv4 address. What is no address is undefined.
 */
import { parseIp } from "#dns/ip-address.ts";

export const canonicalIp = (text: string): string | undefined => {
  const ip = parseIp(text.replace(/^\[(.*)\]$/, "$1"));
  if (ip === undefined) return undefined;
  if (ip.version === 4) return [24n, 16n, 8n, 0n].map((shift) => (ip.bits >> shift) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, at) => ((ip.bits >> BigInt(112 - 16 * at)) & 0xffffn).toString(16));
  // WHATWG's serializer does what RFC 5952 §4 asks for: the first longest run of zeros becomes `::`.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
};
