/**
 * Who has a domain's new records already: each resolver, and each server of the zone, asked on its own.
 *
 * Each is one bounded run, and has its own answers judged as a plan judges them. What one could not find out is told as
 * that; nobody's answer is taken for another's.
 */
import { findZone } from "#dns/dns-host.ts";
import { needsOf, type Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import type { RecordType, Resolve } from "#dns/resolver.ts";
import type { Change, Purpose } from "#dns/zone.ts";
import { boundedRun } from "#resolvers/bounded.ts";

export type View = {
  name: string;
  resolve: Resolve;
  /** It is a server of the zone: what it says is not out of a memory. */
  isAuthoritative?: true;
};

export type Sight =
  | { kind: "there" }
  /** Another record; `untilMs`: when a resolver forgets it. */
  | { kind: "other"; untilMs?: number }
  | { kind: "missing" }
  | { kind: "unknown"; reason: string };

/** `sights` are in the order of the views. */
export type PropagationRow = { purpose: Purpose; name: string; type: "MX" | "TXT"; sights: Sight[] };
export type Propagation = { domain: string; views: string[]; rows: PropagationRow[]; isEverywhere: boolean };

const MOST_VIEWS = 10;
const MOST_NAME_SERVERS = 4;

export const lookUpPropagation = async (
  requirement: Requirement,
  views: readonly View[],
  nowMs: number,
): Promise<Propagation> => {
  const asked = views.slice(0, MOST_VIEWS);
  const columns = await Promise.all(asked.map((view) => look(requirement, view, nowMs)));
  const rows = needsOf(requirement).map(({ purpose, name, type }, at): PropagationRow => ({
    ...{ purpose, name, type },
    sights: columns.flatMap((column) => column[at] ?? []),
  }));
  const isEverywhere = rows.every(({ sights }) => sights.every(({ kind }) => kind === "there"));
  return { domain: requirement.domain, views: asked.map(({ name }) => name), rows, isEverywhere };
};

/** One for each need, in their order. */
const look = async (requirement: Requirement, view: View, nowMs: number): Promise<Sight[]> => {
  const ttls = new Map<string, number>();
  const remembering: Resolve = async (name, type, signal) => {
    const answer = await view.resolve(name, type, signal);
    if (answer.kind === "records") ttls.set(keyOf(name, type), answer.ttlSeconds);
    return answer;
  };
  const changes = await plan(requirement, boundedRun(remembering).resolve, new AbortController().signal);
  return changes.map((change) =>
    sightOf(change, (name, type) => {
      const ttlSeconds = view.isAuthoritative ? undefined : ttls.get(keyOf(name, type));
      return ttlSeconds === undefined ? undefined : nowMs + ttlSeconds * 1_000;
    }),
  );
};

const keyOf = (name: string, type: RecordType): string => `${name} ${type}`;

const sightOf = (change: Change, untilMsOf: (name: string, type: RecordType) => number | undefined): Sight => {
  switch (change.kind) {
    case "keep":
      return { kind: "there" };
    case "add":
      return { kind: "missing" };
    case "replace": {
      const untilMs = untilMsOf(change.to.name, change.to.type);
      return { kind: "other", ...(untilMs !== undefined && { untilMs }) };
    }
    case "conflict":
      return { kind: "other" };
    case "unknown":
      return { kind: "unknown", reason: change.reason };
  }
};

/** The servers of the domain's zone that have an address that may be asked; none when that could not be found out. */
export const authoritativeViews = async (
  domain: string,
  resolve: Resolve,
  toServer: (address: string) => Resolve | undefined,
): Promise<View[]> => {
  const run = boundedRun(resolve);
  const zone = await findZone(domain, PUBLIC_SUFFIXES, run.resolve);
  const nameServers = zone.kind === "zone" ? zone.nameServers.slice(0, MOST_NAME_SERVERS) : [];
  const views = await Promise.all(
    nameServers.map(async (name): Promise<View[]> => {
      const addresses = await run.resolve(name, "A");
      const [server] =
        addresses.kind === "records" ? addresses.records.flatMap((address) => toServer(address) ?? []) : [];
      return server === undefined ? [] : [{ name, resolve: server, isAuthoritative: true }];
    }),
  );
  return views.flat();
};
