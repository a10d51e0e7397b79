/** A plan over a zone given as data, its steps as lines: `+` is put there, `-` taken away, `=` stays, `?` is not known. */
import { expect, test } from "vitest";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import type { RecordType, Resolve } from "#dns/resolver.ts";
import { textOf, zoneResolver, type Change, type MailRecord, type Zone } from "#dns/zone.ts";

export const mx = (name: string, exchange: string, preference = 10): MailRecord => ({
  name,
  type: "MX",
  data: { preference, exchange },
});
export const cname = (name: string, data: string): MailRecord => ({ name, type: "CNAME", data });

const show = (record: MailRecord): string =>
  `${record.name} ${record.type}${record.type === "MX" ? ` ${record.data.preference}` : ""} ${textOf(record)}`;
const steps = (changes: readonly Change[]): string[] =>
  changes.flatMap((change) => {
    switch (change.kind) {
      case "keep":
        return [`= ${show(change.record)}`];
      case "unknown":
        return [`? ${change.name} ${change.type} ${change.reason}`];
      case "add":
        return [`+ ${show(change.to)}`, ...change.beside.map((record) => `  beside ${show(record)}`)];
      case "replace":
        return [
          ...change.from.map((record) => `- ${show(record)}`),
          `+ ${show(change.to)}`,
          ...change.beside.map((record) => `  beside ${show(record)}`),
        ];
    }
  });

export const signal: AbortSignal = new AbortController().signal;
export const check = (
  title: string,
  requirement: Requirement,
  zone: Zone,
  expected: string[],
  failing: Record<string, RecordType[]> = {},
): void => {
  test(title, async () => {
    const whole = zoneResolver(zone, 60);
    const resolve: Resolve = async (name, type) =>
      failing[name]?.includes(type) ? { kind: "servfail", reason: "it is ill" } : whole(name, type);
    expect(steps(await plan(requirement, resolve, signal))).toEqual(expected);
  });
};
