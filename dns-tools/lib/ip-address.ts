/**
 * IP addresses as text, read strictly into numbers: IPv4 in dotted decimals, IPv6 as RFC 4291 §2.2 writes it (no zone).
 *
 * The two families stay apart: an IPv4 address mapped into IPv6 is IPv6 here, and who treats it as IPv4 says so.
 */

/** 32 bits. A part with a zero in front is no part: `010` is eight to some readers and ten to others. */
export const parseIpv4 = (text: string): bigint | undefined => {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
};

/** 128 bits. */
export const parseIpv6 = (text: string): bigint | undefined => {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  return [...head, ...Array<bigint>(missing).fill(0n), ...(tail ?? [])].reduce((bits, group) => (bits << 16n) | group);
};

/** Groups of 16 bits; the last may be an IPv4 address, which is two. */
const parseGroups = (text: string, half: number, { length }: readonly string[]): bigint[] | undefined => {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const v4 = half === length - 1 && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (v4 !== undefined) groups.push(v4 >> 16n, v4 & 0xffffn);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
};

export type IpAddress = { version: 4 | 6; bits: bigint };

/** An address of a host: one that is mapped into IPv6 (RFC 4291 §2.5.5.2) is the IPv4 address that it means. */
export const parseIp = (text: string): IpAddress | undefined => {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return { version: 4, bits: v4 };
  const v6 = parseIpv6(text);
  if (v6 === undefined) return undefined;
  return v6 >> 32n === 0xffffn ? { version: 4, bits: v6 & 0xffffffffn } : { version: 6, bits: v6 };
};

/** Whether two addresses of one family agree in their first `prefix` bits. */
export const samePrefix = (a: bigint, b: bigint, { version }: IpAddress, prefix: number): boolean => {
  const shift = BigInt((version === 4 ? 32 : 128) - prefix);
  return a >> shift === b >> shift;
};
