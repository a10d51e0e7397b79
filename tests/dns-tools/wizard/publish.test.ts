/**
 * Publishing from the page: what was shown is what is done, no other site can have it done, and what is secret is in no
 * answer, no address and no log.
 */
import { afterEach, expect, test, vi } from "vitest";
import { txtRecord, type Change } from "#dns/zone.ts";
import { recordedResolver } from "../../../dns-tools/resolvers/recorded.ts";
import { wizardApp } from "../../../dns-tools/wizard/app.ts";
import { publishByUpdate } from "../../../dns-tools/wizard/dns-update-form.ts";
import type { TypedUpdate } from "../../../dns-tools/wizard/publish-routes.ts";
import { fakeCloudflare, refusal } from "../support/fake-cloudflare.ts";
import { ANSWERS, BARE, hostedAt, markOn, post, urlOf, wizardOver } from "./scene.ts";

const TOKEN = "cf-token-that-nobody-may-see_0123456789";
const CLOUDFLARE = hostedAt("gina.ns.cloudflare.com", "rob.ns.cloudflare.com");
const AT_CLOUDFLARE = `/publish/cloudflare?${ANSWERS}`;
const AT_SERVER = `/publish/update?${ANSWERS}`;

afterEach(() => {
  vi.restoreAllMocks();
});

test("from the plan to Cloudflare, and on to the check", async () => {
  const cloudflare = fakeCloudflare("d.test", TOKEN);
  const app = wizardOver(CLOUDFLARE, { fetch: cloudflare.fetch });
  const response = await post(app, AT_CLOUDFLARE, { token: TOKEN, plan: await markOn(app) });
  expect(response.status).toBe(200);
  const html = await response.text();
  expect(html).toContain("Cloudflare has it in the zone d.test");
  expect(html.match(/added/g)).toHaveLength(5);
  expect([...html.matchAll(/<h(\d)/g)].map(([, level]) => level).join("")).toBe("1233333");
  expect(html).toMatch(/href="\/check\?[^"]*domain=d\.test[^"]*"\s*>Check now/);
  expect(cloudflare.records).toHaveLength(5);
  const again = await post(app, AT_CLOUDFLARE, { token: TOKEN, plan: await markOn(app) });
  expect(again.status, "a resolver that does not know it yet").toBe(502);
  expect(await again.text()).toContain("not what the plan saw");
  expect(cloudflare.records).toHaveLength(5);
});

test("another base is asked when one is told", async () => {
  const cloudflare = fakeCloudflare("d.test", TOKEN);
  const urls: string[] = [];
  const app = wizardOver(CLOUDFLARE, {
    fetch: (input, init) => {
      urls.push(urlOf(input));
      return cloudflare.fetch(input, init);
    },
    cloudflareUrl: "http://127.0.0.1:1/client/v4",
  });
  await post(app, AT_CLOUDFLARE, { token: TOKEN, plan: await markOn(app) });
  expect(urls[0]).toBe("http://127.0.0.1:1/client/v4/zones?name=d.test");
});

test("a plan that is not the one shown is not published", async () => {
  const cloudflare = fakeCloudflare("d.test", TOKEN);
  const mark = await markOn(wizardOver({ ...CLOUDFLARE, "_dmarc.d.test": { TXT: ["v=DMARC1; p=none"] } }));
  const app = wizardOver(CLOUDFLARE, { fetch: cloudflare.fetch });
  for (const plan of [mark, "", "0".repeat(32)]) {
    const response = await post(app, AT_CLOUDFLARE, { token: TOKEN, plan });
    expect(response.status).toBe(409);
    expect(await response.text()).toMatch(
      /no longer what the page showed[\s\S]*href="\/plan\?[^"]*"\s*>Back to the plan/,
    );
  }
  expect(cloudflare.asked).toEqual([]);
});

test("a form from elsewhere is refused before anything is looked at", async () => {
  const cloudflare = fakeCloudflare("d.test", TOKEN);
  const app = wizardOver(CLOUDFLARE, { fetch: cloudflare.fetch });
  const fields = { token: TOKEN, plan: await markOn(app) };
  const check = async (headers: Record<string, string>, status: number): Promise<void> => {
    expect((await post(app, AT_CLOUDFLARE, fields, headers)).status, JSON.stringify(headers)).toBe(status);
  };
  await check({}, 403);
  await check({ "sec-fetch-site": "cross-site" }, 403);
  await check({ "sec-fetch-site": "same-site" }, 403);
  await check({ "sec-fetch-site": "none" }, 403);
  await check({ "sec-fetch-site": "cross-site", origin: "http://localhost" }, 403);
  await check({ origin: "null" }, 403);
  await check({ origin: "https://evil.test" }, 403);
  await check({ origin: "http://localhost.evil.test" }, 403);
  await check({ origin: "http://localhost:81" }, 403);
  await check({ "sec-fetch-site": "same-origin", "content-type": "text/plain" }, 415);
  expect(cloudflare.asked).toEqual([]);
  await check({ origin: "https://localhost" }, 200);
});

test("a body that no form of ours has is not read to its end", async () => {
  const app = wizardOver(CLOUDFLARE);
  expect((await post(app, AT_CLOUDFLARE, { token: "x".repeat(8_200) })).status).toBe(413);
  let pulled = 0;
  const body = new ReadableStream({
    pull: (controller) => {
      pulled++;
      controller.enqueue(new Uint8Array(4_096));
    },
  });
  const headers = { "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded" };
  const request = new Request(`http://localhost${AT_CLOUDFLARE}`, { method: "POST", headers, body, duplex: "half" });
  expect((await app.request(request)).status).toBe(413);
  expect(pulled).toBeLessThan(6);
});

