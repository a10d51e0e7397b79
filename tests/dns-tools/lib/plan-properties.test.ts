/**
 * Plans over random zones: applied, they make everything hold; nothing in them is needless; a second one is empty; and
 * nothing of the owner's is touched that a step does not name. What holds is judged by what a receiver finds at each name,
 * by the policy that it discovers, and by counting.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareDkim, parseDkimRecord } from "#dns/dkim-record.ts";
import { discoverPolicy } from "#dns/dmarc-discovery.ts";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import { type RequiredRecord, sendingRecords } from "#dns/requirement.ts";
import { type Resolve, txtText } from "#dns/resolver.ts";
import {
  applyChange,
  isEdit,
  textOf,
  txtRecord,
  zoneResolver,
  type Change,
  type MailRecord,
  type Zone,
} from "#dns/zone.ts";

const DOMAIN = "d.test";
const SPF = "v=spf1 include:spf.relay.test ~all";
const RUA = "mailto:dmarc@relay.test";
const requirement: Requirement = {
  domain: DOMAIN,
  records: sendingRecords({
    returnPath: "send",
    selectors: [
      { selector: "s1", algorithm: "rsa-sha256", publicKeyBase64: "A".repeat(392) },
      { selector: "s2", algorithm: "ed25519-sha256", publicKeyBase64: "BBBB" },
    ],
    spf: "v=spf1 include:spf.relay.test ~all",
    bounceHost: "bounce.relay.test",
  }),
  apexSpf: "v=spf1 include:spf.relay.test ~all",
  dmarc: { policy: "quarantine", rua: RUA },
};
const signal = new AbortController().signal;

const TEXTS: readonly string[] = [
  SPF,
  "v=spf1 -all",
  "v=spf1 mx ?all",
  "v=spf1 ip4:192.0.2.0/24 include:other.test +all",
  "v=spf1 redirect=_spf.other.test",
  "v=spf1 -all include:spf.relay.test",
  "v=spf1 ~include:spf.relay.test a -all",
  "site-verification=abc",
  "v=spf10 -all",
  "",
  `v=DKIM1; k=rsa; p=${"A".repeat(392)}`,
  "v=DKIM1; k=rsa; p=AAAA",
  "v=DKIM1; k=ed25519; p=BBBB",
  "v=DKIM1; p=",
  "v=DMARC1; p=none",
  `v=DMARC1; p=reject; rua=${RUA}`,
  "v=DMARC1;p=quarantine;rua=mailto:a@d.test;",
  "v=DMARC1; p=reject; sp=none; p=none",
  "v=DMARC1",
];
const NAMES = [DOMAIN, "send.d.test", "s1._domainkey.d.test", "s2._domainkey.d.test", "_dmarc.d.test", "_dmarc.test"];
const TARGETS = ["a.other.test", "b.other.test"];

/** Octets as they come, behind what makes receivers read on. */
const octets = fc
  .record({ start: fc.constantFrom("", "v=spf1 ", "v=DMARC1;", "v=DKIM1;p="), rest: fc.uint8Array({ maxLength: 12 }) })
  .map(({ start, rest }) => [new TextEncoder().encode(start), rest]);
const txt = fc
  .record({
    name: fc.constantFrom(...NAMES, ...TARGETS),
    data: fc.oneof({ arbitrary: fc.constantFrom(...TEXTS).map((text) => txtRecord("", text).data), weight: 5 }, octets),
  })
  .map((record): MailRecord => ({ ...record, type: "TXT" }));
const mx = fc
  .record({
    name: fc.constantFrom(DOMAIN, "send.d.test", ...TARGETS),
    exchange: fc.constantFrom("bounce.relay.test", "Bounce.Relay.Test", "mail.other.test", "."),
    preference: fc.nat({ max: 20 }),
  })
  .map(({ name, ...data }): MailRecord => ({ name, type: "MX", data }));
const cname = fc
  .record({ name: fc.constantFrom(...NAMES.slice(1)), data: fc.constantFrom(...TARGETS, "nowhere.other.test") })
  .map((record): MailRecord => ({ ...record, type: "CNAME" }));
/** Texts of their own: a record that is the twin of a wildcard looks like it. */
const wildcard = fc.constantFrom<MailRecord>(
  txtRecord("*.d.test", "v=spf1 a:park.test -all"),
  txtRecord("*.d.test", "parked"),
  txtRecord("*._domainkey.d.test", "v=DKIM1; p=PARKED"),
  { name: "*.d.test", type: "MX", data: { preference: 1, exchange: "park.test" } },
  { name: "*.d.test", type: "CNAME", data: "park.other.test" },
);

/** RFC 1034 §3.6.2: nothing stands beside a CNAME; records are not there twice (RFC 2181 §5). */
const isLegal = (record: MailRecord, at: number, records: readonly MailRecord[]): boolean => {
  const before = records.slice(0, at).filter(({ name }) => name === record.name);
  if (record.type === "CNAME") return before.length === 0;
  return !before.some(
    (other) => other.type === "CNAME" || (other.type === record.type && textOf(other) === textOf(record)),
  );
};
const zones = fc
  .array(fc.oneof({ arbitrary: txt, weight: 5 }, { arbitrary: mx, weight: 2 }, cname, wildcard), { maxLength: 16 })
  .map((records): MailRecord[] => {
    const legal: MailRecord[] = [];
    for (const record of records) if (isLegal(record, legal.length, [...legal, record])) legal.push(record);
    return legal;
  });

