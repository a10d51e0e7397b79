/**
 * Networks as text, `address/prefix`: parsed strictly, compared as numbers. An IPv4 network mapped into IPv6
 * (`::ffff:192.0.2.0/120`) is that IPv4 network, however it came in.
 */
import { type IpAddress, parseIp, samePrefix } from "#dns/ip-address.ts";

export type Network = IpAddress & { prefix: number };

/** `undefined`: not a network, or one with bits set behind its prefix, which nobody means. */
export const parseNetwork = (text: string): Network | undefined => {
  const [address = "", prefixText, ...rest] = text.split("/");
  const ip = parseIp(address);
  if (!ip || rest.length > 0) return undefined;
  const width = ip.version === 4 ? 32 : 128;
  if (prefixText === undefined) return { ...ip, prefix: width };
  if (!/^(0|[1-9]\d{0,2})$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText) - (ip.version === 4 && address.includes(":") ? 96 : 0);
  if (prefix < 0 || prefix > width) return undefined;
  return (ip.bits & ((1n << BigInt(width - prefix)) - 1n)) === 0n ? { ...ip, prefix } : undefined;
};

export const isNetwork = (text: string): boolean => parseNetwork(text) !== undefined;

export const contains = (network: Network, ip: IpAddress): boolean =>
  network.version === ip.version && samePrefix(network.bits, ip.bits, ip, network.prefix);
