/**
 * Random zones for plans, with all that makes them go wrong: SPF trees at the limit and over it, includes that lead
 * nowhere or to what is broken, owners' records with mistakes, other senders' keys and hosts, CNAMEs alive and dead, and
 * wildcards at every level, twins of records and of what we need among them.
 *
 * Around them stands what is ours and others', which does not change. A zone is one that a DNS host would take.
 */
import fc from "fast-check";
import type { DmarcWish } from "#dns/dmarc-merge.ts";
import type { PublishingDomain } from "#dns/sending-requirement.ts";
import { textOf, txtRecord as txt, type MailRecord, type Zone, type ZoneRecord } from "#dns/zone.ts";
import { ED25519, OTHER_RSA_2048, RSA_2048 } from "./public-keys.ts";

const RUA = "mailto:dmarc@d.test";
export const RELAY_IP = "203.0.113.9";
const s1 = { selector: "s1", key: { algorithm: "rsa-sha256", publicKeyBase64: RSA_2048 } } as const;
const s2 = { selector: "s2", key: { algorithm: "ed25519-sha256", publicKeyBase64: ED25519 } } as const;
const relays = { includes: ["spf.relay.test"], addresses: [] };

/** With a return-path of its own; without; a subdomain, which may have all that it is by a wildcard. */
export const SENDERS: readonly PublishingDomain[] = [
  { domain: "d.test", returnPath: "send.d.test", selectors: [s1, s2], ...relays, bounceHost: "bounce.relay.test" },
  { domain: "d.test", returnPath: "d.test", selectors: [s1], includes: [], addresses: [RELAY_IP] },
  { domain: "news.d.test", returnPath: "news.d.test", selectors: [s1], ...relays },
];
export const wishes: fc.Arbitrary<DmarcWish> = fc.record(
  { policy: fc.constantFrom("none", "quarantine", "reject"), rua: fc.constant(RUA) },
  { requiredKeys: ["policy"] },
);

const a = (name: string, data: string): ZoneRecord => ({ name, type: "A", data });
const mx = (name: string, exchange: string, preference = 10): MailRecord => ({
  name,
  type: "MX",
  data: { preference, exchange },
});
const cname = (name: string, data: string): MailRecord => ({ name, type: "CNAME", data });

const leaves = Array.from({ length: 8 }, (_, at) => `leaf${at}.test`);
const including = (names: readonly string[]): string => names.map((name) => `include:${name}`).join(" ");

/** The addresses that owners let send by their records. */
export const OWNERS_IPS = [...leaves.map((_, at) => `198.51.100.${at}`), "198.51.100.99", "198.51.100.1"];

export const WORLD: Zone = [
  txt("spf.relay.test", "v=spf1 ip4:203.0.113.9 -all"),
  a("bounce.relay.test", "203.0.113.1"),
  a("mail.other.test", "198.51.100.1"),
  a("host.test", "198.51.100.80"),
  ...leaves.map((name, at) => txt(name, `v=spf1 ip4:198.51.100.${at} -all`)),
  txt("nine.test", `v=spf1 ${including(leaves)} -all`),
  txt("five.test", `v=spf1 ${including(leaves.slice(0, 4))} -all`),
  txt("broken.test", "v=spf1 ip4:300.1.1.1 -all"),
  txt("two.test", "v=spf1 a -all"),
  txt("two.test", "v=spf1 mx -all"),
  txt("loop.test", "v=spf1 include:loop.test -all"),
  txt("*.macro.test", "v=spf1 -all"),
  txt("reseller.test", "v=spf1 include:spf.relay.test -all"),
  txt("key.vendor.test", `v=DKIM1; k=rsa; p=${OTHER_RSA_2048}`),
  txt("dmarc.vendor.test", "v=DMARC1; p=none; rua=mailto:a@vendor.test"),
];

const TERMS = [
  ...[
    "ip4:198.51.100.99",
    "mx",
    "a:mail.other.test",
    "a:gone.test",
    "a:gone2.test",
    "a:gone3.test",
    "exists:gone.test",
  ],
  ...["include:leaf0.test", "include:leaf1.test", "include:five.test", "include:nine.test", "include:reseller.test"],
  ...["include:gone.test", "include:broken.test", "include:two.test", "include:loop.test", "?include:leaf2.test"],
  ...["include:spf.relay.test", "~include:spf.relay.test", "-include:spf.relay.test", "ip4:203.0.113.0/24"],
  ...["ip4:203.0.113.9", "-ip4:203.0.113.9", "include:%{i}.macro.test", "exists:%{i}.macro.test", "ip4:300.1.1.1"],
  ...["include:leaf3.testinclude:spf.relay.test", "redirect=five.test", "redirect=gone.test", "redirect=reseller.test"],
];
const spf = fc
  .record({
    terms: fc.uniqueArray(fc.constantFrom(...TERMS), { maxLength: 6 }),
    all: fc.constantFrom("-all", "~all", "?all", "+all", ""),
    behind: fc.constantFrom("", "", "", "include:spf.relay.test", "exp=x.test"),
  })
  .map(({ terms, all, behind }) => ["v=spf1", ...terms, all, behind].filter((word) => word !== "").join(" "));

