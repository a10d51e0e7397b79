/**
 * The DNS port of `targets.ts` over Node's resolver, with a small cache.
 *
 * A burst to one domain asks once: answers are kept, and a question under way is shared. The cache is bounded
 * in entries and in time rather than by TTL: Node's MX answers carry none. It never rejects.
 */
import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { AddressAnswer, MailResolver, MxAnswer, NoAnswer } from "./targets.ts";

export type ResolverOptions = {
  /** `ip:port` texts from `parseDnsServers`; absent: the system's. */
  servers?: readonly string[];
  /** For each try. */
  timeoutMs?: number;
  tries?: number;
  nowMs: () => number;
};

const POSITIVE_MS = 60_000;
/** Also for failures: a dead zone is not asked for each of its mails (RFC 2308 §7 allows five minutes). */
const NEGATIVE_MS = 30_000;
const LIMIT_ENTRIES = 10_000;

export const createResolver = (options: ResolverOptions): MailResolver => {
  const { servers, timeoutMs = 5000, tries = 2, nowMs } = options;
  const dns = new Resolver({ timeout: timeoutMs, tries });
  if (servers && servers.length > 0) dns.setServers(servers);
  const mx = cached(nowMs, (domain) => askMx(dns, domain));
  const addresses = cached(nowMs, (host) => askAddresses(dns, host));
  return { resolveMx: mx, resolveAddresses: addresses };
};

/** Reads `HIKYAKU_DNS`: `ip`, `ip:port` or `[ip6]:port`, comma separated; empty text is the system's servers. */
export const parseDnsServers = (
  text: string,
): { kind: "servers"; servers: string[] } | { kind: "invalid"; problems: string[] } => {
  const servers = text.split(",").flatMap((entry) => (entry.trim() === "" ? [] : [entry.trim()]));
  const problems = servers
    .filter((server) => !isServer(server))
    .map((server) => `DNS server "${server}" is not ip, ip:port or [ip6]:port`);
  return problems.length > 0 ? { kind: "invalid", problems } : { kind: "servers", servers };
};

const isServer = (text: string): boolean => {
  if (isIP(text)) return true;
  const [, ip6, ip4, port] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  return isIP(ip6 ?? ip4 ?? "") === (ip6 === undefined ? 4 : 6) && Number(port) >= 1 && Number(port) <= 65_535;
};

const askMx = async (dns: Resolver, domain: string): Promise<MxAnswer> => {
  try {
    const records = await dns.resolveMx(domain);
    // A reply of only a CNAME comes out as an empty list.
    if (records.length === 0) return { kind: "no-data" };
    return { kind: "mx", records: records.map(({ priority, exchange }) => ({ preference: priority, exchange })) };
  } catch (error) {
    return noAnswer(error);
  }
};

const askAddresses = async (dns: Resolver, host: string): Promise<AddressAnswer> => {
  const answers = await Promise.all([
    dns.resolve4(host).catch((error: unknown) => noAnswer(error)),
    dns.resolve6(host).catch((error: unknown) => noAnswer(error)),
  ]);
  const addresses: string[] = [];
  let worst: NoAnswer = { kind: "no-data" };
  for (const answer of answers) {
    if (Array.isArray(answer)) addresses.push(...answer);
    else if (worst.kind !== "failed" && answer.kind !== "no-data") worst = answer;
  }
  return addresses.length > 0 ? { kind: "addresses", addresses } : worst;
};

const noAnswer = (error: unknown): NoAnswer => {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  if (code === "ENODATA") return { kind: "no-data" };
  if (code === "ENOTFOUND") return { kind: "no-domain" };
  return { kind: "failed", reason: FAILURES[code] ?? code };
};

const FAILURES: Readonly<Record<string, string>> = {
  ESERVFAIL: "the name server failed (SERVFAIL)",
  EREFUSED: "the name server refused",
  ETIMEOUT: "no answer in time",
  ECONNREFUSED: "no name server there",
};

const cached = <A extends { kind: string }>(
  nowMs: () => number,
  ask: (name: string) => Promise<A>,
): ((name: string) => Promise<A>) => {
  const entries = new Map<string, { answer: Promise<A>; expiry: { atMs: number } }>();
  const askUntil = async (name: string, expiry: { atMs: number }): Promise<A> => {
    const answer = await ask(name);
    const good = answer.kind === "mx" || answer.kind === "addresses";
    expiry.atMs = nowMs() + (good ? POSITIVE_MS : NEGATIVE_MS);
    return answer;
  };
  return (name) => {
    const known = entries.get(name);
    if (known && known.expiry.atMs > nowMs()) return known.answer;
    entries.delete(name);
    // A Map keeps the order of insertion: the first key is the oldest question.
    const [oldest] = entries.keys();
    if (entries.size >= LIMIT_ENTRIES && oldest !== undefined) entries.delete(oldest);
    // While the question is under way it does not expire, and all who ask share it.
    const expiry = { atMs: Infinity };
    const answer = askUntil(name, expiry);
    entries.set(name, { answer, expiry });
    return answer;
  };
};
