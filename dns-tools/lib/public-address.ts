/**
 * Which IP addresses are of the public Internet: asked before anything of ours connects to whom a stranger names, where
 * it could reach this machine or its neighbours.
 *
 * Only the address is judged; what a name leads to, and whether it still does when it is connected to, is not known here.
 */
import { type IpAddress, parseIp, samePrefix } from "./ip-address.ts";

type Network = IpAddress & { prefix: number };

/** A typing error in the tables below must not open a network in silence. */
const networkOf = (text: string): Network => {
  const [address = "", prefix = ""] = text.split("/");
  const ip = parseIp(address);
  if (!ip || !/^\d+$/.test(prefix)) throw new Error(`not a network: ${text}`);
  return { ...ip, prefix: Number(prefix) };
};

/** IANA special-purpose registries (RFC 6890 and its updates): not to be reached from the public Internet. */
const SPECIAL = `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
  192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
  2001::/23 2001:db8::/32 3fff::/20`
  .split(/\s+/)
  .map(networkOf);

/** RFC 4291 §2.4: of IPv6 this is all that is given out as global unicast. */
const GLOBAL_V6 = networkOf("2000::/3");
/** IPv4 in IPv6: NAT64 (RFC 6052 §2.1) has it in the last 32 bits, 6to4 (RFC 3056 §2) in the next after 16. */
const NAT64 = networkOf("64:ff9b::/96");
const SIX_TO_FOUR = networkOf("2002::/16");

/** Whether the address is one of the public Internet; where an IPv4 address is embedded, that one decides. */
export const isPublicIp = (ip: IpAddress): boolean => {
  if (isWithin(ip, NAT64)) return isPublicIp({ version: 4, bits: ip.bits & 0xffffffffn });
  if (isWithin(ip, SIX_TO_FOUR)) return isPublicIp({ version: 4, bits: (ip.bits >> 80n) & 0xffffffffn });
  if (ip.version === 6 && !isWithin(ip, GLOBAL_V6)) return false;
  return !SPECIAL.some((network) => isWithin(ip, network));
};

const isWithin = (ip: IpAddress, network: Network): boolean =>
  network.version === ip.version && samePrefix(network.bits, ip.bits, ip, network.prefix);
