/**
 * What a plan leaves alone because it is the owner's, and what it says then; what it does at names that a wildcard answers
 * for; what it keeps because receivers let our relays send by other words.
 */
import { describe, expect, test } from "vitest";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import { sendingRequirement, type PublishingDomain } from "#dns/sending-requirement.ts";
import { applyChange, txtRecord as txt, zoneResolver, type Change, type Zone } from "#dns/zone.ts";
import { ED25519, OTHER_RSA_2048, RSA_1024, RSA_2048 } from "../support/public-keys.ts";
import { check, cname, mx, RELAY, signal, steps } from "./plan-steps.ts";

const SPF = "v=spf1 include:spf.relay.test ~all";
const KEY = `v=DKIM1; k=rsa; p=${RSA_2048}`;
const OTHER = `v=DKIM1; k=rsa; p=${OTHER_RSA_2048}`;
const BASE: PublishingDomain = {
  domain: "d.test",
  returnPath: "d.test",
  selectors: [],
  includes: ["spf.relay.test"],
  addresses: [],
};
const withSpf = (sending: Partial<PublishingDomain> = {}): Requirement => {
  const { dmarc: _, ...requirement } = sendingRequirement({ ...BASE, ...sending }, { policy: "none" });
  return requirement;
};
const below = withSpf({ returnPath: "send.d.test", bounceHost: "bounce.relay.test" });
const key: Requirement = {
  domain: "d.test",
  records: [{ purpose: "DKIM", name: "s1._domainkey", type: "TXT", value: KEY }],
};

const planOf = (requirement: Requirement, zone: Zone): Promise<Change[]> =>
  plan(requirement, zoneResolver([...zone, RELAY], 60), signal);
/** The text of the one conflict, or of the one caution. */
const says = (title: string, requirement: Requirement, zone: Zone, expected: RegExp): void => {
  test(title, async () => {
    const texts = (await planOf(requirement, zone)).map((change) =>
      change.kind === "conflict" ? change.text : "caution" in change ? (change.caution ?? "") : "",
    );
    expect(texts.join("\n")).toMatch(expected);
  });
};

describe("a host that lives by a CNAME", () => {
  const shop: Zone = [cname("d.test", "shops.test"), { name: "shops.test", type: "A", data: "192.0.2.80" }];
  check("is no place for an SPF record", withSpf(), shop, ["x d.test TXT"]);
  says("and a return-path below it is advised", withSpf(), shop, /^d\.test is a CNAME to shops\.test, .*send\.d\.test/);
  check(
    "nor is what an alias exists for without a record of any use",
    withSpf(),
    [cname("d.test", "shops.test"), { name: "shops.test", type: "CAA", data: { flags: 0, tag: "issue", value: ";" } }],
    ["x d.test TXT"],
  );
  check(
    "nor a policy that is kept elsewhere for one of ours",
    { domain: "d.test", records: [], dmarc: { policy: "reject" } },
    [cname("_dmarc.d.test", "v.test"), txt("v.test", "v=DMARC1; p=none")],
    ["x _dmarc.d.test TXT"],
  );
});

describe("another sender's key at our selector", () => {
  const at = "s1._domainkey.d.test";
  check("by a CNAME", key, [cname(at, "s1.v.test"), txt("s1.v.test", OTHER)], [`x ${at} TXT`]);
  check("as a record", key, [txt(at, OTHER)], [`x ${at} TXT`]);
  check("weak, but used perhaps", key, [txt(at, `p=${RSA_1024}`)], [`x ${at} TXT`]);
  check("of another kind", key, [txt(at, `k=ed25519; p=${ED25519}`)], [`x ${at} TXT`]);
  check("beside ours", key, [txt(at, KEY), txt(at, OTHER)], [`x ${at} TXT`]);
  says(
    "another selector is proposed",
    key,
    [txt(at, OTHER)],
    /another sender .* such as `hikyaku`\. Or delete it, if nobody signs with it any more\.$/,
  );
  for (const broken of ["v=DKIM1; p=", "v=DKIM1; p=AAAA", `v=DKIM1; k=rsa; p=${OTHER_RSA_2048.slice(0, 250)}`, "x"])
    check(
      `${broken.slice(0, 24)} is of no use`,
      key,
      [txt(at, broken)],
      [`- ${at} TXT ${broken}`, `+ ${at} TXT ${KEY}`],
    );
  const cut = `v=DKIM1; k=rsa; p=${RSA_2048.slice(0, 200)}`;
  check("ours, cut", key, [txt(at, cut)], [`- ${at} TXT ${cut}`, `+ ${at} TXT ${KEY}`]);
  const narrow = `v=DKIM1; k=rsa; h=sha1; p=${RSA_2048}`;
  check("ours, not for our hash", key, [txt(at, narrow)], [`- ${at} TXT ${narrow}`, `+ ${at} TXT ${KEY}`]);
});

