/**
 * Whether a host is of the public Internet: asked before this machine connects to whomever a stranger's zone names, where
 * the runtime's `fetch` and sockets would reach this machine and its neighbours too.
 *
 * Told by the addresses that the resolver gives; what `fetch` then connects to it does not bind.
 */
import { parseIp } from "#dns/ip-address.ts";
import { isPublicIp } from "#dns/public-address.ts";
import type { Resolve } from "#dns/resolver.ts";

/** With no address it is not, nor with one of its addresses elsewhere, nor when not all of them are known. */
export const isPublicHost = async (host: string, resolve: Resolve): Promise<boolean> => {
  const answers = await Promise.all([resolve(host, "A"), resolve(host, "AAAA")]);
  if (answers.some((answer) => "reason" in answer)) return false;
  const addresses = answers.flatMap((answer) => (answer.kind === "records" ? answer.records : []));
  return addresses.length > 0 && addresses.every(isPublicAddress);
};

/** As `isPublicIp`; what is no address is not public. */
export const isPublicAddress = (address: string): boolean => {
  const ip = parseIp(address);
  return ip !== undefined && isPublicIp(ip);
};