const DMARC = [
  "v=DMARC1; p=none",
  `v=DMARC1; p=reject; rua=${RUA}`,
  "v=DMARC1;p=quarantine;rua=mailto:a@d.test;",
  "v=DMARC1; p=reject; t=y; adkim=s",
  "v=DMARC1; p=reject; sp=none; rua=mailto:a@d.test",
  "v=DMARC1; p=none; sp=reject; np=reject; psd=n",
  "v=DMARC1; p=reject; pct=10; aspf=s",
  "v=DMARC1; p=reject; sp=block; rua=mailto:a@d.test",
  "v=DMARC1; p=reject; np=block",
  "v=DMARC1; p=reject; sp=none; p=none",
  "v=DMARC1; rua=mailto:a@d.test",
  "v=DMARC1",
];
const KEYS = [
  `v=DKIM1; k=rsa; p=${RSA_2048}`,
  `p=${RSA_2048}`,
  `v=DKIM1; k=rsa; p=${RSA_2048.slice(0, 200)}`,
  `v=DKIM1; k=rsa; h=sha1; p=${RSA_2048}`,
  `v=DKIM1; k=ed25519; p=${ED25519}`,
  `v=DKIM1; k=rsa; p=${OTHER_RSA_2048}`,
  "v=DKIM1; p=",
  "v=DKIM1; k=rsa; p=AAAA",
];
const text = fc.oneof(
  { arbitrary: spf, weight: 5 },
  fc.constantFrom(...DMARC),
  fc.constantFrom(...KEYS),
  fc.constantFrom("site-verification=abc", "v=spf10 -all", "", "v=spf1 include:spf.relay.test ~all"),
);

const SELECTORS = ["s1._domainkey.d.test", "s2._domainkey.d.test", "s1._domainkey.news.d.test"];
const POLICIES = ["_dmarc.d.test", "_dmarc.news.d.test", "_dmarc.test"];
const HOSTS = ["d.test", "send.d.test", "news.d.test"];
const WILDCARDS = ["*.d.test", "*._domainkey.d.test", "*.news.d.test"];
const TARGETS = ["to.other.test", "host.test", "key.vendor.test", "dmarc.vendor.test", "gone.test", "d.test"];

const record = fc.oneof(
  { arbitrary: fc.tuple(fc.constantFrom(...HOSTS, "to.other.test", ...WILDCARDS), text), weight: 6 },
  { arbitrary: fc.tuple(fc.constantFrom(...SELECTORS), fc.constantFrom(...KEYS, "site-verification=abc")), weight: 3 },
  { arbitrary: fc.tuple(fc.constantFrom(...POLICIES), fc.constantFrom(...DMARC, "site-verification=abc")), weight: 3 },
);
const mxRecord = fc
  .tuple(
    fc.constantFrom(...HOSTS, "to.other.test", ...WILDCARDS),
    fc.constantFrom("bounce.relay.test", "Bounce.Relay.Test", "mail.other.test", "gone.test", "192.0.2.1", "."),
    fc.nat({ max: 20 }),
  )
  .map(([name, exchange, preference]) => mx(name, exchange, preference));
const alias = fc
  .tuple(fc.constantFrom(...HOSTS, ...SELECTORS, ...POLICIES, ...WILDCARDS), fc.constantFrom(...TARGETS))
  .map(([name, target]) => cname(name, target));
const address = fc.constantFrom(...HOSTS, "*.d.test").map((name) => a(name, "198.51.100.80"));

/** RFC 1034 §3.6.2: nothing stands beside a CNAME; records are not there twice (RFC 2181 §5). */
const isLegalBeside = (one: ZoneRecord, before: Zone): boolean => {
  const same = before.filter(({ name }) => name === one.name);
  if (one.type === "CNAME") return same.length === 0;
  return !same.some((other) => other.type === "CNAME" || (other.type === one.type && keyOf(other) === keyOf(one)));
};
const keyOf = (one: ZoneRecord): string =>
  one.type === "TXT" || one.type === "MX" || one.type === "CNAME"
    ? textOf(one).toLowerCase()
    : JSON.stringify(one.data);

export const isLegal = (zone: Zone): boolean =>
  zone.every((one, at) => isLegalBeside(one, zone.toSpliced(at, 1)) || one.type !== "CNAME");

const zoneOf = (records: readonly ZoneRecord[]): Zone => {
  const legal: ZoneRecord[] = [];
  for (const one of records) if (isLegalBeside(one, legal)) legal.push(one);
  return legal;
};

export const zones: fc.Arbitrary<Zone> = fc
  .array(
    fc.oneof(
      { arbitrary: record.map(([name, words]): ZoneRecord => txt(name, words)), weight: 6 },
      { arbitrary: mxRecord, weight: 2 },
      alias,
      address,
    ),
    { maxLength: 14 },
  )
  .map(zoneOf);
