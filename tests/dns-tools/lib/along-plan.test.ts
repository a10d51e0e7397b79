/**
 * What a check says is to be published and what the plan does at the same name never contradict, whatever stands there
 * and whatever look-ups fail.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { alongPlan } from "#dns/along-plan.ts";
import { checkDomain } from "#dns/check.ts";
import type { DmarcWish } from "#dns/dmarc-merge.ts";
import type { Finding } from "#dns/finding.ts";
import { plan } from "#dns/plan.ts";
import type { Resolve } from "#dns/resolver.ts";
import { sendingRequirement, type PublishingDomain } from "#dns/sending-requirement.ts";
import { isEdit, textOf, txtRecord as txt, zoneResolver, type Change, type Edit, type Zone } from "#dns/zone.ts";
import { SENDERS, wishes, WORLD, zones } from "../support/plan-zones.ts";
import { ED25519, OTHER_RSA_2048, RSA_2048 } from "../support/public-keys.ts";
import { cname, mx } from "./plan-steps.ts";

type Seen = { changes: Change[]; findings: Finding[] };

const look = async (sending: PublishingDomain, wish: DmarcWish, resolve: Resolve): Promise<Seen> => {
  const { signal } = new AbortController();
  const changes = await plan(sendingRequirement(sending, wish), resolve, signal);
  const { findings } = await checkDomain({ ...sending, dmarc: wish }, new Set(["test"]), resolve);
  return { changes, findings };
};

const placeOf = (change: Change): string => {
  const { name, type } = isEdit(change) ? change.to : change.kind === "keep" ? change.record : change;
  return `${name} ${type}`;
};
/** Which record a finding is about; what it says of hosts and of other records is not the plan's. */
const placeOfFinding = ({ code, name, fix = "" }: Finding): string =>
  `${name} ${code.startsWith("mx.") || /^\d+ /.test(fix) ? "MX" : "TXT"}`;

/**
 * What a check does not tell at the place itself: a wish; that what a wildcard gives goes away with the plan's other
 * records; what follows from a fault further down in an SPF tree, which is told there; and that a macro may be the one
 * look-up without an answer too many, for which the plan puts ours in front.
 */
const isLeftToOthers = (change: Edit, about: readonly Finding[], all: readonly Finding[]): boolean =>
  change.purpose === "DMARC" ||
  (change.purpose === "SPF" && textOf(change.to).includes("%{")) ||
  (change.kind === "add" && about.every(({ status }) => status !== "fail")) ||
  all.some(({ status, code, name }) => status === "fail" && code.startsWith("spf.") && !placesOf(about).includes(name));
const placesOf = (findings: readonly Finding[]): string[] => findings.map(({ name }) => name);

const expectAgreement = ({ changes, findings }: Seen): void => {
  for (const change of changes) {
    const about = findings.filter((finding) => placeOfFinding(finding) === placeOf(change));
    const failing = about.filter(({ status }) => status === "fail");
    const toPaste = about.filter(({ fix }) => fix !== undefined);
    switch (change.kind) {
      case "add":
      case "replace":
        for (const finding of failing) expect(finding, finding.text).toHaveProperty("fix");
        if (!isLeftToOthers(change, about, findings))
          expect(toPaste.length, `nothing to paste at ${placeOf(change)}`).toBeGreaterThan(0);
        break;
      case "conflict":
        expect(toPaste).toEqual([]);
        for (const { text } of failing) expect(text).toContain(change.text);
        break;
      case "unknown":
        expect(toPaste).toEqual([]);
        break;
      case "keep":
        // What is advised for a record that stays is no part of the plan; what fails by it, the plan tells too.
        if (change.caution === undefined) expect(failing).toEqual([]);
    }
  }
};

const scenes = fc.record({ sending: fc.constantFrom(...SENDERS), wish: wishes, zone: zones });

test("over random zones", async () => {
  const met = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(scenes, async ({ sending, wish, zone }) => {
      const seen = await look(sending, wish, zoneResolver([...zone, ...WORLD], 60));
      expectAgreement(seen);
      for (const { kind } of seen.changes) met.set(kind, (met.get(kind) ?? 0) + 1);
    }),
    { numRuns: 1000 },
  );
  for (const kind of ["add", "replace", "conflict", "keep"]) expect(met.get(kind), kind).toBeGreaterThan(100);
});

const NAMES = ["d.test", "send.d.test", "s1._domainkey.d.test", "_dmarc.d.test", "spf.relay.test", "mail.other.test"];
const TYPES = ["TXT", "MX", "CNAME", "A"] as const;

