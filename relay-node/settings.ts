/**
 * The relay's settings out of the environment: every one parsed, every mistake reported, at once.
 */
import { isIP } from "node:net";
import { z } from "zod";
import { parseDomain } from "#dns/domain.ts";
import { PoolName } from "#contract/account.ts";
import { type Mailbox, parseMailbox } from "#contract/address.ts";
import { CREDIT_WINDOW } from "#contract/relay-protocol.ts";
import { parseDnsServers } from "./policy/resolver.ts";
import { parseRoutes, type RouteTable } from "./policy/routes.ts";
import { DEFAULT_TIMEOUTS } from "./smtp/timeouts.ts";
import type { Timeouts } from "./smtp/transaction.ts";

export type RelaySettings = {
  gatewayUrl: string;
  token: string;
  name: string;
  pools: string[];
  dataDir: string;
  source: { ip: string; name: string } | undefined;
  heloName: string;
  dnsServers: string[];
  routes: RouteTable;
  mxPort: number;
  timeouts: Timeouts;
  window: number;
  connectionsPerDestination: number;
  connections: number;
  /** Where bounces, complaints and mail come in; undefined: nowhere. Port 0 is any that is free. */
  inbound: { host: string; port: number } | undefined;
  bounceDomain: string;
  /** Who reads mail to the operator; undefined: nobody. */
  postmaster: Mailbox | undefined;
  /** Files of the listeners' certificate; undefined: one of our own. */
  certificate: { cert: string; key: string } | undefined;
  logLevel: z.infer<typeof LogLevel>;
};

const LogLevel = z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]);
const TIMEOUT_NAMES = ["connect", "greeting", "ehlo", "tls", "mail", "rcpt", "data", "block", "dot"] as const;

export type SettingsResult = { kind: "settings"; settings: RelaySettings } | { kind: "invalid"; problems: string[] };

/** `hostName` is what the machine calls itself, for the name in EHLO. */
export const parseSettings = (env: Record<string, string | undefined>, hostName: string): SettingsResult => {
  const problems: string[] = [];
  const read = <T>(name: string, parse: (text: string) => T | Mistake, fallback?: string): T | undefined => {
    const text = env[name] || fallback;
    if (text === undefined) return void problems.push(`${name} is not set`);
    const parsed = parse(text);
    if (!(parsed instanceof Mistake)) return parsed;
    problems.push(...parsed.texts.map((mistake) => `${name}: ${mistake}`));
    return undefined;
  };
  const settings = {
    gatewayUrl: read("HIKYAKU_GATEWAY_URL", url),
    token: read("HIKYAKU_RELAY_TOKEN", (text) =>
      text.startsWith("hr_") ? text : new Mistake("is not a relay token, which begins with hr_"),
    ),
    name: read("HIKYAKU_RELAY_NAME", (text) => text, hostName),
    pools: read("HIKYAKU_RELAY_POOLS", pools, "default"),
    dataDir: read("HIKYAKU_RELAY_DATA", (text) => text, "data/relay"),
    source: read("HIKYAKU_RELAY_SOURCES", source, "any"),
    heloName: read("HIKYAKU_HELO", domain, hostName),
    dnsServers: read("HIKYAKU_DNS", dnsServers, "system"),
    routes: read("HIKYAKU_ROUTES", routes, " "),
    mxPort: read("HIKYAKU_MX_PORT", integer(1, 65_535), "25"),
    timeouts: read("HIKYAKU_SMTP_TIMEOUTS", timeouts, " "),
    window: read("HIKYAKU_RELAY_WINDOW", integer(1, 100_000), `${CREDIT_WINDOW}`),
    connectionsPerDestination: read("HIKYAKU_RELAY_CONNECTIONS", integer(1, 1000), "20"),
    connections: read("HIKYAKU_RELAY_CONNECTIONS_ALL", integer(1, 10_000), "500"),
    inbound: read("HIKYAKU_INBOUND", listener, "off"),
    bounceDomain: read("HIKYAKU_BOUNCE_DOMAIN", domain, "bounce.localhost"),
    postmaster: read("HIKYAKU_POSTMASTER", postmaster, " "),
    certificate: read("HIKYAKU_TLS_CERT", certificate(env["HIKYAKU_TLS_KEY"] || ""), " "),
    logLevel: read(
      "HIKYAKU_LOG",
      (text) => LogLevel.safeParse(text).data ?? new Mistake(`is one of ${LogLevel.options.join(", ")}`),
      "info",
    ),
  };
  const ownNames = [settings.bounceDomain, settings.heloName, settings.source?.name].map((name) => name?.toLowerCase());
  if (settings.postmaster && ownNames.includes(settings.postmaster.domain))
    problems.push("HIKYAKU_POSTMASTER: is at the bounce domain or a name of this relay, whose mail comes here");
  if (problems.length > 0 || !isComplete(settings)) return { kind: "invalid", problems };
  return { kind: "settings", settings };
};