describe("the owner's MX at the return-path", () => {
  const owner: Zone = [{ name: "mail.o.test", type: "A", data: "192.0.2.25" }];
  const theirs = mx("send.d.test", "mail.o.test");
  check("is left, and with it the whole name", below, [theirs, ...owner], ["x send.d.test MX", "x send.d.test TXT"]);
  says("a fresh label is advised", below, [theirs, ...owner], /mail\.o\.test by its MX.*such as bounce\.d\.test/);
  for (const host of [".", "192.0.2.1", "gone.test"])
    check(
      `${host} takes no mail`,
      below,
      [mx("send.d.test", host)],
      [`- send.d.test MX 10 ${host}`, "+ send.d.test MX 10 bounce.relay.test", `+ send.d.test TXT ${SPF}`],
    );
  check("whose host could not be looked up is left", below, [theirs], ["x send.d.test MX", "x send.d.test TXT"], {
    "mail.o.test": ["A"],
  });
  check(
    "a null MX beside ours goes",
    below,
    [mx("send.d.test", "bounce.relay.test"), mx("send.d.test", ".", 0), txt("send.d.test", SPF)],
    [
      "- send.d.test MX 0 .",
      "- send.d.test MX 10 bounce.relay.test",
      "+ send.d.test MX 10 bounce.relay.test",
      `= send.d.test TXT ${SPF}`,
    ],
  );
  const rival = [mx("send.d.test", "bounce.relay.test"), mx("send.d.test", "mail.o.test", 5), txt("send.d.test", SPF)];
  says("that is tried before ours is told of", below, [...rival, ...owner], /mail\.o\.test is an MX .* tried first/);
});

describe("an SPF record with no room", () => {
  const names = Array.from({ length: 10 }, (_, at) => `s${at}.test`);
  const leaves = names.map((name) => txt(name, "v=spf1 ip4:198.51.100.1 -all"));
  const include = (hosts: readonly string[]): string => hosts.map((host) => `include:${host}`).join(" ");
  const full = txt("d.test", `v=spf1 ${include(names)} -all`);
  check("is left", withSpf(), [full, ...leaves], ["x d.test TXT"]);
  says(
    "and who would fall out is told",
    withSpf(),
    [full, ...leaves],
    /needs 11 look-ups.*`include:s9\.test` would fail/,
  );
  check(
    "also when ours is the eleventh",
    withSpf(),
    [txt("d.test", `v=spf1 ${include([...names, "spf.relay.test"])} -all`), ...leaves],
    ["x d.test TXT"],
  );
  const dead = `v=spf1 ${include([...names.slice(1), "gone.test"])} -all`;
  check(
    "but for a dead include makes room",
    withSpf(),
    [txt("d.test", dead), ...leaves],
    [`- d.test TXT ${dead}`, `+ d.test TXT v=spf1 include:spf.relay.test ${include(names.slice(1))} -all`],
  );
  const long = `v=spf1 ${include(["spf.relay.test", ...names])} -all`;
  check(
    "that has us first stays, and is told of",
    withSpf(),
    [txt("d.test", long), ...leaves],
    [`= d.test TXT ${long}`, expect.stringMatching(/^! Your SPF needs 11 look-ups/)],
  );
});

