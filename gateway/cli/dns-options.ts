/**
 * The options of `hikyaku dns` as what the library takes: a sending domain, and the resolver to see the DNS by.
 *
 * All is checked before anything is looked up; what is wrong is wrong use, and the text says what would be right.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { getServers } from "node:dns";
import { isIP } from "node:net";
import type { SendingDomain } from "#dns/sending-domain.ts";
import type { DkimKey } from "#dns/dkim-record.ts";
import { type DomainResult, parseDomain, parseTypedDomain } from "#dns/domain.ts";
import type { FetchPolicy } from "#dns/mta-sts-findings.ts";
import type { Resolve } from "#dns/resolver.ts";
import { agreeing } from "#resolvers/agreeing.ts";
import { type BoundedRun, boundedRun } from "#resolvers/bounded.ts";
import { dohResolver } from "#resolvers/doh.ts";
import { policyFetcher } from "#resolvers/fetch-policy.ts";
import { isPublicHost } from "#resolvers/public-host.ts";
import { type DnsServer, parseDnsServer, udpResolver } from "#resolvers/udp.ts";
import { readGiven, type Surroundings, WrongUse } from "./surroundings.ts";

export type ResolverOptions = { doh?: string[]; dns?: string[] };
export type SendingOptions = {
  returnPath?: string;
  selector?: string[];
  dkimKey?: string[];
  include?: string[];
  ip?: string[];
  bounceHost?: string;
};

const LOOK_UP_MS = 4_000;
const FETCH_MS = 5_000;

/** A run over the resolvers told, or over the system's; over DoH and DNS both, an answer is one that both gave. */
export const resolverRun = (options: ResolverOptions): BoundedRun => {
  const [first, second] = resolversOf(options);
  return boundedRun(second ? agreeing(first, second) : first);
};

/** Over DoH, over DNS, or both, as told. */
export const resolversOf = ({ doh, dns }: ResolverOptions): [Resolve] | [Resolve, Resolve] => {
  const overHttps = doh && dohResolver({ urls: doh.map(httpsUrl), timeoutMs: LOOK_UP_MS });
  const given = dns?.map(dnsServer);
  if (overHttps && !given) return [overHttps];
  const servers = given ?? getServers().flatMap((server) => parseDnsServer(server) ?? []);
  const overUdp = udpResolver({ servers, timeoutMs: LOOK_UP_MS });
  return overHttps ? [overHttps, overUdp] : [overUdp];
};

/** Fetches MTA-STS policies, of hosts that the resolver finds on the public Internet. */
export const policyFetching = (resolve: Resolve): FetchPolicy =>
  policyFetcher({ timeoutMs: FETCH_MS, isPublic: (host) => isPublicHost(host, resolve) });

const httpsUrl = (text: string): string => {
  if (!/^https?:/.test(text) || !URL.canParse(text)) throw new WrongUse(`--doh ${text} is not an http or https URL`);
  return text;
};

const dnsServer = (text: string): DnsServer => {
  const server = parseDnsServer(text);
  if (!server) throw new WrongUse(`--dns ${text} is not ip, ip:port or [ip6]:port`);
  return server;
};

/** The domain that a command is about: a mailbox, a web address or a host with its port is taken for the one in it. */
export const typedDomain = (text: string): string => parsedName(text, "domain", parseTypedDomain(text));

/** Reads the name that an option wants; an address of a mailbox is told from a domain. */
export const domainArgument = (text: string, what = "domain"): string => {
  if (text.includes("@"))
    throw new WrongUse(`"${text}" is an email address: give the ${what} behind its @, ${text.split("@").at(-1)}`);
  return parsedName(text, what, parseDomain(text.trim()));
};

const parsedName = (text: string, what: string, parsed: DomainResult): string => {
  if (parsed.kind === "invalid") throw new WrongUse(`"${text}" is not a ${what}: ${PROBLEM_TEXT[parsed.problem]}`);
  return parsed.domain;
};

const PROBLEM_TEXT = {
  empty: "it is empty",
  "not-a-name": "a label has letters, digits and hyphens inside only",
  "label-too-long": "a label has more than 63 octets (RFC 1035 §2.3.4)",
  "name-too-long": "it has more than 253 octets (RFC 1035 §2.3.4)",
  "not-idna": "it is no internationalized name (UTS #46)",
  "ip-address": "it is an IP address",
} as const;

/** `domain` as typed. Throws `WrongUse` over whatever cannot be so. */
export const sendingDomain = (typed: string, options: SendingOptions, around: Surroundings): SendingDomain => {
  const domain = typedDomain(typed);
  const { selector = [], dkimKey = [], include = [], ip = [], returnPath, bounceHost } = options;
  if (dkimKey.length > selector.length) throw new WrongUse("each --dkim-key belongs to a --selector: give that too");
  const keys = dkimKey.map((path) => readKey(path, around));
  for (const address of ip)
    if (isIP(address) === 0 || address.includes("%")) throw new WrongUse(`--ip ${address} is not an IP address`);
  return {
    domain,
    returnPath: returnPathOf(domain, returnPath),
    selectors: selector.map((name, at) => ({
      selector: selectorOf(domain, name),
      ...(keys[at] && { key: keys[at] }),
    })),
    includes: include.map((name) => domainArgument(name)),
    addresses: ip,
    ...(bounceHost !== undefined && { bounceHost: domainArgument(bounceHost, "host") }),
  };
};

/** A label stands for the name below the domain, as in the API's `custom_return_path`. */
const returnPathOf = (domain: string, text: string | undefined): string => {
  if (text === undefined) return domain;
  const name = domainArgument(text, "return-path domain");
  return name.includes(".") ? name : domainArgument(`${name}.${domain}`, "return-path domain");
};

/** A selector is taken for itself, with the name below which its record stands or without. */
const selectorOf = (domain: string, text: string): string => {
  const selector = domainArgument(text.replace(/\._domainkey\b.*$/i, ""), "selector");
  // Where the record would have to stand.
  domainArgument(`${selector}._domainkey.${domain}`, "name that the DNS can hold");
  return selector;
};

/** A PEM file with a public key, or a private one, of which only the public half is used. */
const readKey = (path: string, around: Surroundings): DkimKey => {
  const key = parsePem(readGiven(path, around), path);
  const { kty, crv, x } = key.export({ format: "jwk" });
  if (kty === "RSA") {
    const der = key.export({ type: "spki", format: "der" });
    return { algorithm: "rsa-sha256", publicKeyBase64: der.toString("base64") };
  }
  // RFC 8463 §4.2: an Ed25519 record has the bare 32 octets.
  if (crv === "Ed25519" && x !== undefined)
    return { algorithm: "ed25519-sha256", publicKeyBase64: Buffer.from(x, "base64url").toString("base64") };
  throw new WrongUse(`--dkim-key ${path} is neither an RSA nor an Ed25519 key`);
};

const parsePem = (pem: string, path: string): KeyObject => {
  try {
    return createPublicKey(pem);
  } catch {
    throw new WrongUse(`--dkim-key ${path} is not a key in PEM, private (unencrypted) or public`);
  }
};
