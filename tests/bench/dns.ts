/**
 * How long a whole check of a domain takes: one domain over a slow DNS, and how many a core gets through when the DNS
 * costs nothing.
 */
import { generateKeyPairSync } from "node:crypto";
import { checkDomain } from "#dns/check.ts";
import type { SendingDomain } from "#dns/sending-domain.ts";
import { SOME_SUFFIXES } from "../dns-tools/support/some-suffixes.ts";
import { boundedRun } from "#resolvers/bounded.ts";
import { recordedResolver, type RecordedName } from "#resolvers/recorded.ts";
import { medianBy, print } from "./figures.ts";

const DOMAINS = 1000;
const ROUND_TRIP_MS = 50;

const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = publicKey.export({ type: "spki", format: "der" }).toString("base64");

/** The SPF trees that most senders have: three includes, one of them of three more. */
const SHARED: [string, RecordedName][] = [
  ["spf.relay.test", { TXT: ["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all"] }],
  ["spf.office.test", { TXT: ["v=spf1 include:a.office.test include:b.office.test include:c.office.test ~all"] }],
  ...["a", "b", "c"].map((label): [string, RecordedName] => [
    `${label}.office.test`,
    { TXT: ["v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.0/24 ~all"] },
  ]),
  ["spf.crm.test", { TXT: ["v=spf1 ip4:203.0.113.7 a:out.crm.test ~all"] }],
  ["out.crm.test", { A: ["203.0.113.8"] }],
  ["bounce.relay.test", { A: ["192.0.2.3"], AAAA: ["2001:db8::3"] }],
];

/** Every third has a fault, for a fault costs more look-ups than none. */
const recordsOf = (domain: string, at: number): [string, RecordedName][] => [
  [
    domain,
    {
      MX: [{ preference: 10, exchange: `mx.${domain}` }],
      TXT: ["v=spf1 mx include:spf.office.test include:spf.crm.test ~all", "site-verification=1"],
    },
  ],
  [`mx.${domain}`, { A: ["192.0.2.9"], AAAA: ["2001:db8::9"] }],
  [
    `send.${domain}`,
    {
      MX: [{ preference: 10, exchange: "bounce.relay.test" }],
      TXT: [at % 3 === 1 ? "v=spf1 include:spf.office.test -all" : "v=spf1 include:spf.relay.test ~all"],
    },
  ],
  ...(at % 3 === 2
    ? []
    : ["s1", "s2"].map((selector): [string, RecordedName] => [
        `${selector}._domainkey.${domain}`,
        { TXT: [`v=DKIM1; k=rsa; p=${key}`] },
      ])),
  [`_dmarc.${domain}`, { TXT: [`v=DMARC1; p=quarantine; rua=mailto:dmarc@${domain}`] }],
];

const sendingAs = (domain: string): SendingDomain => ({
  domain,
  returnPath: `send.${domain}`,
  selectors: ["s1", "s2"].map((selector) => ({
    selector,
    key: { algorithm: "rsa-sha256", publicKeyBase64: key },
  })),
  includes: ["spf.relay.test"],
  addresses: [],
  bounceHost: "bounce.relay.test",
});

const domains = Array.from({ length: DOMAINS }, (_, at) => `sender-${at}.test`);
const zone = Object.fromEntries([...SHARED, ...domains.flatMap(recordsOf)]);

type Check = { milliseconds: number; lookUps: number; status: string };

const checkOne = async (domain: string, roundTripMs: number): Promise<Check> => {
  const run = boundedRun(recordedResolver(zone, roundTripMs));
  const started = performance.now();
  const { status } = await checkDomain(sendingAs(domain), SOME_SUFFIXES, run.resolve);
  return { milliseconds: Math.round(performance.now() - started), lookUps: run.lookUps(), status };
};

const checkAll = async (): Promise<{ checksPerSecond: number; failing: number }> => {
  const resolve = recordedResolver(zone);
  let failing = 0;
  const cpu = process.cpuUsage();
  for (const domain of domains) {
    const { status } = await checkDomain(sendingAs(domain), SOME_SUFFIXES, boundedRun(resolve).resolve);
    if (status === "fail") failing++;
  }
  const { user, system } = process.cpuUsage(cpu);
  return { checksPerSecond: Math.round(DOMAINS / ((user + system) / 1e6)), failing };
};

/** Prints medians. `checksPerSecond` is by the processor's time, so it is a core's. */
export const benchDns = async (runs: number): Promise<void> => {
  for (const [what, domain] of [
    ["right", "sender-0.test"],
    ["keys missing", "sender-2.test"],
  ] as const) {
    const checks: Check[] = [];
    for (let run = 0; run < runs; run++) checks.push(await checkOne(domain, ROUND_TRIP_MS));
    const check = medianBy(checks, ({ milliseconds }) => milliseconds);
    print({ bench: "dns", what: `one domain, ${what}`, roundTripMs: ROUND_TRIP_MS, ...check });
  }
  const rates = [];
  for (let run = 0; run < runs; run++) rates.push(await checkAll());
  print({ bench: "dns", what: `${DOMAINS} recorded domains`, ...medianBy(rates, (rate) => rate.checksPerSecond) });
};
