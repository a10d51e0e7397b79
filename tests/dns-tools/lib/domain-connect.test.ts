/**
 * Domain Connect: the template is the sender's and not the customer's, the link has what this customer lacks, and a
 * signature holds for the link as it is.
 */
import { expect, test } from "vitest";
import { applicableTo, applyUrl, buildTemplate, isPublicName, providerIdOf, settingsUrl } from "#dns/domain-connect.ts";
import type { Requirement } from "#dns/need.ts";
import { sendingRecords } from "#dns/requirement.ts";
import { txtRecord as txt, type Change, type MailRecord } from "#dns/zone.ts";
import { ED25519, RSA_2048 } from "../support/public-keys.ts";
import { mx } from "./plan-steps.ts";

const REQUIREMENT: Requirement = {
  domain: "d.test",
  records: sendingRecords({
    returnPath: "send",
    selectors: [
      { selector: "s1", algorithm: "rsa-sha256", publicKeyBase64: RSA_2048 },
      { selector: "s2", algorithm: "ed25519-sha256", publicKeyBase64: ED25519 },
    ],
    spf: "v=spf1 ip4:192.0.2.1 include:spf.relay.test ~all",
    bounceHost: "bounce.relay.test",
  }),
  dmarc: { policy: "none", rua: "mailto:dmarc+x@d.test" },
};
const ALL = ["bounce", "spf", "dkim", "dmarc"] as const;

test("the template", () => {
  const template = buildTemplate(REQUIREMENT, "relay.test");
  expect(template).toMatchObject({ providerId: "relay.test", serviceId: "mail", warnPhishing: true });
  const txtOf = (groupId: string, host: string, data: string) => ({ groupId, type: "TXT", host, data, ttl: 3600 });
  const prefix = { txtConflictMatchingMode: "Prefix", txtConflictMatchingPrefix: "v=DMARC1" };
  expect(template.records).toEqual([
    { groupId: "bounce", type: "MX", host: "send", pointsTo: "bounce.relay.test", priority: 10, ttl: 3600 },
    { groupId: "spf", type: "SPFM", host: "send", spfRules: "ip4:192.0.2.1 include:spf.relay.test" },
    { ...txtOf("dkim", "s1._domainkey", "v=DKIM1; k=rsa; p=%dkim1%"), txtConflictMatchingMode: "All" },
    { ...txtOf("dkim", "s2._domainkey", "v=DKIM1; k=ed25519; p=%dkim2%"), txtConflictMatchingMode: "All" },
    { ...txtOf("dmarc", "_dmarc", "v=DMARC1; p=none; rua=mailto:%rua%"), ...prefix },
  ]);
  expect(JSON.stringify(template)).not.toMatch(/d\.test|MIIB/);
  const apex = buildTemplate({ domain: "d.test", records: [], apexSpf: "v=spf1 include:r.test ~all" }, "r.test");
  expect(apex.records).toEqual([{ groupId: "spf", type: "SPFM", host: "@", spfRules: "include:r.test" }]);
});

test("a link asks for what is missing, and leaves an owner's DMARC record alone", () => {
  const add = (purpose: Change["purpose"], to: MailRecord = txt("x.d.test", "x")): Change => ({
    kind: "add",
    purpose,
    to,
    beside: [],
  });
  const replace = (purpose: Change["purpose"]): Change => ({
    ...{ kind: "replace", purpose, from: [txt("x.d.test", "y")], to: txt("x.d.test", "x"), beside: [] },
  });
  const check = (changes: Change[], groups: string[], byHand = 0): void => {
    const applicable = applicableTo(changes);
    expect(applicable.groups).toEqual(groups);
    expect(applicable.byHand).toHaveLength(byHand);
  };
  check([], []);
  check([add("SPF", mx("send.d.test", "b.test")), add("SPF"), add("DKIM"), add("DKIM"), add("DMARC")], [...ALL]);
  check([replace("SPF"), replace("DKIM"), replace("DMARC")], ["spf", "dkim"], 1);
  check([{ kind: "keep", purpose: "DKIM", record: txt("a.test", "b") }], []);
  check([{ kind: "unknown", purpose: "DKIM", name: "a.test", type: "TXT", reason: "ill" }], []);
});

