/**
 * A plan at Cloudflare: all of it in one batch while the zone is what the plan saw, else nothing; and whatever goes
 * wrong is told without the token.
 */
import { expect, test } from "vitest";
import { txtRecord as txt, type Change } from "#dns/zone.ts";
import { publishAtCloudflare, type CloudflarePublication } from "#resolvers/cloudflare-api.ts";
import { cname, mx } from "../lib/plan-steps.ts";
import { fakeCloudflare, refusal, type FakeCloudflare } from "../support/fake-cloudflare.ts";

const TOKEN = "cf-token-that-nobody-may-see_0123456789";

const CHANGES: readonly Change[] = [
  { kind: "add", purpose: "SPF", to: mx("send.d.test", "bounce.relay.test"), beside: [] },
  {
    ...{ kind: "replace", purpose: "SPF", from: [txt("d.test", "v=spf1 -all")] },
    ...{ to: txt("d.test", "v=spf1 include:r.test -all"), beside: [txt("d.test", "site=abc")] },
  },
  {
    ...{ kind: "replace", purpose: "DKIM", from: [cname("s1._domainkey.d.test", "old.test")], beside: [] },
    to: txt("s1._domainkey.d.test", "v=DKIM1; p=AAAA"),
  },
  { kind: "keep", purpose: "DKIM", record: txt("s2._domainkey.d.test", "v=DKIM1; p=BBBB") },
];

const HELD = [
  { name: "d.test", type: "TXT", content: '"v=spf1 -all"' },
  { name: "d.test", type: "TXT", content: "site=abc" },
  { name: "d.test", type: "A", content: "192.0.2.1" },
  { name: "s1._domainkey.d.test", type: "CNAME", content: "old.test" },
];

const publishAt = (fake: FakeCloudflare, domain = "d.test", token = TOKEN): Promise<CloudflarePublication> =>
  publishAtCloudflare(domain, CHANGES, { token, fetch: fake.fetch });

test("all edits go in one batch, after the zone was looked at", async () => {
  const fake = fakeCloudflare("d.test", TOKEN, HELD);
  expect(await publishAt(fake)).toEqual({ kind: "done", zone: "d.test" });
  expect(fake.asked.map((request) => request.replace(/[0-9a-f]{32}/, "ID"))).toEqual([
    "GET /zones?name=d.test",
    "GET /zones/ID/dns_records?name.exact=send.d.test&per_page=1000",
    "GET /zones/ID/dns_records?name.exact=d.test&per_page=1000",
    "GET /zones/ID/dns_records?name.exact=s1._domainkey.d.test&per_page=1000",
    "POST /zones/ID/dns_records/batch",
  ]);
  expect(fake.records.map(({ name, type, content }) => `${name} ${type} ${content}`).toSorted()).toEqual([
    "d.test A 192.0.2.1",
    'd.test TXT "v=spf1 include:r.test -all"',
    "d.test TXT site=abc",
    's1._domainkey.d.test TXT "v=DKIM1; p=AAAA"',
    "send.d.test MX bounce.relay.test",
  ]);
});

test("a domain's zone may be its parent's", async () => {
  const fake = fakeCloudflare("test", TOKEN, HELD);
  expect(await publishAt(fake, "a.b.d.test")).toMatchObject({ kind: "refused", reason: /no zone for a\.b\.d\.test/ });
  expect(fake.asked).toEqual(["a.b.d.test", "b.d.test", "d.test"].map((name) => `GET /zones?name=${name}`));
  const parent = fakeCloudflare("d.test", TOKEN, HELD);
  expect(await publishAt(parent, "mail.d.test")).toEqual({ kind: "done", zone: "d.test" });
});

test("a zone that is not what the plan saw is left alone", async () => {
  const check = async (held: typeof HELD, reason: RegExp): Promise<void> => {
    const fake = fakeCloudflare("d.test", TOKEN, held);
    expect(await publishAt(fake)).toEqual({ kind: "refused", reason: expect.stringMatching(reason) });
    expect(fake.asked.filter((request) => request.startsWith("POST"))).toEqual([]);
  };
  const another = (content: string, type = "TXT", name = "d.test") => ({ name, type, content });
  await check([...HELD, another('"v=spf1 mx -all"')], /d\.test has 3 TXT record\(s\), and the plan saw 2/);
  await check(HELD.slice(1), /d\.test has 1 TXT/);
  await check([...HELD.slice(1), another('"v=spf1 mx -all"')], /there is no d\.test\. IN TXT "v=spf1 -all"/);
  await check([...HELD, another("mx.other.test", "MX", "send.d.test")], /send\.d\.test has 1 MX/);
  await check([...HELD, another("x.test", "CNAME", "send.d.test")], /send\.d\.test has 1 CNAME/);
  await check(HELD.slice(0, 3), /s1\._domainkey\.d\.test has 0 CNAME/);
});

test("what goes wrong is told, and the token is not", async () => {
  const check = async (beginning: string, response: () => Response, expected: object): Promise<void> => {
    const fake = fakeCloudflare("d.test", TOKEN, HELD);
    fake.instead.set(beginning, response);
    const result = await publishAt(fake);
    expect(result, beginning).toMatchObject(expected);
    expect(JSON.stringify(result)).not.toContain(TOKEN);
  };
  const throwing = (): Response => {
    throw new Error(`Bearer ${TOKEN}`);
  };
  const says = (reason: RegExp, kind = "refused") => ({ kind, reason: expect.stringMatching(reason) });
  await check("GET /zones?", () => refusal(403, 9109, `Invalid token ${TOKEN}`), says(/Invalid token … \(9109\)/));
  await check("GET /zones/", () => refusal(400, 7003, "Could not route"), says(/Could not route/));
  await check("POST", () => refusal(400, 81058, "An identical record already exists."), says(/identical.*81058/));
  await check("POST", throwing, says(/could not be reached.*It may have been done/, "failed"));
  await check("POST", () => new Response("<html>"), says(/not in JSON.*It may have been done/, "failed"));
  await check("GET /zones?", throwing, says(/api\.cloudflare\.com could not be reached\.$/, "failed"));
  await check(
    "GET",
    () => Response.json({ result: [{ id: "../x", name: "d.test" }] }),
    says(/cannot be read/, "failed"),
  );
  await check(
    "GET",
    () => new Response(null, { status: 302, headers: { location: "https://x.test" } }),
    says(/elsewhere/, "failed"),
  );
  await check("GET", () => new Response("x".repeat(1_000_001)), says(/more than/, "failed"));
});

test("what is no token is sent nowhere", async () => {
  for (const token of ["", "two words", "line\nbreak", "ü", "x".repeat(301)]) {
    const fake = fakeCloudflare("d.test", TOKEN, HELD);
    expect((await publishAt(fake, "d.test", token)).kind).toBe("refused");
    expect(fake.asked).toEqual([]);
  }
});
