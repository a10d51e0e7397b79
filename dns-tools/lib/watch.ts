/**
 * A domain watched: what changed between one check and another, told once it is sure.
 *
 * DNS answers come late to some resolvers and wrong from a few, so a change counts when two checks in a row saw the
 * same, each by another resolver where there are two. What could not be found out is no news in either direction: no
 * fault, and no proof that one is mended. When to check again is the caller's; nothing waits here.
 */
import type { DomainReport } from "./check.ts";
import type { FindingCode, FindingStatus } from "./finding.ts";

/** One check, and whose answers it rests on. */
export type Observation = { report: DomainReport; resolver: string };

export type Watch = {
  /** How many resolvers take turns. */
  resolvers: number;
  /** What is sure; absent: nothing yet. */
  sure?: Sure;
  /** Seen once, other than what is sure. */
  candidate?: { seen: Seen; resolver: string };
};

/** `beside`: what could not be found out when all of `seen` was there to see: none of that hides any of it. */
type Sure = { seen: Seen; beside: ReadonlySet<string> };
/** Statuses by code and name. What passes is left out: that something is right again is that its fault is gone. */
type Seen = ReadonlyMap<string, Trouble>;
export type Trouble = { code: FindingCode; name: string; status: FindingStatus; text: string };

/** `mended` of what the first look could not find out: it is known now, and what is wrong with it is told beside. */
export type WatchChange =
  | { kind: "broken"; trouble: Trouble }
  | { kind: "mended"; trouble: Trouble }
  | { kind: "first"; troubles: Trouble[] };

/** The watch after an observation, and what is now sure to have changed since the last change told. */
export const observe = (
  watch: Watch,
  { report, resolver }: Observation,
): { watch: Watch; changes: readonly WatchChange[] } => {
  const { resolvers, sure, candidate } = watch;
  const found = troublesOf(report);
  const unknowns = new Set([...found].flatMap(([key, { status }]) => (status === "indeterminate" ? [key] : [])));
  const seen = sure ? asFarAsKnown(sure, found, unknowns) : found;
  const isWhole = [...seen.keys()].every((key) => found.has(key));
  const now: Sure = { seen, beside: sure && !isWhole ? sure.beside : unknowns };
  if (sure && isSame(sure.seen, seen)) return { watch: { resolvers, sure: now }, changes: [] };
  const isConfirmed =
    candidate !== undefined && isSame(candidate.seen, seen) && (resolvers < 2 || candidate.resolver !== resolver);
  if (isConfirmed) return { watch: { resolvers, sure: now }, changes: changesBetween(sure?.seen, seen) };
  return { watch: { resolvers, ...(sure && { sure }), candidate: { seen, resolver } }, changes: [] };
};

const troublesOf = ({ findings }: DomainReport): Seen =>
  new Map(
    findings
      .filter(({ status }) => status !== "pass" && status !== "not_applicable")
      .map(({ code, name, status, text }) => [`${code} ${name} ${status}`, { code, name, status, text }]),
  );

/** What was found and is news, and of what is sure that which something unknown may hide. */
const asFarAsKnown = ({ seen, beside }: Sure, found: Seen, unknowns: ReadonlySet<string>): Seen => {
  const news = [...found].filter(([key, { status }]) => status !== "indeterminate" || seen.has(key));
  const isHiding = [...unknowns].some((key) => !beside.has(key));
  return new Map([...(isHiding ? seen : []), ...news]);
};

const isSame = (a: Seen, b: Seen): boolean => a.size === b.size && [...a.keys()].every((key) => b.has(key));

const changesBetween = (before: Seen | undefined, now: Seen): WatchChange[] => {
  if (!before) return [{ kind: "first", troubles: [...now.values()] }];
  const onlyIn = (one: Seen, other: Seen): Trouble[] =>
    [...one].flatMap(([key, trouble]) => (other.has(key) ? [] : [trouble]));
  return [
    ...onlyIn(now, before).map((trouble): WatchChange => ({ kind: "broken", trouble })),
    ...onlyIn(before, now).map((trouble): WatchChange => ({ kind: "mended", trouble })),
  ];
};