const isComplete = (settings: {
  [K in keyof RelaySettings]: RelaySettings[K] | undefined;
}): settings is RelaySettings =>
  Object.entries(settings).every(([name, value]) => value !== undefined || MAY_BE_ABSENT.has(name));

/** All others are there when nothing was wrong. */
const MAY_BE_ABSENT: ReadonlySet<string> = new Set(["source", "inbound", "postmaster", "certificate"]);

/** What is wrong with one setting. */
class Mistake {
  readonly texts: string[];
  constructor(...texts: string[]) {
    this.texts = texts;
  }
}

const url = (text: string): string | Mistake =>
  /^https?:$/.test(URL.parse(text)?.protocol ?? "") ? text : new Mistake(`"${text}" is not an http or https URL`);

const integer =
  (least: number, most: number) =>
  (text: string): number | Mistake => {
    const value = Number(text);
    return Number.isInteger(value) && value >= least && value <= most
      ? value
      : new Mistake(`"${text}" is not a whole number from ${least} to ${most}`);
  };

const pools = (text: string): string[] | Mistake => {
  const names = text.split(",").map((name) => name.trim());
  const wrong = names.filter((name) => !PoolName.safeParse(name).success);
  return wrong.length === 0
    ? names
    : new Mistake(...wrong.map((name) => `"${name}" is not a pool name: a-z, 0-9 and -`));
};

const domain = (text: string): string | Mistake => {
  const parsed = parseDomain(text);
  return parsed.kind === "domain" ? parsed.domain : new Mistake(`"${text}" is not a host name`);
};

/** `192.0.2.10=mx1.relay.example,…`; the first is used, all are checked. */
const source = (text: string): RelaySettings["source"] | Mistake => {
  if (text === "any") return undefined;
  const entries = text.split(",").map((entry) => entry.trim().split("="));
  const wrong = entries.filter(([ip = "", name = ""]) => isIP(ip) === 0 || parseDomain(name).kind === "invalid");
  if (wrong.length > 0) return new Mistake(...wrong.map((entry) => `"${entry.join("=")}" is not ip=host.name`));
  const [ip = "", name = ""] = entries[0] ?? [];
  return { ip, name };
};

/** `0.0.0.0:25`, `[::]:25`. */
const listener = (text: string): RelaySettings["inbound"] | Mistake => {
  if (text === "off") return undefined;
  const [, v6, v4 = "", port = ""] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = v6 ?? v4;
  return isIP(host) === (v6 === undefined ? 4 : 6) && Number(port) <= 65_535
    ? { host, port: Number(port) }
    : new Mistake(`"${text}" is not an IP address and a port, as in 0.0.0.0:25 or [::]:25`);
};

const postmaster = (text: string): RelaySettings["postmaster"] | Mistake => {
  if (text.trim() === "") return undefined;
  const parsed = parseMailbox(text);
  return parsed.kind === "mailbox" ? parsed.mailbox : new Mistake(`"${text}" is no address: ${parsed.reason}`);
};

/** Both files or neither. */
const certificate =
  (key: string) =>
  (text: string): RelaySettings["certificate"] | Mistake => {
    const cert = text.trim();
    if (cert === "" && key === "") return undefined;
    return cert !== "" && key !== "" ? { cert, key } : new Mistake("goes together with HIKYAKU_TLS_KEY");
  };

const dnsServers = (text: string): string[] | Mistake => {
  if (text === "system") return [];
  const parsed = parseDnsServers(text);
  return parsed.kind === "servers" ? parsed.servers : new Mistake(...parsed.problems);
};

const routes = (text: string): RouteTable | Mistake => {
  const parsed = parseRoutes(text);
  return parsed.kind === "routes" ? parsed.table : new Mistake(...parsed.problems);
};

/** `greeting=2,dot=5`: seconds, over the defaults. */
const timeouts = (text: string): Timeouts | Mistake => {
  const result = { ...DEFAULT_TIMEOUTS };
  const mistakes: string[] = [];
  for (const entry of text.split(",").map((part) => part.trim())) {
    if (entry === "") continue;
    const [name = "", seconds = ""] = entry.split("=");
    const known = TIMEOUT_NAMES.find((candidate) => candidate === name);
    // A day is longer than any server needs, and short enough for timers, which fire at once beyond 2^31 ms.
    if (!known || !(Number(seconds) > 0) || Number(seconds) > 86_400)
      mistakes.push(`"${entry}" is not one of ${TIMEOUT_NAMES.join(", ")} with seconds, as in greeting=30`);
    else result[`${known}Ms`] = Number(seconds) * 1000;
  }
  return mistakes.length === 0 ? result : new Mistake(...mistakes);
};
