/**
 * Plans over random zones: applied, the check of the whole domain finds nothing wrong that the plan did not name; no part
 * of a plan would do as well; a second plan has nothing to do; what is not named stays. The judge is `checkDomain`.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkDomain } from "#dns/check.ts";
import { discoverPolicy, requestedPolicy } from "#dns/dmarc-discovery.ts";
import { isAsStrict, reportsTo, type DmarcWish } from "#dns/dmarc-merge.ts";
import type { DmarcPolicy } from "#dns/dmarc.ts";
import type { Finding } from "#dns/finding.ts";
import { plan } from "#dns/plan.ts";
import type { Resolve } from "#dns/resolver.ts";
import { walkSpf } from "#dns/spf-cost.ts";
import { letsSend } from "#dns/spf-reach.ts";
import { spfTermsOf } from "#dns/spf-wanted.ts";
import { sendingRequirement, type PublishingDomain } from "#dns/sending-requirement.ts";
import { applyChange, isEdit, textOf, zoneResolver, type Change, type Zone, type ZoneRecord } from "#dns/zone.ts";
import { isLegal, SENDERS, wishes, WORLD, zones } from "../support/plan-zones.ts";

const signal = new AbortController().signal;
const resolving = (zone: Zone): Resolve => zoneResolver([...zone, ...WORLD], 60);
const applyAll = (zone: Zone, changes: readonly Change[]): Zone => changes.reduce(applyChange, zone);
const planFor = (sending: PublishingDomain, wish: DmarcWish, resolve: Resolve): Promise<Change[]> =>
  plan(sendingRequirement(sending, wish), resolve, signal);

const scenes = fc.record({ sending: fc.constantFrom(...SENDERS), wish: wishes, zone: zones });
const RUNS = { numRuns: 600 };

/** What is wrong with the domain as a sender; its own mail, in which plans have no part, left out. */
const faultsOf = async (sending: PublishingDomain, zone: Zone): Promise<Finding[]> => {
  const { findings } = await checkDomain(sending, new Set(["test"]), resolving(zone));
  const isOwnMail = ({ code, name }: Finding): boolean =>
    /^(?:mx|receiving)\./.test(code) && (name === sending.domain || sending.returnPath === sending.domain);
  return findings.filter((finding) => finding.status === "fail" && !isOwnMail(finding));
};

const nameOf = (change: Change): string =>
  change.kind === "conflict" || change.kind === "unknown"
    ? change.name
    : "to" in change
      ? change.to.name
      : change.record.name;

/** Whether the plan told of it: by a step at that name, in those words, or by one that its cause is left to. */
const isNamed = ({ code, name, text }: Finding, changes: readonly Change[]): boolean =>
  changes
    .filter((change) => !isSettled(change))
    .some((change) => {
      if (nameOf(change) === name || ("caution" in change && change.caution?.includes(text))) return true;
      // What is wrong further down in a record that is left alone, and what follows for the From, is found at other names.
      const [group = ""] = name.startsWith("_dmarc.") ? ["dmarc"] : code.split(".");
      return change.kind === "conflict" && (group === "align" || group === change.purpose.toLowerCase());
    });
const isSettled = (change: Change): boolean =>
  change.kind !== "conflict" && change.kind !== "unknown" && change.caution === undefined;

test("applied, all is well that the plan does not name; a second plan has nothing to do", async () => {
  let green = 0;
  await fc.assert(
    fc.asyncProperty(scenes, async ({ sending, wish, zone }) => {
      const changes = await planFor(sending, wish, resolving(zone));
      const applied = applyAll(zone, changes);
      expect(isLegal(applied)).toBe(true);
      const faults = await faultsOf(sending, applied);
      expect(faults.filter((fault) => !isNamed(fault, changes))).toEqual([]);
      if (changes.every(isSettled)) green += 1;
      const second = await planFor(sending, wish, resolving(applied));
      expect(second.filter(isEdit)).toEqual([]);
      expect(second.map(isSettled)).toEqual(changes.map(isSettled));
    }),
    RUNS,
  );
  expect(green).toBeGreaterThan(RUNS.numRuns / 10);
});

/** Whether the policy that receivers find is as wished, and is one that they can read. */
const isAsWished = async (domain: string, wish: DmarcWish, zone: Zone): Promise<boolean> => {
  const found = await discoverPolicy(domain, resolving(zone));
  // A broken one of its own is discarded, so that the one above holds; it is to be mended all the same.
  const own = found.walk.steps[0]?.found.kind;
  if (found.kind !== "policy" || found.from === "suffix" || own === "several" || own === "malformed") return false;
  const { record, faults } = found.found;
  const isReadable = !faults.some((fault) => fault.kind === "bad-value" && ["p", "sp", "np"].includes(fault.tag));
  const policy = found.from === "domain" ? record.p : (record.sp ?? record.p);
  return isReadable && policy !== undefined && isAsStrict(policy, wish.policy) && reportsTo(record, wish.rua);
};

/** Whether our relays pass; plan-senders.test.ts proves `letsSend` by an evaluator that is not ours. */
const letsUsSend = async ({ returnPath, ...wanted }: PublishingDomain, zone: Zone): Promise<boolean> =>
  letsSend(await walkSpf(returnPath, resolving(zone)), spfTermsOf(wanted)) === "yes";

