/**
 * `hikyaku dns watch`: a domain checked again and again, a line for each change that is sure, until it is interrupted.
 *
 * An MTA-STS policy is fetched with each check, and compared with what was there before. Checks are as far apart as the
 * records' shortest time to live, within bounds, for sooner a resolver says the same. With `--doh` and `--dns` both, the
 * two take turns. At the end of `--times` a fault that is sure is a no; where nothing became sure, or the last look could
 * not find all out, it is unknown.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { checkDomain } from "#dns/check.ts";
import type { FetchedPolicy, FetchPolicy } from "#dns/mta-sts-findings.ts";
import { lookAtPolicy, NO_HISTORY, sinceBefore } from "#dns/mta-sts-history.ts";
import type { Resolve } from "#dns/resolver.ts";
import { observe, type Trouble, type Watch, type WatchChange } from "#dns/watch.ts";
import { boundedRun } from "#resolvers/bounded.ts";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import {
  policyFetching,
  type ResolverOptions,
  resolversOf,
  sendingDomain,
  type SendingOptions,
} from "./dns-options.ts";
import { EXIT, type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

export type WatchOptions = ResolverOptions & SendingOptions & { every?: string; times?: string; json?: boolean };

const SOONEST_SECONDS = 30;
const LATEST_SECONDS = 3600;

export const watch = async (typed: string, options: WatchOptions, around: Surroundings): Promise<Exit> => {
  const sending = sendingDomain(typed, options, around);
  const every = options.every === undefined ? undefined : count(options.every, "--every", 0);
  const times = options.times === undefined ? Infinity : count(options.times, "--times", 1);
  const resolvers = resolversOf(options);
  let state: Watch = { resolvers: resolvers.length };
  let history = NO_HISTORY;
  let isKnown = false;
  for (let at = 0; at < times; at++) {
    const turn = at % 2;
    const observed = observing(resolvers[turn] ?? resolvers[0]);
    const { resolve } = boundedRun(observed.resolve);
    const policy = remembering(policyFetching(resolve));
    const seen = await checkDomain(sending, PUBLIC_SUFFIXES, resolve, undefined, policy.fetchPolicy);
    const look = await lookAtPolicy(sending.domain, policy.fetched(), resolve);
    const since = await sinceBefore(history, seen, look);
    history = since.history;
    const next = observe(state, { report: since.report, resolver: String(turn) });
    state = next.watch;
    isKnown = seen.findings.every(({ status }) => status !== "indeterminate");
    for (const change of next.changes) around.out(tell(sending.domain, change, options.json === true));
    const seconds = every ?? Math.min(Math.max(observed.ttlSeconds(), SOONEST_SECONDS), LATEST_SECONDS);
    if (at === 0) around.err(`hikyaku: watching ${sending.domain}, the next look is in ${seconds} s; Ctrl-C ends it`);
    if (at + 1 < times) await sleep(seconds * 1000);
  }
  return exitOf(state, isKnown);
};

/** `isKnown`: the last look found all out. */
const exitOf = ({ sure }: Watch, isKnown: boolean): Exit => {
  if (sure && [...sure.seen.values()].some(({ status }) => status === "fail")) return EXIT.no;
  return isKnown && sure ? EXIT.done : EXIT.unknown;
};

const count = (text: string, option: string, least: number): number => {
  if (!/^\d{1,6}$/.test(text) || Number(text) < least)
    throw new WrongUse(`${option} is a whole number from ${least} on`);
  return Number(text);
};

/** A port that remembers the shortest time to live of what it gave. */
const observing = (resolve: Resolve): { resolve: Resolve; ttlSeconds: () => number } => {
  let shortest = LATEST_SECONDS;
  return {
    resolve: async (name, type, signal) => {
      const answer = await resolve(name, type, signal);
      if (answer.kind === "records") shortest = Math.min(shortest, answer.ttlSeconds);
      return answer;
    },
    ttlSeconds: () => shortest,
  };
};

/** One that remembers what it gave last. */
const remembering = (
  fetchPolicy: FetchPolicy,
): { fetchPolicy: FetchPolicy; fetched: () => FetchedPolicy | undefined } => {
  let last: FetchedPolicy | undefined;
  return {
    fetchPolicy: async (host, signal) => {
      last = await fetchPolicy(host, signal);
      return last;
    },
    fetched: () => last,
  };
};

const tell = (domain: string, change: WatchChange, json: boolean): string => {
  const at = new Date().toISOString();
  if (json) return JSON.stringify({ at, domain, ...change });
  if (change.kind !== "first") {
    const isFoundOut = change.kind === "mended" && change.trouble.status === "indeterminate";
    return `${at} ${isFoundOut ? "found out" : change.kind} ${inWords(change.trouble)}`;
  }
  if (change.troubles.length === 0) return `${at} ${domain}: all is well`;
  return [`${at} ${domain}:`, ...change.troubles.map((trouble) => `  ${inWords(trouble)}`)].join("\n");
};

const inWords = ({ code, status, name, text }: Trouble): string => `${status} ${code} ${name}: ${text}`;
