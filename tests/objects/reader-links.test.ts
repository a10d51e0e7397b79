/**
 * The links of a mail as its readers, their mailbox providers and their scanners follow them: unsubscribing and coming
 * back, clicks that always arrive, opens, and what of them counts.
 */
import { env, exports } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  clickSignedText,
  clickUrl,
  formatLinkToken,
  type LinkToken,
  openSignedText,
  openUrl,
  unsubscribeSignedText,
  unsubscribeUrl,
} from "#contract/link-token.ts";
import { LINK_SQL } from "../../gateway/objects/account-links.ts";
import { accountMac } from "../../gateway/core/return-path-key.ts";
import { acceptMany, leaseTo, outcomes } from "./support/account-scene.ts";
import { recordLog } from "./support/recorded-log.ts";
import { call, objectsMadeBy, openAccount, sqlIn, type TestAccount } from "./support/worker-calls.ts";

const log = recordLog();
let account: TestAccount;
let aheadMs = 0;
beforeEach(async () => {
  const now = Date.now.bind(Date);
  aheadMs = 0;
  vi.spyOn(Date, "now").mockImplementation(() => now() + aheadMs);
  account = await openAccount();
});
afterEach(reset);

const BASE = "https://gateway.test";
const ONE_CLICK = "List-Unsubscribe=One-Click";
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const CHROME = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36" };

const tokenOf = async (token: LinkToken, signedText: string): Promise<string> =>
  formatLinkToken(token, await accountMac(env.HIKYAKU_MASTER_KEY, token.account, signedText));
const unsubscribeLink = async (k: number, id = account.id): Promise<string> =>
  unsubscribeUrl(BASE, await tokenOf({ account: id, k }, unsubscribeSignedText({ account: id, k })));
const clickLink = async (k: number, target: string): Promise<string> =>
  clickUrl(
    BASE,
    await tokenOf({ account: account.id, k }, clickSignedText({ account: account.id, k }, target)),
    target,
  );
const openLink = async (k: number): Promise<string> =>
  openUrl(BASE, await tokenOf({ account: account.id, k }, openSignedText({ account: account.id, k })));

const visit = (url: string, init: RequestInit = {}): Promise<Response> =>
  exports.default.fetch(url, { redirect: "manual", ...init });
const post = (url: string, body: BodyInit, headers: Record<string, string> = FORM): Promise<Response> =>
  visit(url, { method: "POST", headers, body });
const titleOf = async (response: Response): Promise<string> => {
  const text = await response.text();
  return `${response.status} ${/<h1>([^<]*)<\/h1>/.exec(text)?.[1] ?? text}`;
};

/** A mail that has arrived a minute ago; the key of its delivery. */
const delivered = async (stream: "transactional" | "bulk" = "bulk"): Promise<number> => {
  const meta = `{"from":"Shop <sender@shop.test>","to":["reader@inbox.test"],"subject":"x","stream":"${stream}"}`;
  const [k = 0] = await acceptMany(account, 1, { stream, meta });
  const { lease, ks } = await leaseTo(account, "relay");
  const text = outcomes(lease, ks, "delivered").replaceAll(/"(started|ended)_at_ms":\d+/g, `"$1_at_ms":${Date.now()}`);
  await account.stub.settle("relay", text);
  aheadMs += 60_000;
  return k;
};

const eventsOf = async (k: number, kind: string): Promise<unknown[]> =>
  (
    await sqlIn<{ data: string }>(
      account.stub,
      "SELECT data FROM event WHERE delivery = ? AND kind = ? ORDER BY k",
      k,
      kind,
    )
  ).map(({ data }) => JSON.parse(data));
const suppressed = () => sqlIn(account.stub, "SELECT address, stream, origin FROM suppression ORDER BY k");
const counted = async (kind: string): Promise<number> =>
  (await sqlIn<{ n: number }>(account.stub, "SELECT TOTAL(n) AS n FROM stat WHERE kind = ?", kind))[0]?.n ?? 0;

const UNSUBSCRIBED = [{ address: "reader@inbox.test", stream: 1, origin: "unsubscribe" }];

test("looking at the page changes nothing, whoever looks", async () => {
  const k = await delivered();
  const link = await unsubscribeLink(k);
  for (const method of ["GET", "HEAD", "GET"]) {
    const response = await visit(link, { method });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "cache-control": "no-store",
      "content-security-policy": expect.stringContaining("form-action 'self'"),
      "referrer-policy": "no-referrer",
      "x-request-id": expect.any(String),
    });
  }
  const text = await (await visit(link)).text();
  expect(text).toContain(
    "Newsletters and announcements from <strong>Shop &lt;sender@shop.test&gt;</strong> to r…@inbox.test",
  );
  expect(text).not.toContain("reader@");
  expect(await suppressed()).toEqual([]);
  expect(await eventsOf(k, "unsubscribed")).toEqual([]);
});

