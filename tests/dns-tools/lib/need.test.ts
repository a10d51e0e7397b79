/** What the owner's own records need: the SPF of the domain itself, and DMARC. */
import { describe, expect, test } from "vitest";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import { txtRecord as txt, zoneResolver, type MailRecord } from "#dns/zone.ts";
import { check, cname, mx, RELAY, signal } from "./plan-steps.ts";

const SPF = "v=spf1 include:spf.relay.test ~all";
const RUA = "mailto:dmarc@relay.test";
const apex: Requirement = { domain: "d.test", records: [], apexSpf: "v=spf1 include:spf.relay.test ~all" };
const dmarc = (policy: "none" | "quarantine" | "reject", rua?: string): Requirement => ({
  domain: "d.test",
  records: [],
  dmarc: { policy, ...(rua !== undefined && { rua }) },
});

describe("the owner's SPF", () => {
  check(
    "none",
    apex,
    [mx("d.test", "a.test"), txt("d.test", "site=abc")],
    [`+ d.test TXT ${SPF}`, "  beside d.test TXT site=abc"],
  );
  check(
    "with it",
    apex,
    [txt("d.test", `v=spf1 mx include:spf.relay.test -all`)],
    ["= d.test TXT v=spf1 mx include:spf.relay.test -all"],
  );
  check(
    "two",
    apex,
    [txt("d.test", "v=spf1 mx -all"), txt("d.test", "site=abc"), txt("d.test", "v=spf1 a -all")],
    [
      "- d.test TXT v=spf1 mx -all",
      "- d.test TXT v=spf1 a -all",
      "+ d.test TXT v=spf1 include:spf.relay.test mx a -all",
      "  beside d.test TXT site=abc",
    ],
  );
  test("in octets that are no UTF-8 is not touched", async () => {
    const octets = Uint8Array.from([...new TextEncoder().encode("v=spf1 include:spf.relay.test x="), 0xff, 0]);
    const record: MailRecord = { name: "d.test", type: "TXT", data: [octets] };
    expect(await plan(apex, zoneResolver([record, RELAY], 60), signal)).toMatchObject([
      { kind: "conflict", standing: [record] },
    ]);
  });
});

describe("DMARC", () => {
  const own = "_dmarc.d.test";
  check("none", dmarc("none", RUA), [], [`+ ${own} TXT v=DMARC1; p=none; rua=${RUA}`]);
  check(
    "other TXT stays beside it",
    dmarc("none"),
    [txt(own, "x")],
    [`+ ${own} TXT v=DMARC1; p=none`, `  beside ${own} TXT x`],
  );
  check("stricter", dmarc("none"), [txt(own, "v=DMARC1; p=reject")], [`= ${own} TXT v=DMARC1; p=reject`]);
  check(
    "milder",
    dmarc("reject"),
    [txt(own, "v=DMARC1; p=none; fo=1")],
    [`- ${own} TXT v=DMARC1; p=none; fo=1`, `+ ${own} TXT v=DMARC1; p=reject; fo=1`],
  );
  check(
    "two",
    dmarc("none"),
    [txt(own, "v=DMARC1; p=none"), txt(own, "v=DMARC1; p=reject")],
    [`- ${own} TXT v=DMARC1; p=none`, `- ${own} TXT v=DMARC1; p=reject`, `+ ${own} TXT v=DMARC1; p=none`],
  );
  check(
    "a dead CNAME",
    dmarc("none"),
    [cname(own, "dead.test")],
    [`- ${own} CNAME dead.test`, `+ ${own} TXT v=DMARC1; p=none`],
  );
  const sub = (requirement: Requirement): Requirement => ({ ...requirement, domain: "news.d.test" });
  const news = "_dmarc.news.d.test";
  check(
    "that of the domain above holds",
    sub(dmarc("quarantine")),
    [txt(own, "v=DMARC1; p=reject")],
    [`= ${own} TXT v=DMARC1; p=reject`],
  );
  check(
    "that of the domain above is too mild for subdomains",
    sub(dmarc("quarantine")),
    [txt(own, "v=DMARC1; p=reject; sp=none")],
    [`+ ${news} TXT v=DMARC1; p=quarantine`],
  );
  check(
    "one of its own is not milder than that above",
    sub(dmarc("none", RUA)),
    [txt(own, "v=DMARC1; p=reject")],
    [`+ ${news} TXT v=DMARC1; p=reject; rua=${RUA}`],
  );
  check(
    "its own goes before that above",
    sub(dmarc("reject")),
    [txt(own, "v=DMARC1; p=reject"), txt(news, "v=DMARC1; p=none")],
    [`- ${news} TXT v=DMARC1; p=none`, `+ ${news} TXT v=DMARC1; p=reject`],
  );
  check("not known", dmarc("none"), [], ["? _dmarc.d.test TXT it is ill"], { "_dmarc.d.test": ["TXT"] });
  check("not known further up", dmarc("none"), [], ["? _dmarc.d.test TXT _dmarc.test: it is ill"], {
    "_dmarc.test": ["TXT"],
  });
});

test("names are looked up and published in lower case", async () => {
  const records = [
    { purpose: "SPF", name: "Send", type: "MX", value: "Bounce.Relay.Test.", priority: 10 },
    { purpose: "SPF", name: "Send", type: "TXT", value: SPF },
  ] as const;
  const host = mx("send.d.test", "bounce.relay.test");
  expect(await plan({ domain: "d.test", records }, zoneResolver([RELAY], 60), signal)).toEqual([
    { kind: "add", purpose: "SPF", to: host, beside: [] },
    { kind: "add", purpose: "SPF", to: txt("send.d.test", SPF), beside: [] },
  ]);
  const standing = mx("send.d.test", "BOUNCE.relay.test");
  const [first] = await plan({ domain: "d.test", records }, zoneResolver([standing], 60), signal);
  expect(first).toEqual({ kind: "keep", purpose: "SPF", record: standing });
});
