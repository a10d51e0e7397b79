/**
 * IP addresses and networks as text: parsed strictly, compared as numbers.
 *
 * IPv4 in dotted decimals, IPv6 as RFC 4291 §2.2 writes it (no zone), a network as `address/prefix`. An IPv4 address
 * mapped into IPv6 (`::ffff:192.0.2.1`) is that IPv4 address, however it came in.
 */
export type IpAddress = { version: 4 | 6; bits: bigint };
export type Network = IpAddress & { prefix: number };

export const parseIp = (text: string): IpAddress | undefined => {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return { version: 4, bits: v4 };
  const v6 = parseIpv6(text);
  if (v6 === undefined) return undefined;
  // RFC 4291 §2.5.5.2: ::ffff:0:0/96 holds IPv4 addresses.
  return v6 >> 32n === 0xffffn ? { version: 4, bits: v6 & 0xffffffffn } : { version: 6, bits: v6 };
};

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

export const contains = (network: Network, ip: IpAddress): boolean => {
  const shift = BigInt((network.version === 4 ? 32 : 128) - network.prefix);
  return network.version === ip.version && network.bits >> shift === ip.bits >> shift;
};

/** Each part without leading zeros: `010` is eight to some readers and ten to others. */
const parseIpv4 = (text: string): bigint | undefined => {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
};

const parseIpv6 = (text: string): bigint | undefined => {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map(parseGroups);
  const [head, tail] = groups;
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  return [...head, ...Array<bigint>(halves.length === 2 ? missing : 0).fill(0n), ...(tail ?? [])].reduce(
    (bits, group) => (bits << 16n) | group,
    0n,
  );
};

/** Groups of 16 bits; the last may be an IPv4 address, which is two. */
const parseGroups = (text: string): bigint[] | undefined => {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const v4 = index === parts.length - 1 && part.includes(".") ? parseIpv4(part) : undefined;
    if (v4 !== undefined) groups.push(v4 >> 16n, v4 & 0xffffn);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
};
