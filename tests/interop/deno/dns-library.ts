/**
 * A program: the DNS library over recorded zones, and all that it gives as JSON on stdout. ../deno.test.ts runs it on
 * Node and on Deno and holds the two against each other.
 *
 * Argument 1: key pairs as base64 of PKCS#8 and SubjectPublicKeyInfo, by algorithm. Nothing else comes from outside.
 */
import { z } from "zod";
import { checkDomain } from "#dns/check.ts";
import type { SendingDomain } from "#dns/sending-domain.ts";
import { formatKeyPair, keyParameters, type DkimKeyPair } from "#dns/keygen.ts";
import { discoverPolicy, walkTree } from "#dns/dmarc-discovery.ts";
import { cloudflareBatch, cloudflareListings } from "#dns/export/cloudflare.ts";
import { formatDnscontrol } from "#dns/export/dnscontrol.ts";
import { planAsJson } from "#dns/export/json.ts";
import { formatOctodns } from "#dns/export/octodns.ts";
import { formatTerraform } from "#dns/export/terraform.ts";
import { formatZoneFile } from "#dns/export/zone-file.ts";
import type { Requirement } from "#dns/need.ts";
import { plan } from "#dns/plan.ts";
import { SOME_SUFFIXES } from "../../dns-tools/support/some-suffixes.ts";
import { sendingRecords } from "#dns/requirement.ts";
import { walkSpf } from "#dns/spf-cost.ts";
import type { Change } from "#dns/zone.ts";
import { boundedRun } from "#resolvers/bounded.ts";
import { recordedResolver, type RecordedZone } from "#resolvers/recorded.ts";
import { SAMPLE } from "../../dns-tools/lib/export/sample-plan.ts";
import { RSA_2048 } from "../../dns-tools/support/public-keys.ts";

const Pair = z.strictObject({ privateKey: z.base64(), publicKey: z.base64() });
const keys = z
  .strictObject({ "rsa-sha256": Pair, "ed25519-sha256": Pair })
  .parse(JSON.parse(process.argv[2] ?? "") as unknown);

const GOOD: RecordedZone = {
  "d.test": { MX: [{ preference: 10, exchange: "mail.d.test" }], A: ["192.0.2.1"] },
  "mail.d.test": { A: ["192.0.2.2"] },
  "send.d.test": {
    MX: [{ preference: 10, exchange: "bounce.relay.test" }],
    TXT: ["v=spf1 include:spf.relay.test ~all"],
  },
  "bounce.relay.test": { A: ["192.0.2.3"] },
  "spf.relay.test": { TXT: ["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ~all"] },
  "s1._domainkey.d.test": { TXT: [`v=DKIM1; k=rsa; p=${RSA_2048}`] },
  "_dmarc.d.test": { TXT: ["v=DMARC1; p=reject; rua=mailto:dmarc@d.test"] },
};
const ZONES: Record<string, RecordedZone> = {
  good: GOOD,
  empty: {},
  broken: {
    ...GOOD,
    "d.test": { TXT: ["v=spf1 mx -all", "v=spf1 a -all", "site=é", [Uint8Array.from([0xff, 0])]] },
    "send.d.test": { MX: [{ preference: 0, exchange: "." }], TXT: ["v=spf1 include:loop.test +all"] },
    "loop.test": { TXT: ["v=spf1 include:loop.test exists:%{i}.x.test ?all"] },
    "s1._domainkey.d.test": { CNAME: ["nowhere.test"] },
    "_dmarc.d.test": { TXT: ["v=DMARC1; p=none; rua=mailto:x@other.test!10m"] },
  },
  failing: {
    ...GOOD,
    "send.d.test": "servfail",
    "s1._domainkey.d.test": "timeout",
    "_dmarc.d.test": "refused",
  },
};

const SENDING: SendingDomain = {
  domain: "d.test",
  returnPath: "send.d.test",
  selectors: [{ selector: "s1", key: { algorithm: "rsa-sha256", publicKeyBase64: RSA_2048 } }],
  includes: ["spf.relay.test"],
  addresses: ["192.0.2.7", "2001:db8::7"],
  bounceHost: "bounce.relay.test",
};
const REQUIREMENT: Requirement = {
  domain: "d.test",
  records: sendingRecords({
    returnPath: "send",
    selectors: [{ selector: "s1", algorithm: "rsa-sha256", publicKeyBase64: RSA_2048 }],
    spf: "v=spf1 include:spf.relay.test ~all",
    bounceHost: "bounce.relay.test",
  }),
  apexSpf: "v=spf1 include:spf.relay.test ~all",
  dmarc: { policy: "quarantine", rua: "mailto:dmarc@relay.test" },
};
const signal = new AbortController().signal;

const exportsOf = (changes: readonly Change[]): Record<string, unknown> => ({
  cloudflare: { listings: cloudflareListings(changes, "zone1"), batch: cloudflareBatch(changes, "zone1", []) },
  dnscontrol: formatDnscontrol(changes, "d.test"),
  json: planAsJson(changes),
  octodns: formatOctodns(changes, "d.test"),
  terraform: (["cloudflare", "route53", "google"] as const).map((provider) => formatTerraform(changes, provider)),
  zoneFile: formatZoneFile(changes),
});

const resultsOver = async (zone: RecordedZone): Promise<Record<string, unknown>> => {
  const resolve = recordedResolver(zone);
  const changes = await plan(REQUIREMENT, resolve, signal);
  return {
    check: await checkDomain(SENDING, SOME_SUFFIXES, boundedRun(resolve).resolve, signal),
    plan: changes,
    exports: exportsOf(changes),
    spf: await Promise.all(["d.test", "send.d.test"].map((domain) => walkSpf(domain, resolve, signal))),
    walk: await walkTree("a.b.c.d.e.f.g.h.d.test", resolve, signal),
    policy: await discoverPolicy("news.d.test", resolve, signal),
  };
};

const octetsOf = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

const keyPair = async (algorithm: keyof typeof keys): Promise<DkimKeyPair> => {
  const pair = keys[algorithm];
  const parameters = keyParameters(algorithm);
  return formatKeyPair({
    privateKey: await crypto.subtle.importKey("pkcs8", octetsOf(pair.privateKey), parameters, true, ["sign"]),
    publicKey: await crypto.subtle.importKey("spki", octetsOf(pair.publicKey), parameters, true, ["verify"]),
  });
};

const zones: Record<string, unknown> = {};
for (const [name, zone] of Object.entries(ZONES)) zones[name] = await resultsOver(zone);
const results = {
  runtime: "Deno" in globalThis ? "Deno" : "Node",
  zones,
  sample: exportsOf(SAMPLE),
  keys: [await keyPair("rsa-sha256"), await keyPair("ed25519-sha256")],
};
console.log(JSON.stringify(results));
