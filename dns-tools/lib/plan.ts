/**
 * The smallest change to a live zone that makes a requirement hold: one step for each record, in the order to publish.
 *
 * What is good enough stays; a name never gets a second SPF or DMARC record; on the zone that the plan was applied to, a
 * second plan has nothing to do. What could not be looked up is `unknown`, never `add`. A plan publishes nothing.
 */
import { needsOf, type Need, type Requirement } from "./need.ts";
import type { Resolve } from "./resolver.ts";
import { PROBE_LABEL } from "./wildcard.ts";
import { parentOf, sameRecord, type Change, type MailRecord } from "./zone.ts";

/** One step for each need, `keep` included. Never rejects over what the DNS says; `signal` ends open look-ups. */
export const plan = async (requirement: Requirement, resolve: Resolve, signal: AbortSignal): Promise<Change[]> =>
  settle(await Promise.all(needsOf(requirement).map((need) => draft(need, resolve, signal))));

type Unknown = { kind: "unknown"; reason: string };

/** What a receiver finds of a type at a name; `cname`: the name's own record, which led there. */
type Found = { kind: "found"; records: readonly MailRecord[]; cname?: MailRecord };

/** What one need comes to when it is looked at alone; `cname`: of the need's name. */
type Draft = { need: Need } & (
  | Unknown
  | { kind: "standing"; record: MailRecord; cname?: MailRecord }
  | { kind: "change"; from: readonly MailRecord[]; to: MailRecord; beside: readonly MailRecord[]; cname?: MailRecord }
);

const lookUp = async (
  name: string,
  type: "MX" | "TXT",
  resolve: Resolve,
  signal: AbortSignal,
): Promise<Found | Unknown> => {
  const answer = await resolve(name, type, signal);
  switch (answer.kind) {
    case "records": {
      const records = answer.records.map((data): MailRecord =>
        "exchange" in data ? { name, type: "MX", data } : { name, type: "TXT", data },
      );
      return { kind: "found", records, ...cnameOf(name, answer.aliases) };
    }
    case "nxdomain":
    case "nodata": {
      // A CNAME to where there is nothing answers like this too, and leaves no room for other records (RFC 1034 §3.6.2).
      const cname = await resolve(name, "CNAME", signal);
      if (cname.kind === "records") return { kind: "found", records: [], ...cnameOf(name, cname.records) };
      return "reason" in cname ? { kind: "unknown", reason: cname.reason } : { kind: "found", records: [] };
    }
    case "servfail":
    case "timeout":
    case "refused":
      return { kind: "unknown", reason: answer.reason };
  }
};

const cnameOf = (name: string, [target]: readonly string[]): { cname?: MailRecord } =>
  target === undefined ? {} : { cname: { name, type: "CNAME", data: target } };

const draft = async (need: Need, resolve: Resolve, signal: AbortSignal): Promise<Draft> => {
  const live = await lookUp(need.name, need.type, resolve, signal);
  if (live.kind === "unknown") return { need, ...live };
  const drafted = await judge(need, live, resolve, signal);
  if (drafted.kind !== "change" || recordsOf(live).length === 0) return drafted;
  // A wildcard stands aside for a record of the name itself: there is nothing to take away (RFC 4592 §3.3.1).
  if (!(await isByWildcard(need, live, resolve, signal))) return drafted;
  return judge(need, { kind: "found", records: [] }, resolve, signal);
};

const judge = async (need: Need, live: Found, resolve: Resolve, signal: AbortSignal): Promise<Draft> => {
  const { records, kind: _, ...by } = live;
  const here = need.judge(records);
  const nothing = here.kind === "change" && here.from.length === 0;
  const verdict = nothing && need.judgeElsewhere ? await need.judgeElsewhere(resolve, signal) : here;
  switch (verdict.kind) {
    case "unknown":
      return { need, ...verdict };
    case "standing":
      return { need, ...verdict, ...(verdict === here && by) };
    case "change":
      return { need, ...verdict, ...by, beside: records.filter((record) => !verdict.from.includes(record)) };
  }
};

/**
 * Whether a name that nobody has answers the same. A record of the name that is a wildcard's twin cannot be told from it. When it
 * cannot be found out, what was seen counts as the name's.
 */
const isByWildcard = async (
  { name, type }: Need,
  live: Found,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<boolean> => {
  const parent = parentOf(name);
  if (parent === undefined) return false;
  const probe = await lookUp(`${PROBE_LABEL}.${parent}`, type, resolve, signal);
  if (probe.kind === "unknown") return false;
  const [seen, probed] = [recordsOf(live), recordsOf(probe).map((record) => ({ ...record, name }))];
  return seen.length === probed.length && seen.every((record) => probed.some((other) => sameRecord(record, other)));
};

const recordsOf = ({ records, cname }: Found): readonly MailRecord[] => (cname ? [...records, cname] : records);

/** A CNAME takes all of its name along when it goes: what was found by it has to be put there too. */
const settle = (drafts: readonly Draft[]): Change[] => {
  const unknown = new Map<string, string>();
  for (const draft of drafts) if (draft.kind === "unknown") unknown.set(draft.need.name, draft.reason);
  const falling = new Set<string>();
  for (const { need, ...draft } of drafts)
    if (draft.kind === "change" && draft.cname && !unknown.has(need.name)) falling.add(need.name);
  const fallen = new Set<string>();
  return drafts.map(({ need: { purpose, name, type }, ...draft }): Change => {
    if (draft.kind === "unknown") return { purpose, name, type, ...draft };
    const { cname } = draft;
    if (cname === undefined || !falling.has(name)) {
      if (draft.kind === "standing") return { kind: "keep", purpose, record: cname ?? draft.record };
      const reason = cname && unknown.get(name);
      if (reason !== undefined) return { kind: "unknown", purpose, name, type, reason };
      const { from, to, beside } = draft;
      return from.length > 0 ? { kind: "replace", purpose, from, to, beside } : { kind: "add", purpose, to, beside };
    }
    const to = draft.kind === "standing" ? draft.record : draft.to;
    if (fallen.has(name)) return { kind: "add", purpose, to, beside: [] };
    fallen.add(name);
    return { kind: "replace", purpose, from: [cname], to, beside: [] };
  });
};