describe("an SPF record that is broken", () => {
  check("is the owner's to mend", withSpf(), [txt("d.test", "v=spf1 ip4:300.1.1.1 mx -all")], ["x d.test TXT"]);
  says("the term is named", withSpf(), [txt("d.test", "v=spf1 ip4:300.1.1.1 -all")], /wrong at `ip4:300\.1\.1\.1`/);
  const behind = "v=spf1 include:gone.test include:spf.relay.test ~all";
  check(
    "where we stand behind the fault: first, and the fault is told",
    withSpf(),
    [txt("d.test", behind)],
    [
      `- d.test TXT ${behind}`,
      "+ d.test TXT v=spf1 include:spf.relay.test include:gone.test ~all",
      expect.stringMatching(/^! `include:gone\.test` points to a name with no SPF record/),
    ],
  );
  test("a sender whose own record is missing is not put into the owner's", async () => {
    const zone = [txt("d.test", "v=spf1 mx -all")];
    const [change] = await plan(withSpf(), zoneResolver(zone, 60), signal);
    expect(change).toMatchObject({
      kind: "conflict",
      text: expect.stringContaining("`include:spf.relay.test` names a record"),
    });
    const [added] = await plan(withSpf(), zoneResolver([], 60), signal);
    expect(added).toMatchObject({ kind: "add", caution: expect.stringContaining("who runs it") });
    if (added === undefined) throw new Error("nothing is planned");
    const [kept] = await plan(withSpf(), zoneResolver(applyChange([], added), 60), signal);
    expect(kept).toMatchObject({ kind: "keep", caution: expect.stringContaining("who runs it") });
  });
  check(
    "what it includes could not be looked up",
    withSpf(),
    [txt("d.test", "v=spf1 include:o.test -all")],
    ["? d.test TXT o.test: it is ill"],
    {
      "o.test": ["TXT"],
    },
  );
});

describe("other words that let us send stay", () => {
  const kept = (title: string, sending: Partial<PublishingDomain>, text: string, zone: Zone = []): void =>
    check(title, withSpf(sending), [txt("d.test", text), ...zone], [`= d.test TXT ${text}`]);
  const reseller = txt("r.test", "v=spf1 include:spf.relay.test -all");
  kept("an include of an include", {}, "v=spf1 include:r.test -all", [reseller]);
  kept("a redirect", {}, "v=spf1 redirect=r.test", [reseller]);
  kept("a network", { includes: [], addresses: ["192.0.2.10"] }, "v=spf1 ip4:192.0.2.0/24 -all");
  kept("an MX", { includes: [], addresses: ["192.0.2.10"] }, "v=spf1 a:h.test -all", [
    { name: "h.test", type: "A", data: "192.0.2.10" },
  ]);
  const said = "v=spf1 -ip4:203.0.113.0/24 include:spf.relay.test -all";
  check(
    "not behind a term that says no",
    withSpf(),
    [txt("d.test", said)],
    [`- d.test TXT ${said}`, "+ d.test TXT v=spf1 include:spf.relay.test -ip4:203.0.113.0/24 -all"],
  );
});

describe("DMARC below a record", () => {
  const news = (rua?: string): Requirement => ({
    domain: "news.d.test",
    records: [],
    dmarc: { policy: "none", ...(rua !== undefined && { rua }) },
  });
  const RUA = "mailto:r@d.test";
  const from = (above: string, own: string, ...caution: string[]): void =>
    check(above, news(RUA), [txt("_dmarc.d.test", above)], [`+ _dmarc.news.d.test TXT ${own}`, ...caution]);
  const heldBack = (name: string): string =>
    `! The DMARC record at ${name} has a \`pct\`: some receivers now apply p=reject to all mail, others still go by \`pct\`. To hold it back at all of them, put \`t=y\` beside it.`;
  from(
    "v=DMARC1; p=reject; t=y; adkim=s; rua=mailto:a@d.test",
    `v=DMARC1; p=reject; t=y; adkim=s; rua=mailto:a@d.test,${RUA}`,
  );
  from("v=DMARC1; p=reject; pct=10", `v=DMARC1; p=reject; pct=10; rua=${RUA}`, heldBack("_dmarc.news.d.test"));
  from("v=DMARC1; p=reject; sp=quarantine; np=reject; psd=n; aspf=s", `v=DMARC1; p=quarantine; aspf=s; rua=${RUA}`);
  from("v=DMARC1; p=reject; sp=block; rua=mailto:a@d.test", `v=DMARC1; p=none; rua=mailto:a@d.test,${RUA}`);
  check(
    "of a public suffix: its policy, not its reports",
    { ...news(), domain: "d.test" },
    [txt("_dmarc.test", "v=DMARC1; p=reject; t=y; psd=y; rua=mailto:a@test; ruf=mailto:b@test")],
    ["+ _dmarc.d.test TXT v=DMARC1; p=reject; t=y"],
  );
  check(
    "by a wildcard: its own begins as that",
    { ...news(RUA), domain: "d.test" },
    [txt("*.d.test", "v=DMARC1; p=quarantine; t=y")],
    [`+ _dmarc.d.test TXT v=DMARC1; p=quarantine; t=y; rua=${RUA}`],
  );
  const own = "_dmarc.news.d.test";
  const kept = (text: string, ...caution: string[]): void =>
    check(text, news(), [txt(own, text)], [`= ${own} TXT ${text}`, ...caution]);
  kept("v=DMARC1; p=reject; pct=10", heldBack(own));
  kept("v=DMARC1; p=reject; t=y; pct=10");
  kept("v=DMARC1; p=none; pct=10");
  kept("v=DMARC1; p=reject; pct=100");
  /** Records of its own that receivers discard, below one that they go by meanwhile. */
  const mended = (above: string, texts: string[], text: string): void =>
    check(
      `${texts.join(" and ")} below ${above}`,
      news(),
      [txt("_dmarc.d.test", above), ...texts.map((one) => txt(own, one))],
      [...texts.map((one) => `- ${own} TXT ${one}`), `+ ${own} TXT ${text}`],
    );
  const none = "v=DMARC1; p=none";
  mended("v=DMARC1; p=reject", [none, `${none}; x=y`], "v=DMARC1; p=reject");
  mended("v=DMARC1; p=none; sp=quarantine; t=y", [none, `${none}; x=y`], none);
  mended("v=DMARC1; p=reject", ["v=DMARC1; p=reject; pct=10", none], "v=DMARC1; p=reject");
  mended("v=DMARC1; p=reject", ["v=DMARC1; p=none; p=none"], "v=DMARC1; p=reject");
  mended("v=DMARC1; p=none", ["v=DMARC1; p=reject", none], "v=DMARC1; p=reject");
});

