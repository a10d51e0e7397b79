/**
 * `hikyaku dns relays`: the operator's own names, records and addresses, checked as receivers see them.
 *
 * What is not told is taken from the settings of the relay and the gateway. Block lists are asked by DNS servers only,
 * the relay's own: over DNS over HTTPS everybody shares a resolver, and lists do not answer it.
 */
import { parseRelaySource, checkRelays, type RelayReport, type Relays } from "#dns/relay-check.ts";
import type { RelaySource } from "#dns/reverse-dns-findings.ts";
import { agreeing } from "#resolvers/agreeing.ts";
import { type Bounds, boundedRun } from "#resolvers/bounded.ts";
import { domainArgument, type ResolverOptions, resolversOf } from "./dns-options.ts";
import { describeReport, EXIT_OF } from "./dns-report.ts";
import { type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

export type RelaysOptions = ResolverOptions & {
  ip?: string[];
  include?: string;
  bounceDomain?: string;
  json?: boolean;
};

const MOST_SOURCES = 100;
/** Name, way back, EHLO and block lists. */
const LOOK_UPS_A_SOURCE = 20;
const TIMEOUT_MS = 20_000;
const NOT_ASKED = "Over DNS over HTTPS it answers nobody: name a DNS server that only you use (HIKYAKU_DNS, --dns).";

export const relays = async (options: RelaysOptions, around: Surroundings): Promise<Exit> => {
  const told = relaysOf(options, around);
  if (told.sources.length === 0 && told.include === undefined && told.bounceDomain === undefined)
    throw new WrongUse("there is nothing to check: give --ip <address>=<name>, or set HIKYAKU_RELAY_SOURCES");
  const { report, cut } = await lookAtRelays(told, options, around);
  if (cut !== undefined) around.err(`hikyaku: not all was looked at: ${cut}`);
  around.out(
    options.json === true ? JSON.stringify(report) : describeReport("relays", report, around.colours === true),
  );
  return EXIT_OF[report.status];
};

/** Options, and where they say nothing the settings. Throws `WrongUse` over whatever cannot be so. */
export const relaysOf = (options: RelaysOptions, { env }: Surroundings): Relays => {
  const setting = listOf(env["HIKYAKU_RELAY_SOURCES"]);
  const texts = options.ip ?? (setting.join() === "any" ? [] : setting);
  if (texts.length > MOST_SOURCES)
    throw new WrongUse(`${texts.length} addresses are too many: ${MOST_SOURCES} at most`);
  const bounceDomain = options.bounceDomain ?? (env["HIKYAKU_BOUNCE_DOMAIN"] || undefined);
  // The SPF record that the gateway has customers include is the bounce domain's.
  const include = options.include ?? bounceDomain;
  return {
    sources: texts.map(sourceOf),
    ...(include !== undefined && { include: domainArgument(include) }),
    ...(bounceDomain !== undefined && { bounceDomain: domainArgument(bounceDomain) }),
  };
};

const listOf = (text = ""): string[] =>
  text
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");

const sourceOf = (text: string): RelaySource => {
  const source = parseRelaySource(text);
  if (!source) throw new WrongUse(`"${text}" is not <address>=<host name>, as 192.0.2.10=mx1.relay.example`);
  return source;
};

/** One run over the resolvers told; `cut`: what ended it early, in words. */
export const lookAtRelays = async (
  told: Relays,
  { doh, dns }: ResolverOptions,
  { env }: Surroundings,
): Promise<{ report: RelayReport; cut: string | undefined }> => {
  const set = listOf(env["HIKYAKU_DNS"]);
  const servers = dns ?? (set.length > 0 ? set : undefined);
  const [first, second] = resolversOf({ ...(doh && { doh }), ...(servers && { dns: servers }) });
  const bounds: Bounds = { mostLookUps: 200 + told.sources.length * LOOK_UPS_A_SOURCE, timeoutMs: TIMEOUT_MS };
  const run = boundedRun(second ? agreeing(first, second) : first, bounds);
  const own = second ? boundedRun(second, bounds) : run;
  const isShared = doh !== undefined && servers === undefined;
  const report = await checkRelays(told, { resolve: run.resolve, own: isShared ? NOT_ASKED : own.resolve });
  return { report, cut: run.cut() ?? own.cut() };
};