test("the token is in no answer, no address and no log, whatever comes of it", async () => {
  const lines: unknown[] = [];
  for (const level of ["log", "info", "warn", "error", "debug"] as const)
    vi.spyOn(console, level).mockImplementation((...line) => void lines.push(line));
  const cloudflare = fakeCloudflare("d.test", TOKEN);
  const app = wizardOver(CLOUDFLARE, { fetch: cloudflare.fetch });
  const plan = await markOn(app);
  const answers: Response[] = [await post(app, AT_CLOUDFLARE, { token: TOKEN, plan: "0" })];
  const instead: (() => Response)[] = [
    () => refusal(403, 9109, `Invalid token: ${TOKEN}`),
    () => new Response(TOKEN),
    () => {
      throw new Error(TOKEN);
    },
  ];
  for (const response of instead) {
    cloudflare.instead.set("GET", response);
    answers.push(await post(app, AT_CLOUDFLARE, { token: TOKEN, plan }));
  }
  cloudflare.instead.clear();
  answers.push(await post(app, AT_CLOUDFLARE, { token: TOKEN, plan }));
  answers.push(await post(app, AT_CLOUDFLARE, { token: `${TOKEN} ü`, plan }));
  answers.push(await post(app, "/publish/cloudflare?domain=@", { token: TOKEN, plan }));
  expect(answers.map(({ status }) => status)).toEqual([409, 502, 502, 502, 200, 502, 400]);
  for (const response of answers) {
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(JSON.stringify([...response.headers]) + (await response.text())).not.toContain(TOKEN);
  }
  expect(cloudflare.asked.join()).not.toContain(TOKEN);
  expect(lines).toEqual([]);
});

test("the answer is JSON for who wants it", async () => {
  const app = wizardOver(CLOUDFLARE, { fetch: fakeCloudflare("d.test", TOKEN).fetch });
  const headers = { "sec-fetch-site": "same-origin", accept: "application/json" };
  const response = await post(app, AT_CLOUDFLARE, { token: TOKEN, plan: await markOn(app) }, headers);
  const published = expect.arrayContaining([expect.objectContaining({ action: "add" })]);
  expect(await response.json()).toMatchObject({ domain: "d.test", outcome: "done", published });
});

test("which ways are offered", async () => {
  const check = async (
    html: string,
    ways: Record<"cloudflare" | "update" | "domain-connect", boolean>,
  ): Promise<void> => {
    expect({
      cloudflare: html.includes('action="/publish/cloudflare?'),
      update: html.includes('action="/publish/update?'),
      "domain-connect": html.includes('href="/domain-connect?'),
    }).toEqual(ways);
  };
  const plan = async (zone: typeof BARE, query = ANSWERS): Promise<string> =>
    (await wizardOver(zone).request(`/plan?${query}`)).text();
  await check(await plan(CLOUDFLARE), { cloudflare: true, update: true, "domain-connect": true });
  await check(await plan(BARE), { cloudflare: true, update: true, "domain-connect": true });
  await check(await plan(hostedAt("ns01.domaincontrol.com")), {
    cloudflare: false,
    update: true,
    "domain-connect": true,
  });
  await check(await plan(BARE, "domain=d.test&ip=192.0.2.1"), {
    cloudflare: true,
    update: true,
    "domain-connect": false,
  });
});

test("where updates are not allowed none is sent", async () => {
  const app = wizardApp({ resolve: recordedResolver(BARE) });
  expect(await (await app.request(`/plan?${ANSWERS}`)).text()).not.toContain("/publish/update");
  expect((await post(app, AT_SERVER, { plan: await markOn(app) })).status).toBe(404);
});

test("an update has what was typed, and shows no secret", async () => {
  const seen: TypedUpdate[] = [];
  const app = wizardOver(BARE, {
    update: (changes, typed) => {
      seen.push(typed);
      return Promise.resolve({ kind: "refused", text: `127.0.0.1 takes no updates (${changes.length})` });
    },
  });
  const typed = {
    server: " 127.0.0.1:53 ",
    zone: "d.test",
    "key-name": "writer.key",
    algorithm: "hmac-sha512",
    secret: "c2VjcmV0LXRleHQ=",
  };
  const response = await post(app, AT_SERVER, { ...typed, plan: await markOn(app) });
  const html = await response.text();
  expect(response.status).toBe(502);
  expect(html).toContain("127.0.0.1 takes no updates (5)");
  expect(html).not.toContain(typed.secret);
  const { algorithm, secret } = typed;
  expect(seen).toEqual([{ server: "127.0.0.1:53", zone: "d.test", keyName: "writer.key", algorithm, secret }]);
});

test("what was typed for an update is read before it is sent", async () => {
  const change: Change = { kind: "add", purpose: "SPF", to: txtRecord("d.test", "x"), beside: [] };
  const check = async (typed: Partial<TypedUpdate>, kind: string, text: RegExp): Promise<void> => {
    const whole = { server: "127.0.0.1:1", zone: "d.test", keyName: "k", algorithm: "", secret: "AAAA", ...typed };
    expect(await publishByUpdate([change], whole, 0)).toEqual({ kind, text: expect.stringMatching(text) });
  };
  await check({ server: "ns.d.test" }, "invalid", /IP address/);
  await check({ server: "" }, "invalid", /IP address/);
  await check({ zone: "a b" }, "invalid", /domain name/);
  await check({ algorithm: "hmac-md5" }, "invalid", /one of hmac-sha256, hmac-sha512/);
  await check({ algorithm: "HMAC-SHA384." }, "failed", /could not be asked/);
  await check({ secret: "§" }, "failed", /not base64/);
  await check({}, "failed", /could not be asked/);
});