describe("wildcards", () => {
  const published = [mx("send.d.test", "bounce.relay.test"), txt("send.d.test", SPF)];
  const both = ["+ send.d.test MX 10 bounce.relay.test", `+ send.d.test TXT ${SPF}`];
  check("what one gave a name is put there with the first record", below, [txt("*.d.test", SPF)], both);
  check("by a CNAME", below, [cname("*.d.test", "d.test"), txt("d.test", SPF)], both);
  check("the MX too", below, [mx("*.d.test", "bounce.relay.test")], both);
  check(
    "nothing, when it gives all",
    below,
    [mx("*.d.test", "bounce.relay.test"), txt("*.d.test", SPF)],
    ["= send.d.test MX 10 bounce.relay.test", `= send.d.test TXT ${SPF}`],
  );
  check(
    "a twin of one is a record",
    below,
    [...published.slice(0, 1), txt("send.d.test", "v=spf1 -all"), txt("*.d.test", "v=spf1 -all")],
    [
      "= send.d.test MX 10 bounce.relay.test",
      "- send.d.test TXT v=spf1 -all",
      "+ send.d.test TXT v=spf1 include:spf.relay.test -all",
    ],
  );
  check(
    "a key that is one's is shadowed by a key beside it",
    { ...key, records: [...key.records, { purpose: "DKIM", name: "s2._domainkey", type: "TXT", value: OTHER }] },
    [txt("*.d.test", KEY)],
    [`+ s1._domainkey.d.test TXT ${KEY}`, `+ s2._domainkey.d.test TXT ${OTHER}`],
  );
  check(
    "but not of one beside that",
    { ...key, records: [...key.records, { purpose: "DKIM", name: "s2._domainkey", type: "TXT", value: OTHER }] },
    [txt("*._domainkey.d.test", KEY)],
    [`= s1._domainkey.d.test TXT ${KEY}`, `+ s2._domainkey.d.test TXT ${OTHER}`],
  );
  const tenant: Zone = [{ name: "*.test", type: "A", data: "192.0.2.80" }, mx("*.test", "mail.o.test")];
  check("a domain that is all by one is not cut off from it", below, tenant, ["x send.d.test MX", "x send.d.test TXT"]);
  says("and it is told", below, tenant, /d\.test has no records of its own: .*\(A, MX\)/);
  check("one with a record of its own is not", below, [...tenant, txt("d.test", "x")], both);
});

test("a second plan has nothing to do", async () => {
  for (const zone of [[txt("*.d.test", SPF)], [cname("*.d.test", "d.test"), txt("d.test", SPF)]]) {
    const applied = (await planOf(below, zone)).reduce<Zone>(applyChange, zone);
    expect(steps(await planOf(below, applied))).toEqual([
      "= send.d.test MX 10 bounce.relay.test",
      `= send.d.test TXT ${SPF}`,
    ]);
  }
});
