/**
 * Who has the records: each resolver's own answer, in the words of the table, with the time until which an old one stays.
 */
import { afterEach, expect, test, vi } from "vitest";
import type { RecordedZone } from "../../../dns-tools/resolvers/recorded.ts";
import { recordedResolver } from "../../../dns-tools/resolvers/recorded.ts";
import type { View } from "../../../dns-tools/wizard/propagation.ts";
import { ED25519, RSA_2048 } from "../support/public-keys.ts";
import { ANSWERS, BARE, hostedAt, wizardOver } from "./scene.ts";

const DONE: RecordedZone = {
  ...BARE,
  "send.d.test": {
    MX: [{ preference: 10, exchange: "bounce.relay.test" }],
    TXT: ["v=spf1 include:spf.relay.test ~all"],
  },
  "s1._domainkey.d.test": { TXT: [`v=DKIM1; k=rsa; p=${RSA_2048}`] },
  "s2._domainkey.d.test": { TXT: [`v=DKIM1; k=ed25519; p=${ED25519}`] },
  "_dmarc.d.test": { TXT: ["v=DMARC1; p=none; rua=mailto:dmarc@d.test"] },
};
const OLD: RecordedZone = { ...DONE, "s1._domainkey.d.test": { TXT: ["v=DKIM1; p=AAAA"], ttlSeconds: 600 } };
const ILL: RecordedZone = { ...DONE, "send.d.test": "timeout" };

const view = (name: string, zone: RecordedZone): View => ({ name, resolve: recordedResolver(zone) });
const VIEWS = [view("first.test", DONE), view("second.test", OLD), view("third.test", ILL), view("fourth.test", BARE)];

afterEach(() => {
  vi.useRealTimers();
});

test("each resolver's answer is its own", async () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 24, 13, 55), toFake: ["Date"] });
  const app = wizardOver(BARE, { views: VIEWS });
  const old = { kind: "other", untilMs: Date.UTC(2026, 10, 24, 14, 5) };
  const ill = { kind: "unknown", reason: "the recorded zone has timeout at send.d.test" };
  const [there, missing] = [{ kind: "there" }, { kind: "missing" }];
  expect(await (await app.request(`/propagation.json?${ANSWERS}`)).json()).toEqual({
    domain: "d.test",
    views: ["first.test", "second.test", "third.test", "fourth.test"],
    isEverywhere: false,
    rows: [
      { purpose: "SPF", name: "send.d.test", type: "MX", sights: [there, there, ill, missing] },
      { purpose: "SPF", name: "send.d.test", type: "TXT", sights: [there, there, ill, missing] },
      { purpose: "DKIM", name: "s1._domainkey.d.test", type: "TXT", sights: [there, old, there, missing] },
      { purpose: "DKIM", name: "s2._domainkey.d.test", type: "TXT", sights: [there, there, there, missing] },
      { purpose: "DMARC", name: "_dmarc.d.test", type: "TXT", sights: [there, there, there, missing] },
    ],
  });
  const html = await (await app.request(`/propagation?${ANSWERS}`)).text();
  expect(html).toContain("5 of 5 records are not everywhere yet");
  expect(html).toMatch(/old value<\/strong>\s*until <time datetime="2026-11-24T14:05:00.000Z">14:05 UTC<\/time>/);
  expect(html).toMatch(/could not ask<\/strong>\s*<span class="soft">the recorded zone has timeout/);
  expect(html.match(/<th scope="col">/g)).toHaveLength(5);
  expect(html.match(/<th scope="row">/g)).toHaveLength(5);
  expect(html).toContain('data-refresh="15"');
});

test("when all have all of it, nothing looks again", async () => {
  const app = wizardOver(BARE, { views: [view("a.test", DONE), view("b.test", DONE)] });
  const html = await (await app.request(`/propagation?${ANSWERS}`)).text();
  expect(html).toContain("Everybody who was asked has all of it.");
  expect(html).not.toContain("data-refresh");
});

test("the zone's own servers are asked by their addresses, and keep no old value", async () => {
  const asked: string[] = [];
  const zone: RecordedZone = {
    ...hostedAt("ns1.d.test", "ns2.d.test", "ns3.d.test"),
    "ns1.d.test": { A: ["192.0.2.51"] },
    "ns2.d.test": { A: ["192.0.2.52"] },
    "ns3.d.test": "servfail",
  };
  const app = wizardOver(zone, {
    views: [view("first.test", DONE)],
    toServer: (address) => {
      asked.push(address);
      return recordedResolver(OLD);
    },
  });
  expect(await (await app.request(`/propagation.json?${ANSWERS}`)).json()).toMatchObject({
    views: ["ns1.d.test", "ns2.d.test", "first.test"],
    rows: [{}, {}, { sights: [{ kind: "other" }, { kind: "other" }, { kind: "there" }] }, {}, {}],
  });
  expect(asked).toEqual(["192.0.2.51", "192.0.2.52"]);
  const html = await (await app.request(`/propagation?${ANSWERS}`)).text();
  expect(html).not.toContain("until <time");
});

test("servers that are not to be asked are left out, and all of them where another site makes the browser ask", async () => {
  const zone: RecordedZone = {
    ...hostedAt("ns1.d.test", "ns2.d.test", "ns3.d.test"),
    "ns1.d.test": { A: ["10.0.0.53"] },
    "ns2.d.test": { A: ["10.0.0.53", "192.0.2.52"] },
    "ns3.d.test": { A: ["192.0.2.53"] },
  };
  const asked: string[] = [];
  const app = wizardOver(zone, {
    views: [view("first.test", DONE)],
    toServer: (address) => {
      if (address.startsWith("10.")) return undefined;
      asked.push(address);
      return recordedResolver(DONE);
    },
  });
  const viewsFor = async (site?: string): Promise<unknown> => {
    const headers: Record<string, string> = site === undefined ? {} : { "sec-fetch-site": site };
    return (await app.request(`/propagation.json?${ANSWERS}`, { headers })).json();
  };
  for (const site of [undefined, "none", "same-origin"])
    expect(await viewsFor(site)).toMatchObject({ views: ["ns2.d.test", "ns3.d.test", "first.test"] });
  expect(new Set(asked)).toEqual(new Set(["192.0.2.52", "192.0.2.53"]));
  asked.length = 0;
  for (const site of ["cross-site", "same-site"]) expect(await viewsFor(site)).toMatchObject({ views: ["first.test"] });
  expect(asked).toEqual([]);
});

test("so many are asked and no more", async () => {
  const views = Array.from({ length: 30 }, (_, at) => view(`r${at}.test`, DONE));
  const many = hostedAt(...Array.from({ length: 30 }, (_, at) => `ns${at}.d.test`));
  const servers = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`ns${at}.d.test`, { A: ["192.0.2.9"] }]));
  const app = wizardOver({ ...many, ...servers }, { views, toServer: () => recordedResolver(DONE) });
  const json: unknown = await (await app.request(`/propagation.json?${ANSWERS}`)).json();
  expect(json).toMatchObject({ views: { length: 10 } });
  expect(JSON.stringify(json).match(/ns\d+\.d\.test/g)).toHaveLength(4);
});

test("what is to be there must be known", async () => {
  expect((await wizardOver(BARE).request("/propagation?domain=d.test")).status).toBe(400);
});