type State = { legal: boolean; sends: boolean; wished: boolean; faults: string[] };

const subsetsOf = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: 2 ** items.length - 1 }, (_, set) => items.filter((_item, at) => (set >> at) % 2 === 1));

test("no part of a plan does as well", async () => {
  let parts = 0;
  await fc.assert(
    fc.asyncProperty(scenes, async ({ sending, wish, zone }) => {
      const changes = await planFor(sending, wish, resolving(zone));
      const stateOf = async (edits: readonly Change[]): Promise<State> => {
        const applied = applyAll(zone, edits);
        const faults = (await faultsOf(sending, applied)).map(({ code, name }) => `${code} ${name}`);
        const wished = await isAsWished(sending.domain, wish, applied);
        return { legal: isLegal(applied), sends: await letsUsSend(sending, applied), wished, faults };
      };
      const edits = changes.filter(isEdit);
      const whole = await stateOf(edits);
      for (const part of subsetsOf(edits)) {
        parts += 1;
        const { legal, sends, wished, faults } = await stateOf(part);
        const isNewlyWrong = faults.some((fault) => !whole.faults.includes(fault));
        const isWorse = !legal || isNewlyWrong || (whole.sends && !sends) || (whole.wished && !wished);
        expect(isWorse, JSON.stringify(part.map(nameOf))).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
  expect(parts).toBeGreaterThan(200);
});

test("what a step does not name stays; what it takes away was there; a set is told whole", async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async ({ sending, wish, zone }) => {
      const changes = await planFor(sending, wish, resolving(zone));
      const gone = changes.flatMap((change) => (change.kind === "replace" ? change.from : []));
      for (const record of gone) expect(zone).toContainEqual(record);
      expect(new Set(gone).size).toBe(gone.length);
      const applied = applyAll(zone, changes);
      const isGone = (record: ZoneRecord): boolean =>
        gone.some((other) => other.name === record.name && other.type === record.type);
      for (const record of zone) if (!isGone(record)) expect(applied).toContain(record);
      for (const { to, beside } of changes.filter(isEdit)) {
        const set = applied.filter(({ name, type }) => name === to.name && type === to.type);
        expect(set.length).toBe(beside.length + 1);
        expect(set).toEqual(expect.arrayContaining([to, ...beside]));
      }
    }),
    RUNS,
  );
});

const LEVELS: readonly DmarcPolicy[] = ["none", "quarantine", "reject"];

test("the policy that receivers apply is never milder than before, nor stricter but as wished", async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async ({ sending: { domain, ...sending }, wish, zone }) => {
      const levelIn = async (at: Zone): Promise<number> => {
        const found = await discoverPolicy(domain, resolving(at));
        const asked = found.kind === "policy" ? await requestedPolicy(domain, found, resolving(at)) : undefined;
        return asked?.kind === "policy" ? LEVELS.indexOf(asked.policy) : 0;
      };
      const before = await levelIn(zone);
      const changes = await planFor({ domain, ...sending }, wish, resolving(zone));
      const after = await levelIn(applyAll(zone, changes));
      expect(after).toBeGreaterThanOrEqual(before);
      // What its owner has written and receivers discard is to be mended, and then holds.
      const own = (await discoverPolicy(domain, resolving(zone))).walk.steps[0]?.found.kind;
      if (own === "several" || own === "malformed") return;
      expect(after).toBeLessThanOrEqual(Math.max(before, LEVELS.indexOf(wish.policy)));
    }),
    RUNS,
  );
});

const NAMES = [
  "d.test",
  "send.d.test",
  "s1._domainkey.d.test",
  "s2._domainkey.d.test",
  "_dmarc.d.test",
  "spf.relay.test",
];

test("look-ups that fail: nothing is put where it is not known what stands, and no second SPF or DMARC record", async () => {
  const failures = fc.subarray(
    NAMES.flatMap((name) => (["TXT", "MX", "CNAME"] as const).map((type) => `${name} ${type}`)),
  );
  const textsAt = async (zone: Zone, name: string, start: string): Promise<string[]> => {
    const answer = await resolving(zone)(name, "TXT");
    const found = answer.kind === "records" ? answer.records.map((data) => textOf({ name, type: "TXT", data })) : [];
    return found.filter((words) => words === start || words.startsWith(`${start} `) || words.startsWith(`${start};`));
  };
  await fc.assert(
    fc.asyncProperty(scenes, failures, async ({ sending, wish, zone }, failing) => {
      const whole = resolving(zone);
      const resolve: Resolve = async (name, type) =>
        failing.includes(`${name} ${type}`) ? { kind: "timeout", reason: "nobody answered" } : whole(name, type);
      const changes = await planFor(sending, wish, resolve);
      for (const change of changes.filter(isEdit)) expect(failing).not.toContain(`${change.to.name} ${change.to.type}`);
      const applied = applyAll(zone, changes);
      for (const name of NAMES)
        for (const version of ["v=spf1", "v=DMARC1"]) {
          const now = (await textsAt(applied, name, version)).length;
          expect(now).toBeLessThanOrEqual(Math.max(1, (await textsAt(zone, name, version)).length));
        }
    }),
    RUNS,
  );
});
