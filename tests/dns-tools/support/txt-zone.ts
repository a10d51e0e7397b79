/**
 * A resolver over TXT records written as plain texts, with names that fail and names that are aliases.
 *
 * What is not in the zone is NXDOMAIN; what is has no other types.
 */
import type { RecordData, RecordType, Resolve } from "#dns/resolver.ts";

export type TxtEntry = readonly string[] | { alias: string } | { fails: "servfail" | "timeout" | "refused" };
export type TxtZone = { readonly [name: string]: TxtEntry };

/** `asked`: gets every question, `name type`. */
export const resolverOf = (zone: TxtZone, asked: string[] = []): Resolve => {
  const lookUp: Resolve = async (name, type) => {
    if (name.length > 253) throw new Error(`${name} is no name`);
    const entry = Object.hasOwn(zone, name) ? zone[name] : undefined;
    if (entry === undefined) return { kind: "nxdomain" };
    if ("fails" in entry) return { kind: entry.fails, reason: `${name} is ill` };
    if ("alias" in entry && type !== "CNAME") return lookUp(entry.alias, type);
    const records = recordsOf(entry)[type];
    if (!records || records.length === 0) return { kind: "nodata" };
    return { kind: "records", records, ttlSeconds: 300, authenticated: false, aliases: [] };
  };
  return (name, type, signal) => {
    asked.push(`${name} ${type}`);
    return lookUp(name, type, signal);
  };
};

const recordsOf = (entry: readonly string[] | { alias: string }): { [T in RecordType]?: RecordData[T][] } =>
  "alias" in entry ? { CNAME: [entry.alias] } : { TXT: entry.map((text) => [new TextEncoder().encode(text)]) };
