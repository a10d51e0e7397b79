/**
 * A plan over a zone given as data, its steps as lines: `+` is put there, `-` taken away, `=` stays, `x` may not be put
 * there, `?` is not known, `!` stays broken.
 */
import { expect, test } from "vitest";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import type { RecordType, Resolve } from "#dns/resolver.ts";
import { textOf, txtRecord, zoneResolver, type Change, type MailRecord, type Zone } from "#dns/zone.ts";

export const mx = (name: string, exchange: string, preference = 10): MailRecord => ({
  name,
  type: "MX",
  data: { preference, exchange },
});
export const cname = (name: string, data: string): MailRecord => ({ name, type: "CNAME", data });

const show = (record: MailRecord): string =>
  `${record.name} ${record.type}${record.type === "MX" ? ` ${record.data.preference}` : ""} ${textOf(record)}`;
export const steps = (changes: readonly Change[]): string[] =>
  changes.flatMap((change) => [...stepOf(change), ...("caution" in change ? [`! ${change.caution}`] : [])]);
const stepOf = (change: Change): string[] => {
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
    case "conflict":
      return [`x ${change.name} ${change.type}`];
  }
};

/** Our relays' own record: without it no other can be right. */
export const RELAY = txtRecord("spf.relay.test", "v=spf1 ip4:203.0.113.0/24 -all");

export const signal: AbortSignal = new AbortController().signal;
export const check = (
  title: string,
  requirement: Requirement,
  zone: Zone,
  expected: string[],
  failing: Record<string, RecordType[]> = {},
): void => {
  test(title, async () => {
    const whole = zoneResolver([...zone, RELAY], 60);
    const resolve: Resolve = async (name, type) =>
      failing[name]?.includes(type) ? { kind: "servfail", reason: "it is ill" } : whole(name, type);
    expect(steps(await plan(requirement, resolve, signal))).toEqual(expected);
  });
};
