/**
 * The smallest change to a live zone that makes a requirement hold: one step for each record, in the order to publish.
 *
 * What is good enough stays; a name never gets a second SPF or DMARC record; on the zone that the plan was applied to, a
 * second plan has nothing to do. What the owner has is not broken: where it would be, nothing is changed and the step is
 * a `conflict`. What could not be looked up is `unknown`, never `add`. A plan publishes nothing.
 */
import { shown } from "./look-up-findings.ts";
import { needsOf, type Requirement } from "./need.ts";
import type { Resolve } from "./resolver.ts";
import type { Need, Verdict } from "./verdict.ts";
import { givenByWildcard, isByWildcard, isShadowed } from "./wildcard-shadow.ts";
import type { Change, MailRecord, ZoneRecord } from "./zone.ts";

/** One step for each need, `keep` included. Never rejects over what the DNS says; `signal` ends open look-ups. */
export const plan = async (requirement: Requirement, resolve: Resolve, signal: AbortSignal): Promise<Change[]> => {
  const drafts = await Promise.all(needsOf(requirement).map((need) => draft(need, resolve, signal)));
  return settle(await besideWildcards(requirement.domain, drafts, resolve, signal));
};

type Unknown = { kind: "unknown"; reason: string };

/** What a receiver finds of a type at a name. */
type Found = {
  kind: "found";
  records: readonly MailRecord[];
  /** The name's own record, which led there; `isDead`: the name that it leads to is not there. */
  alias?: { record: ZoneRecord<"CNAME">; isDead: boolean };
};
const NOTHING: Found = { kind: "found", records: [] };

/** What one need comes to when it is looked at alone. */
type Draft = { need: Need } & (
  | Exclude<Verdict, { kind: "change" }>
  | (Extract<Verdict, { kind: "change" }> & { beside: readonly MailRecord[] })
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
      return { kind: "found", records, ...aliasOf(name, answer.aliases, false) };
    }
    case "nxdomain":
    case "nodata": {
      // A CNAME to where there is nothing answers like this too, and leaves no room for other records (RFC 1034 §3.6.2).
      const alias = await resolve(name, "CNAME", signal);
      if (alias.kind === "records") return { ...NOTHING, ...aliasOf(name, alias.records, answer.kind === "nxdomain") };
      return "reason" in alias ? { kind: "unknown", reason: alias.reason } : NOTHING;
    }
    case "servfail":
    case "timeout":
    case "refused":
      return { kind: "unknown", reason: answer.reason };
  }
};

const aliasOf = (name: string, [target]: readonly string[], isDead: boolean): Pick<Found, "alias"> =>
  target === undefined ? {} : { alias: { record: { name, type: "CNAME", data: target }, isDead } };

const draft = async (need: Need, resolve: Resolve, signal: AbortSignal): Promise<Draft> => {
  const live = await lookUp(need.name, need.type, resolve, signal);
  if (live.kind === "unknown") return { need, ...live };
  const drafted = await judge(need, live, resolve, signal);
  if (drafted.kind === "standing" || (live.records.length === 0 && !live.alias)) return drafted;
  // A wildcard stands aside for a record of the name itself: there is nothing to take away (RFC 4592 §3.3.1).
  const type = live.records.length > 0 ? need.type : "CNAME";
  if (!(await isByWildcard(need.name, type, resolve, signal))) return drafted;
  const given = need.keepsGiven ? { ...NOTHING, records: live.records } : NOTHING;
  const own = await judge(need, given, resolve, signal);
  return own.kind === "change" ? { ...own, from: [], beside: [] } : own;
};

const judge = async (need: Need, { records, alias }: Found, resolve: Resolve, signal: AbortSignal): Promise<Draft> => {
  const verdict = await need.judge(records, resolve, signal);
  switch (verdict.kind) {
    case "unknown":
      return { need, ...verdict };
    case "standing":
      return { need, ...verdict, ...(alias && verdict.record.name === need.name && { record: alias.record }) };
    case "conflict":
      return alias ? aliasConflict(need, alias.record) : { need, ...verdict };
    case "change":
      if (!alias) return { need, ...verdict, beside: records.filter((record) => !verdict.from.includes(record)) };
      return alias.isDead ? { need, ...verdict, from: [alias.record], beside: [] } : aliasConflict(need, alias.record);
  }
};

/** What the name is by its CNAME is the owner's, and all of it would go. */
const aliasConflict = (need: Need, alias: ZoneRecord<"CNAME">): Draft => {
  const text = `${need.name} is a CNAME to ${shown(alias.data)}, and nothing may stand beside a CNAME (RFC 1034 §3.6.2): the ${need.type} record that we need would take away what the name is now. ${need.instead}`;
  return { need, kind: "conflict", standing: [alias], text };
};

/** Once a record is published, a wildcard gives nothing any more to its name nor to those above it that only it made. */
const besideWildcards = async (
  domain: string,
  drafts: readonly Draft[],
  resolve: Resolve,
  signal: AbortSignal,
): Promise<Draft[]> => {
  const added = drafts.flatMap(({ kind, need: { name } }) => (kind === "change" ? [name] : []));
  if (added.length === 0) return [...drafts];
  const given = await givenByWildcard(domain, resolve, signal);
  if (given.length > 0) {
    const text = `${domain} has no records of its own: what it is now (${given.join(", ")}), a wildcard gives it, which stops as soon as any record stands there or below it (RFC 4592 §2.2.2). Give ${domain} those records itself, then plan again.`;
    return drafts.map((one) =>
      one.kind === "change" ? { need: one.need, kind: "conflict", standing: [], text } : one,
    );
  }
  return Promise.all(
    drafts.map(async (one): Promise<Draft> => {
      const { need } = one;
      if (one.kind !== "standing" || one.record.name !== need.name) return one;
      const shadowed = await Promise.all(added.map((name) => isShadowed(need, name, domain, resolve, signal)));
      return shadowed.includes(true) ? judge(need, NOTHING, resolve, signal) : one;
    }),
  );
};

/** What hinders one record of a name hinders its others; a CNAME takes all of its name along when it goes, once. */
const settle = (drafts: readonly Draft[]): Change[] => {
  const unknown = new Map<string, string>();
  const conflicts = new Map<string, string>();
  for (const one of drafts) {
    if (one.kind === "unknown") unknown.set(one.need.name, one.reason);
    if (one.kind === "conflict") conflicts.set(one.need.name, one.text);
  }
  const fallen = new Set<string>();
  return drafts.map(({ need: { purpose, name, type }, ...one }): Change => {
    switch (one.kind) {
      case "unknown":
      case "conflict":
        return { purpose, name, type, ...one };
      case "standing":
        return { purpose, ...one, kind: "keep" };
      case "change": {
        const { from, to, beside, caution } = one;
        const text = conflicts.get(name);
        if (text !== undefined) return { kind: "conflict", purpose, name, type, standing: [], text };
        const step = { purpose, to, beside, ...(caution !== undefined && { caution }) };
        if (from.every((record) => record.type !== "CNAME"))
          return from.length > 0 ? { kind: "replace", ...step, from } : { kind: "add", ...step };
        const reason = unknown.get(name);
        if (reason !== undefined) return { kind: "unknown", purpose, name, type, reason };
        if (fallen.has(name)) return { kind: "add", ...step };
        fallen.add(name);
        return { kind: "replace", ...step, from };
      }
    }
  });
};