test("the link has the zone, the place in it, the groups and their variables", async () => {
  const application = { urlSyncUX: "https://dc.host.test/ux/", providerId: "relay.test", requirement: REQUIREMENT };
  const url = new URL(await applyUrl({ ...application, groups: ALL, apex: "d.test" }));
  expect(url.origin + url.pathname).toBe(
    "https://dc.host.test/ux/v2/domainTemplates/providers/relay.test/services/mail/apply",
  );
  expect([...url.searchParams]).toEqual([
    ["dkim1", RSA_2048],
    ["dkim2", ED25519],
    ["domain", "d.test"],
    ["groupId", "bounce,spf,dkim,dmarc"],
    ["rua", "dmarc+x@d.test"],
  ]);
  const below = { ...REQUIREMENT, domain: "news.d.test" };
  const part = await applyUrl({ ...application, requirement: below, groups: ["spf"], apex: "d.test" });
  expect(part.slice(part.indexOf("?"))).toBe("?domain=d.test&groupId=spf&host=news");
});

test("a signature holds for the query as it stands in the link", async () => {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const generate = { ...algorithm, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
  const { privateKey, publicKey } = await crypto.subtle.generateKey(generate, false, ["sign", "verify"]);
  const signer = { privateKey, label: "_dcpubkeyv1", domain: "relay.test" };
  const application = { urlSyncUX: "https://dc.host.test", providerId: "relay.test", requirement: REQUIREMENT };
  const url = await applyUrl({ ...application, groups: ALL, apex: "d.test" }, signer);
  const [, query = "", sig = "", key] = /\?(.*)&sig=([^&]*)&key=(.*)$/.exec(url) ?? [];
  expect(key).toBe("_dcpubkeyv1");
  const signature = Uint8Array.from(atob(decodeURIComponent(sig)), (character) => character.charCodeAt(0));
  const holds = (text: string): Promise<boolean> =>
    crypto.subtle.verify(algorithm.name, publicKey, signature, new TextEncoder().encode(text));
  expect(await holds(query)).toBe(true);
  expect(await holds(query.replace("d.test", "e.test"))).toBe(false);
  expect(buildTemplate(REQUIREMENT, "relay.test", signer)).toMatchObject({ syncPubKeyDomain: "relay.test" });
  expect(buildTemplate(REQUIREMENT, "relay.test", signer)).not.toHaveProperty("warnPhishing");
});

test("whom a zone may send us to", () => {
  const check = (text: string, expected: string | undefined): void => {
    expect(settingsUrl(text, "d.test"), text).toBe(expected);
  };
  check("dc.host.test", "https://dc.host.test/v2/d.test/settings");
  check(" dc.host.test/a/b ", "https://dc.host.test/a/b/v2/d.test/settings");
  check("dc.host.test/", "https://dc.host.test/v2/d.test/settings");
  for (const text of ["", "/", "localhost", "a.localhost", "x.internal", "192.0.2.1", "127.0.0.1/x", "[::1]"])
    check(text, undefined);
  for (const text of [
    "https://dc.host.test",
    "dc.host.test:8443",
    "u@dc.host.test",
    "dc.host.test/?x",
    "dc.host.test#",
  ])
    check(text, undefined);
  check("dc.host.test/../../x y", undefined);
  for (const name of ["0x7f.1", "127.1", "0177.0.0.1", "1.2.3", "a..b", "d.test."])
    expect(isPublicName(name), name).toBe(name === "d.test.");
});

test("a sender's id", () => {
  expect(providerIdOf([])).toBeUndefined();
  expect(providerIdOf(["spf.relay.test", "x.test"])).toBe("spf.relay.test");
  expect(providerIdOf([`${"a".repeat(60)}.test`])).toBeUndefined();
});
