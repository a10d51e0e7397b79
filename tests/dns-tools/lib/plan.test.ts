/** Plans for the records of sending, over zones given as data: the steps, one by one. */
import { describe, expect, test } from "vitest";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import { sendingRecords } from "#dns/requirement.ts";
import type { Resolve } from "#dns/resolver.ts";
import { txtRecord as txt, zoneResolver, type Zone } from "#dns/zone.ts";
import { check, cname, mx, signal } from "./plan-steps.ts";

const SPF = "v=spf1 include:spf.relay.test ~all";
const KEY = "v=DKIM1; k=rsa; p=AAAABBBB";
const sending: Requirement = {
  domain: "d.test",
  records: sendingRecords({
    returnPath: "send",
    selectors: [{ selector: "s1", algorithm: "rsa-sha256", publicKeyBase64: "AAAABBBB" }],
    spf: "v=spf1 include:spf.relay.test ~all",
    bounceHost: "bounce.relay.test",
  }),
};
const apex: Requirement = { domain: "d.test", records: [], apexSpf: "v=spf1 include:spf.relay.test ~all" };
const everything: Requirement = { ...apex, ...sending, dmarc: { policy: "none" } };

const NAMES = {
  mx: "send.d.test MX 10 bounce.relay.test",
  spf: `send.d.test TXT ${SPF}`,
  key: `s1._domainkey.d.test TXT ${KEY}`,
};
const ALL_ADDED = [`+ ${NAMES.mx}`, `+ ${NAMES.spf}`, `+ ${NAMES.key}`];
const published: Zone = [
  mx("send.d.test", "bounce.relay.test"),
  txt("send.d.test", SPF),
  txt("s1._domainkey.d.test", KEY),
];

describe("records of sending", () => {
  check("an empty zone", sending, [], ALL_ADDED);
  check("other names do not matter", sending, [txt("d.test", "v=spf1 -all"), mx("d.test", "mail.test")], ALL_ADDED);
  check("published", sending, published, [`= ${NAMES.mx}`, `= ${NAMES.spf}`, `= ${NAMES.key}`]);
  check(
    "others in their places",
    sending,
    [
      mx("send.d.test", "old.test", 5),
      mx("send.d.test", "older.test", 20),
      txt("send.d.test", "site=abc"),
      txt("send.d.test", "v=spf1 mx -all"),
      txt("s1._domainkey.d.test", "v=DKIM1; p=CCCC"),
      txt("s1._domainkey.d.test", KEY),
    ],
    [
      "- send.d.test MX 5 old.test",
      "- send.d.test MX 20 older.test",
      `+ ${NAMES.mx}`,
      "- send.d.test TXT v=spf1 mx -all",
      "+ send.d.test TXT v=spf1 include:spf.relay.test mx -all",
      "  beside send.d.test TXT site=abc",
      "- s1._domainkey.d.test TXT v=DKIM1; p=CCCC",
      `- ${NAMES.key}`,
      `+ ${NAMES.key}`,
    ],
  );
  check(
    "another's TXT stays beside what is added",
    sending,
    [...published.slice(0, 1), txt("send.d.test", "site=abc")],
    [`= ${NAMES.mx}`, `+ ${NAMES.spf}`, "  beside send.d.test TXT site=abc", `+ ${NAMES.key}`],
  );
  test("a required key that is none is a bug", async () => {
    const records = [{ purpose: "DKIM", name: "s1._domainkey", type: "TXT", value: "p=" }] as const;
    await expect(plan({ domain: "d.test", records }, zoneResolver([], 60), signal)).rejects.toThrow("no DKIM key");
  });
});