const resolving = (zone: Zone): Resolve => zoneResolver(zone, 60);
const texts = async (zone: Zone, name: string, start: string): Promise<string[]> => {
  const answer = await resolving(zone)(name, "TXT");
  if (answer.kind !== "records") return [];
  return answer.records
    .map((data) => textOf({ name, type: "TXT", data }))
    .filter((text) => text === start || text.startsWith(`${start} `) || text.startsWith(`${start};`));
};

/** RFC 7208 §4.5: one record of the version; §5.1: what stands behind a qualifier other than `+`, or `all`, is not ours. */
const isRightSpf = ([spf, ...others]: readonly string[]): boolean =>
  spf !== undefined && others.length === 0 && /^[^?~-]* include:spf\.relay\.test/.test(spf);

const hostKey = (host: string): string => host.replace(/\.$/, "").toLowerCase();

const stands = async (zone: Zone, { purpose, name: label, type, value }: RequiredRecord): Promise<boolean> => {
  const name = `${label}.${DOMAIN}`;
  if (type === "MX") {
    const answer = await resolving(zone)(name, "MX");
    return answer.kind === "records" && answer.records.some(({ exchange }) => hostKey(exchange) === hostKey(value));
  }
  if (purpose === "SPF") return isRightSpf(await texts(zone, name, "v=spf1"));
  const answer = await resolving(zone)(name, "TXT");
  const ours = parseDkimRecord(value);
  return (
    ours.kind === "key" &&
    answer.kind === "records" &&
    compareDkim(ours.key, answer.records.map(txtText)).kind === "same"
  );
};

/** Whether all that is required stands, as a receiver finds it, in a zone that a host would take. */
const holds = async (zone: Zone): Promise<boolean> => {
  const aliases = zone.filter(({ type }) => type === "CNAME");
  if (aliases.some((alias) => zone.some((record) => record !== alias && record.name === alias.name))) return false;
  const standing = await Promise.all(requirement.records.map((record) => stands(zone, record)));
  if (standing.includes(false) || !isRightSpf(await texts(zone, DOMAIN, "v=spf1"))) return false;
  const policy = await discoverPolicy(DOMAIN, resolving(zone));
  if (policy.kind !== "policy") return false;
  // Broken ones of its own are discarded, so that the one above holds; they are to be mended all the same.
  const own = policy.walk.steps[0]?.found.kind;
  if (own === "several" || own === "malformed") return false;
  const { p, sp, rua } = policy.found.record;
  const applied = policy.from === "domain" ? p : (sp ?? p);
  return (applied === "quarantine" || applied === "reject") && rua.some(({ uri }) => uri === RUA);
};

const applyAll = (zone: Zone, changes: readonly Change[]): Zone => changes.reduce(applyChange, zone);
const RUNS = { numRuns: 1000 };

test("applied, everything holds, and a second plan keeps all of it", async () => {
  await fc.assert(
    fc.asyncProperty(zones, async (zone) => {
      const applied = applyAll(zone, await plan(requirement, resolving(zone), signal));
      expect(await holds(applied)).toBe(true);
      const second = await plan(requirement, resolving(applied), signal);
      expect(second.filter(({ kind }) => kind !== "keep")).toEqual([]);
      expect(second.length).toBe(6);
    }),
    RUNS,
  );
});

test("no step is needless", async () => {
  let edits = 0;
  await fc.assert(
    fc.asyncProperty(zones, async (zone) => {
      const changes = await plan(requirement, resolving(zone), signal);
      for (const needless of changes.filter(isEdit)) {
        edits += 1;
        const rest = changes.filter((change) => change !== needless);
        expect(await holds(applyAll(zone, rest)), JSON.stringify(needless)).toBe(false);
      }
    }),
    RUNS,
  );
  expect(edits).toBeGreaterThan(RUNS.numRuns);
});

test("what a step does not name stays; what it takes away was there; a set is told whole", async () => {
  await fc.assert(
    fc.asyncProperty(zones, async (zone) => {
      const changes = await plan(requirement, resolving(zone), signal);
      const gone = changes.flatMap((change) => (change.kind === "replace" ? change.from : []));
      for (const record of gone) expect(zone).toContainEqual(record);
      expect(new Set(gone).size).toBe(gone.length);
      const applied = applyAll(zone, changes);
      for (const record of zone)
        if (!gone.includes(record))
          expect(applied.includes(record) || gone.some((other) => textOf(other) === textOf(record))).toBe(true);
      for (const { to, beside } of changes.filter(isEdit)) {
        const set = applied.filter(({ name, type }) => name === to.name && type === to.type);
        expect(set.length).toBe(beside.length + 1);
        expect(set).toEqual(expect.arrayContaining([to, ...beside]));
      }
    }),
    RUNS,
  );
});

test("look-ups that fail: nothing is put where it is not known what stands, and no second SPF or DMARC record", async () => {
  const failures = fc.subarray(
    NAMES.flatMap((name) => (["TXT", "MX", "CNAME"] as const).map((type) => `${name} ${type}`)),
  );
  await fc.assert(
    fc.asyncProperty(zones, failures, async (zone, failing) => {
      const whole = resolving(zone);
      const resolve: Resolve = async (name, type) =>
        failing.includes(`${name} ${type}`) ? { kind: "timeout", reason: "nobody answered" } : whole(name, type);
      const changes = await plan(requirement, resolve, signal);
      for (const change of changes.filter(isEdit)) expect(failing).not.toContain(`${change.to.name} ${change.to.type}`);
      const applied = applyAll(zone, changes);
      for (const name of NAMES)
        for (const version of ["v=spf1", "v=DMARC1"]) {
          const now = (await texts(applied, name, version)).length;
          expect(now).toBeLessThanOrEqual(Math.max(1, (await texts(zone, name, version)).length));
        }
    }),
    RUNS,
  );
});
