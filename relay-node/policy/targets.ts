/**
 * Where the mail of a domain goes: MX records turned into addresses to try, in order (RFC 5321 §5.1).
 *
 * DNS is a port (`MailResolver`) whose every answer is a value, chance an argument. Invariant: "the DNS did
 * not answer" never bounces a mail. The list is bounded, so a domain with a thousand MX names costs no more
 * than one with ten. It does not look at routes' patterns (`routes.ts`) and opens no connection.
 */
import { isIP } from "node:net";
import type { Target } from "../smtp/transaction.ts";
import type { Route } from "./routes.ts";

/** `no-domain` is NXDOMAIN, `no-data` a name without such records; `failed` is no answer (SERVFAIL, time-out). */
export type NoAnswer = { kind: "no-data" } | { kind: "no-domain" } | { kind: "failed"; reason: string };

export type MxAnswer = { kind: "mx"; records: readonly MxRecord[] } | NoAnswer;
/** The root as exchange (RFC 7505) is the empty text. */
export type MxRecord = { preference: number; exchange: string };

/** IPv4 first. */
export type AddressAnswer = { kind: "addresses"; addresses: readonly string[] } | NoAnswer;

/** DNS as the relay needs it; never rejects. */
export type MailResolver = {
  resolveMx: (domain: string) => Promise<MxAnswer>;
  resolveAddresses: (host: string) => Promise<AddressAnswer>;
};

/** `targets` has at least one. A failure's `reason` begins with its RFC 3463 code. */
export type TargetsResult =
  | { kind: "targets"; targets: Target[] }
  | { kind: "deferred" | "bounced"; phase: "route"; reason: string };

export type TargetOptions = {
  /** The port of MX hosts. */
  port: number;
  tls: "opportunistic" | "required";
  /** Uniform in [0, 1): spreads load over MX hosts of one preference. */
  random: () => number;
};

const LIMIT_HOSTS = 10;
const LIMIT_ADDRESSES = 20;

/** The targets of a domain (lower case, A-labels) by its MX records, or its own address when it has none. */
export const findTargets = async (
  domain: string,
  resolver: MailResolver,
  options: TargetOptions,
): Promise<TargetsResult> => {
  // RFC 5321 §4.1.3 literals (`[192.0.2.1]`) are for debugging; in mail from an API they are a mistake or an attack.
  if (domain.startsWith("[") || isIP(domain)) return bounced("5.1.2 mail to address literals is not sent");
  const mx = await resolver.resolveMx(domain);
  switch (mx.kind) {
    case "no-domain":
      return bounced("5.1.2 the domain does not exist");
    case "failed":
      return deferred(`4.4.3 DNS: ${mx.reason}`);
    case "no-data":
      // RFC 5321 §5.1: no MX at all means an implicit one, the domain itself.
      return toTargets([domain], resolver, options, bounced("5.4.4 the domain has neither MX nor address"));
    case "mx": {
      const hosts = hostsInOrder(mx.records, options.random);
      // RFC 7505 §3: the root alone says "no mail, ever"; beside others it is a mistake and is passed over.
      if (hosts.length === 0) return bounced("5.1.10 the domain takes no mail (null MX)");
      return toTargets(hosts, resolver, options, deferred("4.4.4 no MX host of the domain has an address"));
    }
  }
};

/** The targets of a static route. */
export const routeTargets = async (route: Route, resolver: MailResolver): Promise<TargetsResult> => {
  if (isIP(route.host)) return { kind: "targets", targets: [{ ...route, ip: route.host }] };
  // RFC 6761 §6.3: never asked of DNS.
  const answer: AddressAnswer =
    route.host === "localhost"
      ? { kind: "addresses", addresses: ["127.0.0.1", "::1"] }
      : await resolver.resolveAddresses(route.host);
  if (answer.kind === "failed") return deferred(`4.4.3 DNS: ${answer.reason}`);
  // A route is the operator's word: a name without an address is a mistake to mend, not the customer's bounce.
  if (answer.kind !== "addresses") return deferred("4.4.4 the host of the route has no address");
  return { kind: "targets", targets: answer.addresses.slice(0, LIMIT_ADDRESSES).map((ip) => ({ ...route, ip })) };
};

/** `none` is the answer when every look-up answered and no address came of it. */
const toTargets = async (
  hosts: readonly string[],
  resolver: MailResolver,
  options: TargetOptions,
  none: TargetsResult,
): Promise<TargetsResult> => {
  const answers = await Promise.all(hosts.map((host) => resolver.resolveAddresses(host)));
  const targets: Target[] = [];
  let failure: string | undefined;
  for (const [index, host] of hosts.entries()) {
    const answer = answers[index];
    if (answer?.kind === "failed") failure ??= answer.reason;
    if (answer?.kind !== "addresses") continue;
    for (const ip of answer.addresses)
      if (!UNSPECIFIED.has(ip)) targets.push({ host, ip, port: options.port, tls: options.tls });
  }
  if (targets.length > 0) return { kind: "targets", targets: targets.slice(0, LIMIT_ADDRESSES) };
  return failure === undefined ? none : deferred(`4.4.3 DNS: ${failure}`);
};

/** Published by those who take no mail; a connection would reach ourselves. Loopback stays: operators test with it. */
const UNSPECIFIED: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** Lowest preference first, equal ones in random order, each name once; an address is no exchange (RFC 5321 §5.1). */
const hostsInOrder = (records: readonly MxRecord[], random: () => number): string[] => {
  const ordered = records
    .filter(({ exchange }) => exchange !== "" && !isIP(exchange))
    .map(({ preference, exchange }) => ({ preference, exchange: exchange.toLowerCase(), rank: random() }))
    .toSorted((a, b) => a.preference - b.preference || a.rank - b.rank);
  return [...new Set(ordered.map(({ exchange }) => exchange))].slice(0, LIMIT_HOSTS);
};

const bounced = (reason: string): TargetsResult => ({ kind: "bounced", phase: "route", reason });
const deferred = (reason: string): TargetsResult => ({ kind: "deferred", phase: "route", reason });