describe("CNAMEs", () => {
  const vendor: Zone = [mx("v.test", "bounce.relay.test"), txt("v.test", SPF), txt("key.v.test", KEY)];
  check(
    "that lead to what is wanted stay",
    sending,
    [cname("send.d.test", "v.test"), cname("s1._domainkey.d.test", "key.v.test"), ...vendor],
    ["= send.d.test CNAME v.test", "= send.d.test CNAME v.test", "= s1._domainkey.d.test CNAME key.v.test"],
  );
  check(
    "that lead elsewhere are the owner's: nothing may stand beside them, and they stay",
    sending,
    [
      cname("send.d.test", "w.test"),
      mx("w.test", "bounce.relay.test", 7),
      txt("w.test", "v=spf1 mx -all"),
      txt("w.test", "x"),
    ],
    ["= send.d.test CNAME w.test", "x send.d.test TXT", `+ ${NAMES.key}`],
  );
  check(
    "that lead nowhere go too",
    sending,
    [cname("send.d.test", "dead.test"), cname("s1._domainkey.d.test", "dead.test")],
    [
      "- send.d.test CNAME dead.test",
      `+ ${NAMES.mx}`,
      `+ ${NAMES.spf}`,
      "- s1._domainkey.d.test CNAME dead.test",
      `+ ${NAMES.key}`,
    ],
  );
  check(
    "that go in a circle are not known",
    sending,
    [cname("send.d.test", "send.d.test")],
    [
      "? send.d.test MX the name's CNAMEs go in a circle",
      "? send.d.test TXT the name's CNAMEs go in a circle",
      `+ ${NAMES.key}`,
    ],
  );
  check(
    "stay where another record of the name is not known",
    sending,
    [cname("send.d.test", "w.test"), txt("w.test", "v=spf1 -all")],
    ["? send.d.test MX it is ill", "x send.d.test TXT", `+ ${NAMES.key}`],
    { "send.d.test": ["MX"] },
  );
  check(
    "stay with what is good behind them, where another record of the name is not known",
    sending,
    [cname("send.d.test", "w.test"), txt("w.test", SPF)],
    ["? send.d.test MX it is ill", "= send.d.test CNAME w.test", `+ ${NAMES.key}`],
    { "send.d.test": ["MX"] },
  );
});

describe("wildcards", () => {
  check(
    "stand aside: there is nothing to replace",
    sending,
    [mx("*.d.test", "park.test"), txt("*.d.test", "v=spf1 -all"), txt("*.d.test", "parked")],
    ALL_ADDED,
  );
  check(
    "also when they are CNAMEs",
    sending,
    [cname("*.d.test", "park.test"), txt("park.test", "v=spf1 -all")],
    ALL_ADDED,
  );
  check(
    "are not what a name has of its own",
    sending,
    [
      txt("*.d.test", "v=spf1 -all"),
      txt("send.d.test", "v=spf1 mx -all"),
      cname("*._domainkey.d.test", "a.test"),
      cname("s1._domainkey.d.test", "b.test"),
    ],
    [
      `+ ${NAMES.mx}`,
      "- send.d.test TXT v=spf1 mx -all",
      "+ send.d.test TXT v=spf1 include:spf.relay.test mx -all",
      "- s1._domainkey.d.test CNAME b.test",
      `+ ${NAMES.key}`,
    ],
  );
  check(
    "of which a name has a part, of its own",
    sending,
    [txt("*.d.test", "v=spf1 -all"), txt("*.d.test", "parked"), txt("send.d.test", "v=spf1 -all")],
    [
      `+ ${NAMES.mx}`,
      "- send.d.test TXT v=spf1 -all",
      "+ send.d.test TXT v=spf1 include:spf.relay.test -all",
      `+ ${NAMES.key}`,
    ],
  );
  check(
    "that may be there: what was seen is taken for the name's own",
    apex,
    [txt("d.test", "v=spf1 mx -all")],
    ["- d.test TXT v=spf1 mx -all", "+ d.test TXT v=spf1 include:spf.relay.test mx -all"],
    { "_hikyaku-wildcard-probe.test": ["TXT"] },
  );
});

describe("what could not be looked up", () => {
  const unknown = ["? send.d.test MX it is ill", `+ ${NAMES.spf}`, `+ ${NAMES.key}`];
  check("is not added", sending, [], unknown, { "send.d.test": ["MX"] });
  check("is not kept", sending, published, ["? send.d.test MX it is ill", `= ${NAMES.spf}`, `= ${NAMES.key}`], {
    "send.d.test": ["MX"],
  });
  check(
    "a CNAME may be there",
    sending,
    [],
    ["? send.d.test MX it is ill", "? send.d.test TXT it is ill", `+ ${NAMES.key}`],
    { "send.d.test": ["CNAME"] },
  );
  check("none is there where records are", sending, published, [`= ${NAMES.mx}`, `= ${NAMES.spf}`, `= ${NAMES.key}`], {
    "send.d.test": ["CNAME"],
  });
  for (const kind of ["timeout", "refused"] as const)
    test(`${kind}, all of it`, async () => {
      const resolve: Resolve = async () => ({ kind, reason: "it is ill" });
      const changes = await plan(everything, resolve, signal);
      expect(changes.map((change) => change.kind)).toEqual(Array.from({ length: 5 }, () => "unknown"));
    });
});