test("one click in either coding, as often as one likes, in one answer without a redirect", async () => {
  const k = await delivered();
  const link = await unsubscribeLink(k);
  const form = new FormData();
  form.set("List-Unsubscribe", "One-Click");
  expect(await titleOf(await visit(link, { method: "POST", body: form }))).toBe("200 You are unsubscribed");
  expect(await titleOf(await post(link, ONE_CLICK))).toBe("200 You are unsubscribed");
  expect(await titleOf(await visit(link))).toBe("200 You are unsubscribed");
  expect(await suppressed()).toEqual(UNSUBSCRIBED);
  expect(await eventsOf(k, "unsubscribed")).toEqual([{}]);
  expect(await counted("unsubscribed")).toBe(1);
});

test("what a customer wrote behind the link is no part of it", async () => {
  const link = await unsubscribeLink(await delivered());
  for (const behind of ["&lang=de", "?lang=de"]) expect((await visit(link + behind)).status).toBe(200);
  expect((await visit(`${link}x&lang=de`)).status).toBe(404);
  expect((await post(`${link}&lang=de`, ONE_CLICK)).status).toBe(200);
  expect(await suppressed()).toEqual(UNSUBSCRIBED);
});

test("it is of the stream of the mail alone", async () => {
  await post(await unsubscribeLink(await delivered("transactional")), ONE_CLICK);
  expect(await suppressed()).toEqual([{ ...UNSUBSCRIBED[0], stream: 0 }]);
  const [next = 0] = await acceptMany(account, 1, { stream: "bulk" });
  expect((await leaseTo(account, "relay")).ks).toEqual([next]);
});

test("coming back takes away what unsubscribing did, and no more", async () => {
  const k = await delivered();
  const link = await unsubscribeLink(k);
  expect(await titleOf(await post(link, "subscribe=again"))).toBe("200 You are subscribed again");
  await post(link, ONE_CLICK);
  expect(await titleOf(await post(link, "subscribe=again"))).toBe("200 You are subscribed again");
  expect(await suppressed()).toEqual([]);
  expect(await titleOf(await visit(link))).toBe("200 Unsubscribe?");
  // Again, though its event is there already.
  await post(link, ONE_CLICK);
  expect(await suppressed()).toEqual(UNSUBSCRIBED);
  await post(link, "subscribe=again");
  await call("POST", "/v1/suppressions", {
    token: account.token,
    body: { email: "reader@inbox.test", stream: "bulk" },
  });
  const response = await post(link, "subscribe=again");
  const text = await response.clone().text();
  expect(await titleOf(response)).toBe("200 You are unsubscribed");
  expect(text).not.toContain("<form");
  expect(await suppressed()).toEqual([{ ...UNSUBSCRIBED[0], origin: "manual" }]);
});

test("what is not the form changes nothing", async () => {
  const link = await unsubscribeLink(await delivered());
  const check = async (body: string, headers?: Record<string, string>): Promise<void> =>
    expect(await titleOf(await post(link, body, headers)), body.slice(0, 50)).toBe("400 Nothing was changed");
  await check("");
  await check("List-Unsubscribe=");
  await check("list-unsubscribe=one-click");
  await check("x=List-Unsubscribe%3DOne-Click");
  await check(ONE_CLICK, { "content-type": "application/json" });
  await check(ONE_CLICK, { "content-type": "multipart/form-data; boundary=x" });
  await check(`${ONE_CLICK}&x=${"y".repeat(9000)}`);
  expect(await suppressed()).toEqual([]);
});

test("a link that is not ours wakes nobody and changes nothing", async () => {
  const k = await delivered();
  const [good, other] = [await unsubscribeLink(k), await openAccount()];
  const [, , , , token = ""] = good.split("/");
  const wrong = [
    `${BASE}/u/${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`,
    `${BASE}/u/${token.replace(account.id, other.id)}`,
    `${BASE}/u/x`,
    (await openLink(k)).replace("/o/", "/u/"),
    // Well signed, and there is no such delivery, or no such account.
    await unsubscribeLink(k + 1),
  ];
  for (const url of wrong)
    for (const method of ["GET", "POST"]) {
      const response = await visit(url, method === "GET" ? {} : { method, body: ONE_CLICK, headers: FORM });
      expect(await titleOf(response), url).toBe("404 This link does not work");
    }
  const stranger = `${BASE}/u/zzzzzzzzzzzz.${k.toString(36)}.${"0".repeat(16)}`;
  expect(await objectsMadeBy(env.ACCOUNT, () => post(stranger, ONE_CLICK))).toBe(0);
  expect(await suppressed()).toEqual([]);
});

