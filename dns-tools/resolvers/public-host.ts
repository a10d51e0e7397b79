/**
 * Whether a host is of the public Internet: asked before this machine connects to whomever a stranger's zone names, where
 * the runtime's `fetch` and sockets would reach this machine and its neighbours too.
 *
 * Told by the addresses that the resolver gives; what `fetch` then connects to it does not bind.
 */
import { type IpAddress, parseIp, samePrefix } from "#dns/ip-address.ts";
import type { Resolve } from "#dns/resolver.ts";

type Network = readonly [address: string, prefix: number];

/** This machine, networks that are somebody's own, and what is no single host (RFC 6890, RFC 4193, RFC 8215). */
const OWN_NETWORKS: readonly Network[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["224.0.0.0", 3],
  ["::", 96],
  ["64:ff9b:1::", 48],
  ["fc00::", 7],
  ["fe80::", 9],
  ["ff00::", 8],
];

/** IPv4 in IPv6: NAT64 (RFC 6052 §2.1) has it in the last 32 bits, 6to4 (RFC 3056 §2) in those behind the first 16. */
const NAT64: Network = ["64:ff9b::", 96];
const SIX_TO_FOUR: Network = ["2002::", 16];

/** With no address it is not, nor with one of its addresses elsewhere, nor when not all of them are known. */
export const isPublicHost = async (host: string, resolve: Resolve): Promise<boolean> => {
  const answers = await Promise.all([resolve(host, "A"), resolve(host, "AAAA")]);
  if (answers.some((answer) => "reason" in answer)) return false;
  const addresses = answers.flatMap((answer) => (answer.kind === "records" ? answer.records : []));
  return addresses.length > 0 && addresses.every(isPublicAddress);
};

/** Where an IPv4 address is embedded, that one decides. */
export const isPublicAddress = (address: string): boolean => {
  const ip = parseIp(address);
  return ip !== undefined && isPublic(ip);
};

const isPublic = (ip: IpAddress): boolean => {
  if (isWithin(ip, NAT64)) return isPublic({ version: 4, bits: ip.bits & 0xffffffffn });
  if (isWithin(ip, SIX_TO_FOUR)) return isPublic({ version: 4, bits: (ip.bits >> 80n) & 0xffffffffn });
  return !OWN_NETWORKS.some((network) => isWithin(ip, network));
};

const isWithin = (ip: IpAddress, [address, prefix]: Network): boolean => {
  const start = parseIp(address);
  return start !== undefined && start.version === ip.version && samePrefix(start.bits, ip.bits, ip, prefix);
};
