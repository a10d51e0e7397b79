/**
 * Names that only a wildcard answers for (RFC 4592), and what becomes of them when records are published.
 *
 * A record at a name, or below it, makes the name exist, and the wildcard gives it nothing any more: neither what was
 * wanted of it nor what the owner has by it. What cannot be found out counts as the name's own.
 */
import type { Answer, RecordType, Resolve } from "./resolver.ts";
import { PROBE_LABEL } from "./wildcard.ts";
import { parentOf } from "./zone.ts";

/**
 * Whether a wildcard gives the records of this type at a name: a name beside it that nobody has answers the same, and so
 * does one below it, which would not if the name existed (RFC 4592 §3.3.1).
 */
export const isByWildcard = async (
  name: string,
  type: RecordType,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<boolean> => {
  const parent = parentOf(name);
  if (parent === undefined) return false;
  const wild = keyOf(await resolve(`${PROBE_LABEL}.${parent}`, type, signal));
  if (wild === undefined) return false;
  const answers = await Promise.all([name, `${PROBE_LABEL}.${name}`].map((at) => resolve(at, type, signal)));
  return answers.every((answer) => keyOf(answer) === wild);
};

/** What an answer gives, a dead alias included; `undefined`: nothing. */
const keyOf = (answer: Answer<RecordType>): string | undefined => {
  if (answer.kind !== "records") return undefined;
  const records = answer.records.map((data) =>
    JSON.stringify(Array.isArray(data) ? data.map((octets) => [...octets]) : data),
  );
  return JSON.stringify([answer.aliases, records.toSorted()]).toLowerCase();
};

/** What people and mailers look for at a name. */
const SOUGHT = ["A", "AAAA", "MX", "TXT"] as const;

/** The types of which a wildcard gives a name its records; none: it exists, or nothing is there. */
export const givenByWildcard = async (name: string, resolve: Resolve, signal: AbortSignal): Promise<string[]> => {
  const given = await Promise.all(SOUGHT.map((type) => isByWildcard(name, type, resolve, signal)));
  return SOUGHT.filter((_, at) => given[at]);
};

/** Whether the wildcard that gives records of this type to `name` no longer would, were there one at `added`. */
export const isShadowed = async (
  { name, type }: { name: string; type: RecordType },
  added: string,
  domain: string,
  resolve: Resolve,
  signal: AbortSignal,
): Promise<boolean> => {
  const shared = commonAncestor(name, added);
  // RFC 4592 §3.3.1: the wildcard is found at the closest name that exists; up to the domain they all do.
  if (shared.length <= domain.length && shared !== name) return false;
  if (!(await isByWildcard(name, type, resolve, signal))) return false;
  return shared === name || isByWildcard(shared, type, resolve, signal);
};

/** The longest name that both are, or are below. */
const commonAncestor = (a: string, b: string): string => {
  const [as, bs] = [a.split(".").toReversed(), b.split(".").toReversed()];
  const differing = as.findIndex((label, at) => label !== bs[at]);
  return (differing < 0 ? as : as.slice(0, differing)).toReversed().join(".");
};