test("a click arrives where the mail said, and is told with what is known of it", async () => {
  const k = await delivered();
  const target = "https://shop.test/p?a=1&b=%20#c";
  const response = await visit(await clickLink(k, target), { headers: CHROME });
  expect([response.status, response.headers.get("location")]).toEqual([302, target]);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
  });
  await expect
    .poll(() => eventsOf(k, "clicked"))
    .toEqual([{ visit: { user_agent: CHROME["user-agent"], link: target } }]);
  expect([await counted("clicked"), await counted("unique_clicked")]).toEqual([1, 1]);
});

test("nobody can make a link of ours that leads elsewhere", async () => {
  const k = await delivered();
  const link = await clickLink(k, "https://shop.test/");
  const to = (target: string): string => link.replace(/u=.*/, `u=${encodeURIComponent(target)}`);
  for (const url of [to("https://evil.test/"), to("https://shop.test/x"), to(""), link.replace(/\?.*/, "")])
    expect((await visit(url)).status, url).toBe(404);
  expect((await visit((await openLink(k)).replace("/o/", "/c/"))).status).toBe(404);
  // Well signed, as no relay would.
  expect((await visit(await clickLink(k, "javascript:alert(1)"))).status).toBe(404);
  expect(await eventsOf(k, "clicked")).toEqual([]);
});

test("the reader arrives also when the account is gone", async () => {
  const link = await clickLink(await delivered(), "https://shop.test/");
  await call("DELETE", `/admin/accounts/${account.id}`, { token: env.HIKYAKU_ADMIN_TOKEN });
  expect((await visit(link, { headers: CHROME })).headers.get("location")).toBe("https://shop.test/");
});

test("the picture is a GIF that nobody keeps, and tells of an open", async () => {
  const k = await delivered();
  const response = await visit(await openLink(k), { headers: CHROME });
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "image/gif",
    "cache-control": "no-store",
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(new TextDecoder().decode(bytes.slice(0, 6))).toBe("GIF89a");
  await expect.poll(() => eventsOf(k, "opened")).toEqual([{ visit: { user_agent: CHROME["user-agent"] } }]);
  expect((await visit((await openLink(k)).slice(0, -1))).status).toBe(404);
});

test("what machines do is told with the mark of it, and counted nowhere", async () => {
  const k = await delivered();
  const [open, click] = [await openLink(k), await clickLink(k, "https://shop.test/")];
  await visit(open, { headers: { "user-agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)" } });
  await visit(click, { method: "HEAD", headers: CHROME });
  await visit(click, { headers: { ...CHROME, "sec-purpose": "prefetch" } });
  aheadMs -= 60_000;
  // The delivery is this moment's again.
  await visit(click, { headers: CHROME });
  const bots = async (kind: string) => JSON.stringify(await eventsOf(k, kind)).match(/"bot":"\w+"/g);
  await expect.poll(() => bots("opened")).toEqual(['"bot":"google_image_proxy"']);
  await expect.poll(() => bots("clicked")).toEqual(['"bot":"head"', '"bot":"prefetch"', '"bot":"too_soon"']);
  expect([await counted("opened"), await counted("clicked"), await counted("unique_clicked")]).toEqual([0, 0, 0]);
});

test("a delivery keeps so many visits and no more", async () => {
  const k = await delivered();
  const link = await openLink(k);
  for (let round = 0; round < 110; round++) await visit(link, { headers: CHROME });
  await expect.poll(async () => (await eventsOf(k, "opened")).length).toBe(100);
  expect([await counted("opened"), await counted("unique_opened")]).toEqual([100, 1]);
});

test("too many visits of one still arrive, and are not told", async () => {
  const k = await delivered();
  const [link, gone] = [await clickLink(k, "https://shop.test/"), await openLink(k + 1)];
  // All within one minute.
  aheadMs += 60_000 - (Date.now() % 60_000);
  const burst = (count: number) => Promise.all(Array.from({ length: count }, () => visit(gone)));
  await burst(1199);
  await visit(link, { headers: CHROME });
  await expect.poll(async () => (await eventsOf(k, "clicked")).length).toBe(1);
  expect((await visit(link, { headers: CHROME })).headers.get("location")).toBe("https://shop.test/");
  await burst(1);
  expect(await eventsOf(k, "clicked")).toHaveLength(1);
  expect(log).toEqual([]);
});

test("what a visit asks goes by keys and indexes, however much mail there is", async () => {
  for (const [name, statement] of Object.entries(LINK_SQL)) {
    const args = Array.from({ length: statement.includes("?2") ? 2 : 1 }, () => 1);
    const plan = await sqlIn<{ detail: string }>(account.stub, `EXPLAIN QUERY PLAN ${statement}`, ...args);
    for (const { detail } of plan) expect(detail, name).toMatch(/^SEARCH|^SCAN j VIRTUAL TABLE/);
  }
});
