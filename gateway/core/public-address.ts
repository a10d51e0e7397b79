/**
 * Which addresses a customer may make the gateway call: public ones, by http or https, without credentials.
 *
 * What a name resolves to is not known here. On Cloudflare a Worker reaches no private network; on plain workerd the
 * network service behind `fetch` refuses private addresses when it connects, so a name cannot be rebound to one.
 */
import { contains, parseNetwork, type Network } from "#contract/ip-network.ts";
import { type IpAddress, parseIp } from "#dns/ip-address.ts";

/** A typing error in the tables below must not open a network in silence. */
const networkOf = (text: string): Network => {
  const network = parseNetwork(text);
  if (!network) throw new Error(`not a network: ${text}`);
  return network;
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

/** Whether the address is one of the public Internet; where an IPv4 address is embedded, that one decides too. */
export const isPublicIp = (ip: IpAddress): boolean => {
  if (contains(NAT64, ip)) return isPublicIp({ version: 4, bits: ip.bits & 0xffffffffn });
  if (contains(SIX_TO_FOUR, ip)) return isPublicIp({ version: 4, bits: (ip.bits >> 80n) & 0xffffffffn });
  if (ip.version === 6 && !contains(GLOBAL_V6, ip)) return false;
  return !SPECIAL.some((network) => contains(network, ip));
};

/** `invalid`: no setting makes it usable. `private`: the operator may allow it. `reason`: a clause, no full stop. */
export type CheckedUrl = { kind: "url"; url: URL } | { kind: "refused"; code: "invalid" | "private"; reason: string };

/** Names that are somebody's own network by their form (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`). */
const OWN_NETWORK = /(^|\.)(localhost|local|internal|home\.arpa|localdomain|lan|intranet|corp|home)$/;

/** Of the "bad ports" of the Fetch standard those that speak a protocol a posted text could be taken for, mail above all. */
const BAD_PORTS: ReadonlySet<string> = new Set(
  "7 9 13 19 21 22 23 25 37 53 69 79 109 110 111 119 123 135 139 143 179 389 427 465 512 513 514 515 532 540 548 554 587 601 636 993 995 2049 6000 6379 6667 11211".split(
    " ",
  ),
);

const refused = (code: "invalid" | "private", reason: string): CheckedUrl => ({ kind: "refused", code, reason });

/** The URL, when a customer may make the gateway call it; `allowPrivate` is the operator's word for any host. */
export const checkUrl = (text: string, { allowPrivate }: { allowPrivate: boolean }): CheckedUrl => {
  const url = URL.parse(text);
  if (!url) return refused("invalid", "it is not a URL");
  if (url.protocol !== "https:" && url.protocol !== "http:") return refused("invalid", "it is neither http nor https");
  if (url.username !== "" || url.password !== "") return refused("invalid", "it has a user name or password in it");
  if (BAD_PORTS.has(url.port)) return refused("invalid", `its port ${url.port} is another service's`);
  if (allowPrivate) return { kind: "url", url };
  // The URL parser has turned every way of writing an IPv4 address into the common one, but for dots it has at its end.
  const host = url.hostname.replace(/\.+$/, "");
  const ip = parseIp(host.startsWith("[") ? host.slice(1, -1) : host);
  if (ip ? !isPublicIp(ip) : !host.includes(".") || OWN_NETWORK.test(host))
    return refused("private", `${host} is not a public address`);
  return { kind: "url", url };
};