test("where look-ups fail", async () => {
  const failures = fc.subarray(NAMES.flatMap((name) => TYPES.map((type) => `${name} ${type}`)));
  await fc.assert(
    fc.asyncProperty(scenes, failures, async ({ sending, wish, zone }, failing) => {
      const whole = zoneResolver([...zone, ...WORLD], 60);
      const resolve: Resolve = async (name, type) =>
        failing.includes(`${name} ${type}`) ? { kind: "timeout", reason: "nobody answered" } : whole(name, type);
      expectAgreement(await look(sending, wish, resolve));
    }),
    { numRuns: 400 },
  );
});

const [BELOW] = SENDERS;
const KEY = `v=DKIM1; k=rsa; p=${RSA_2048}`;
const ED = `v=DKIM1; k=ed25519; p=${ED25519}`;
const OTHER_KEY = `v=DKIM1; k=rsa; p=${OTHER_RSA_2048}`;

/** The one finding with this code over a zone; `fix` is what is to be pasted, `undefined`: nothing. */
const check = (code: string, zone: Zone, text: RegExp, fix?: string, failing?: string): void => {
  test(`${code}: ${text.source}`, async () => {
    if (!BELOW) throw new Error("there are senders");
    const whole = zoneResolver([...zone, ...WORLD], 60);
    const resolve: Resolve = async (name, type) =>
      failing === `${name} ${type}` ? { kind: "timeout", reason: "nobody answered" } : whole(name, type);
    const { findings } = await look(BELOW, { policy: "none" }, resolve);
    const [found] = findings.filter((finding) => finding.code === code && finding.status !== "pass");
    expect(found?.text).toMatch(text);
    expect(found?.fix).toBe(fix);
  });
};

const S1 = "s1._domainkey.d.test";
check(
  "dkim.mismatch",
  [txt(S1, OTHER_KEY)],
  /is not the one we sign with .*, so signatures fail\. At s1\._domainkey\.d\.test stands a key that is not ours .* Or delete it, if nobody signs with it any more\.$/,
);
check(
  "dkim.multiple",
  [txt(S1, OTHER_KEY), txt(S1, KEY)],
  /^2 TXT records at .* any one\. At .* stands a key that is not/,
);
check("dkim.multiple", [txt(S1, "text"), txt(S1, KEY)], /Delete the record starting `text`\.$/, KEY);
check("dkim.missing", [txt("s2._domainkey.d.test", ED)], /Publish the record below there\.$/, KEY);
check(
  "spf.missing",
  [cname("send.d.test", "host.test")],
  /^send\.d\.test has no SPF record, .* forgeries\. send\.d\.test is a CNAME to host\.test, and nothing may stand beside/,
);
check(
  "spf.syntax",
  [txt("send.d.test", "v=spf1 a ip4:300.1.1.1 -all")],
  /^The SPF record of send\.d\.test is wrong at `ip4:300\.1\.1\.1` at character 10: [^.]*\. Receivers must answer permerror whatever/,
);
check(
  "mx.bounce-host",
  [mx("send.d.test", "mail.other.test")],
  /so bounces of our mail do not reach us\. Mail to send\.d\.test goes to mail\.other\.test by its MX, which we leave untouched/,
);
check(
  "mx.missing",
  [mx("d.test", "mail.other.test"), cname("send.d.test", "host.test")],
  /has no MX record, .* send\.d\.test is a CNAME to host\.test/,
);
check(
  "spf.missing",
  [],
  /forgeries\. What stands at send\.d\.test could not all be looked up \(nobody answered\), so publish nothing there yet\. Check again later\.$/,
  undefined,
  "send.d.test CNAME",
);
check(
  "spf.not-authorised",
  [txt("send.d.test", "v=spf1 include:%{i}.macro.test ~all")],
  /depends on the message .* Publish the record below to be sure\.$/,
  "v=spf1 include:spf.relay.test include:%{i}.macro.test ~all",
);
check(
  "spf.neutral-all",
  [txt("send.d.test", "v=spf1 include:spf.relay.test ?all")],
  /Replace it with `~all`\.$/,
  "v=spf1 include:spf.relay.test ~all",
);

test("of a domain of which too little is known, and where nothing is wrong, nothing changes", async () => {
  const nobody = {
    domain: "d.test",
    returnPath: "send.e.test",
    selectors: [{ selector: "s1" }],
    includes: [],
    addresses: [],
  };
  const asked: string[] = [];
  const resolve: Resolve = async (name) => {
    asked.push(name);
    return { kind: "nxdomain" };
  };
  const finding = { name: "send.e.test", text: "Publish it.", fix: "x", evidence: [], rfc: "" } as const;
  const wrong: Finding[] = [{ ...finding, code: "spf.missing", status: "fail" }];
  expect(await alongPlan(nobody, wrong, resolve)).toEqual(wrong);
  const right: Finding[] = [{ ...finding, code: "spf.lookups", status: "pass" }];
  expect(await alongPlan({ ...nobody, includes: ["spf.relay.test"] }, right, resolve)).toEqual(right);
  expect(asked).toEqual([]);
});
