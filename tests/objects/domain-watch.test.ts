/**
 * Domains looked at by their owner and, once verified, by the account's alarm: what the DNS says is believed, when it is
 * told, and whether mail goes on.
 */
import { evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { alarmInMs } from "./support/account-scene.ts";
import {
  addDomain,
  lookAgain,
  noticesOf,
  published,
  readDomain,
  RELAYS,
  statusesOf,
  verifyDomain,
  wholeDomain,
} from "./support/domain-scene.ts";
import { fakeDoh } from "./support/fake-doh.ts";
import { recordLog } from "./support/recorded-log.ts";
import { call, goodSend, openAccount, sqlIn, type TestAccount } from "./support/worker-calls.ts";

const log = recordLog();
const doh = fakeDoh();
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

let aheadMs = 0;
let account: TestAccount;
beforeEach(async () => {
  aheadMs = 0;
  const now = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => now() + aheadMs);
  account = await openAccount({ allowed_senders: "domains" });
});
afterEach(reset);

const five = (status: string) => Array.from({ length: 5 }, () => ({ status }));
const FIVE = (status: string): string => Array(5).fill(status).join(" ");
const send = async (): Promise<number> =>
  (await call("POST", "/v1/emails", { token: account.token, body: goodSend() })).status;
const patch = async (id: string, body: object) => call("PATCH", `/v1/domains/${id}`, { token: account.token, body });
const keysOf = async (): Promise<string[]> =>
  (await account.stub.signingKeys("shop.test")).signers.map(({ selector }) => selector);

/** Milliseconds until the next look is due; the alarm is armed for it, or comes before. */
const lookInMs = async (): Promise<number> => {
  const [row] = await sqlIn<{ look_ms: number }>(account.stub, "SELECT MIN(look_ms) AS look_ms FROM domain");
  const ms = (row?.look_ms ?? Infinity) - Date.now();
  expect(await alarmInMs(account)).toBeLessThanOrEqual(Math.max(ms, 5 * MINUTE_MS));
  return ms;
};

test("a look says of each record what it is, and why", async () => {
  const domain = await addDomain(account, { name: "shop.test" });
  expect(domain).toMatchObject({
    status: "not_started",
    findings: [],
    checked_at: null,
    when_broken: "warn",
    mta_sts: null,
  });
  const none = await verifyDomain(account, domain.id);
  expect(statusesOf(none)).toBe(`pending: ${FIVE("pending")}`);
  expect(Date.parse(none.checked_at ?? "")).toBeGreaterThan(Date.now() - MINUTE_MS);
  expect(none.findings.find(({ code }) => code === "spf.missing")).toMatchObject({
    status: "fail",
    name: "send.shop.test",
  });

  doh.zone = { ...published(domain), "send.shop.test": { mx: ["mx.else.test"], txt: ["v=spf1 mx -all"] } };
  const wrong = await verifyDomain(account, domain.id);
  expect(statusesOf(wrong)).toBe("failed: failed failed verified verified verified");
  // By other words than ours: the addresses of the relays are let through.
  const [mx] = domain.records;
  doh.zone = { ...published(domain), "send.shop.test": { mx: [mx?.value ?? ""], txt: ["v=spf1 ip4:192.0.2.9 -all"] } };
  expect(statusesOf(await verifyDomain(account, domain.id))).toBe(`verified: ${FIVE("verified")}`);
  expect((await readDomain(account, domain.id)).findings.map(({ status }) => status)).not.toContain("fail");
  expect(await send()).toBe(200);
});

test("a domain that was never verified is looked at when its owner asks, and by nobody else", async () => {
  await addDomain(account, { name: "shop.test" });
  // Other errands of the account may be under way at first; once they are done, nothing is awaited.
  await expect.poll(() => alarmInMs(account)).toBeUndefined();
  await runDurableObjectAlarm(account.stub);
  expect(doh.questions).toEqual([]);
});

test("a verified domain is looked at again within about a day, and then the day after", async () => {
  const { id } = await wholeDomain(account, doh);
  expect(await lookInMs()).toBeGreaterThan(0.8 * DAY_MS);
  expect(await lookInMs()).toBeLessThan(1.2 * DAY_MS);
  doh.questions.length = 0;
  await runDurableObjectAlarm(account.stub);
  expect(doh.questions).toEqual([]);
  // The alarm that finds nothing to do arms the next, and so does an object that was evicted.
  await evictDurableObject(account.stub);
  await readDomain(account, id);
  expect(await lookInMs()).toBeGreaterThan(0.8 * DAY_MS);
  aheadMs += 1.2 * DAY_MS;
  const before = await noticesOf(account);
  expect(statusesOf(await lookAgain(account, id))).toBe(`verified: ${FIVE("verified")}`);
  expect(doh.questions).toContain("TXT hikyaku1._domainkey.shop.test");
  await expect.poll(lookInMs).toBeGreaterThan(0.8 * DAY_MS);
  expect(await noticesOf(account)).toEqual(before);
});

test("a record that is gone is believed to be at the second look; the domain goes on sending, signed", async () => {
  const domain = await wholeDomain(account, doh);
  const before = (await noticesOf(account)).length;
  doh.zone = published(domain, "hikyaku1._domainkey", "hikyaku3._domainkey");
  aheadMs += 1.2 * DAY_MS;
  const doubted = await lookAgain(account, domain.id);
  expect(statusesOf(doubted)).toBe(`verified: ${FIVE("verified")}`);
  expect(doubted.findings.map(({ code, name }) => `${code} ${name}`)).toEqual([
    "dkim.missing hikyaku1._domainkey.shop.test",
    "dkim.missing hikyaku3._domainkey.shop.test",
  ]);
  expect(await noticesOf(account)).toHaveLength(before);
  expect(await lookInMs()).toBeLessThan(6 * MINUTE_MS);

  aheadMs += 6 * MINUTE_MS;
  const broken = await lookAgain(account, domain.id);
  expect(statusesOf(broken)).toBe("partially_failed: verified verified failed verified failed");
  const told = (await noticesOf(account)).slice(before);
  expect(told).toMatchObject([{ type: "domain.updated", data: { id: domain.id, status: "partially_failed" } }]);
  expect(await send()).toBe(200);
  // The key that is needed signs on, the other does not.
  expect(await keysOf()).toEqual(["hikyaku1"]);

  doh.zone = published(domain);
  aheadMs += 1.2 * DAY_MS;
  expect(statusesOf(await lookAgain(account, domain.id))).toBe(`verified: ${FIVE("verified")}`);
  expect((await noticesOf(account)).slice(before + 1)).toMatchObject([{ data: { status: "verified" } }]);
  expect(await keysOf()).toEqual(["hikyaku1", "hikyaku3"]);
});

test("what could not be found out changes nothing, and is asked again in an hour", async () => {
  const domain = await wholeDomain(account, doh);
  const before = await noticesOf(account);
  doh.zone = Object.fromEntries(Object.keys(doh.zone).map((name) => [name, "servfail" as const]));
  for (const _ of [1, 2, 3]) {
    aheadMs += 1.2 * DAY_MS;
    expect(statusesOf(await lookAgain(account, domain.id))).toBe(`verified: ${FIVE("verified")}`);
    expect(await lookInMs()).toBeLessThan(1.1 * HOUR_MS);
    expect(await lookInMs()).toBeGreaterThan(0.9 * HOUR_MS);
  }
  expect(await noticesOf(account)).toEqual(before);
  expect(await send()).toBe(200);
  // Who asks is told.
  expect(statusesOf(await verifyDomain(account, domain.id))).toBe(`verified: ${FIVE("temporary_failure")}`);
});

test("`stop`: a broken domain sends nothing until it is whole, and signs what was accepted before", async () => {
  const domain = await wholeDomain(account, doh, { name: "shop.test", when_broken: "stop" });
  expect(domain.when_broken).toBe("stop");
  doh.zone = published(domain, "SPF MX", "hikyaku1._domainkey");
  await verifyDomain(account, domain.id);
  expect(await send()).toBe(200);
  aheadMs += 6 * MINUTE_MS;
  expect((await lookAgain(account, domain.id)).status).toBe("partially_failed");
  expect(await send()).toBe(403);
  expect(await keysOf()).toEqual(["hikyaku3"]);
  // The owner changes his mind, and back.
  expect((await patch(domain.id, { when_broken: "warn" })).status).toBe(200);
  expect(await send()).toBe(200);
  await patch(domain.id, { when_broken: "stop" });
  expect(await send()).toBe(403);
  doh.zone = published(domain);
  await verifyDomain(account, domain.id);
  expect(await send()).toBe(200);
});

test("all that is needed is gone: the domain has failed, and sends on by default", async () => {
  const domain = await wholeDomain(account, doh);
  doh.zone = RELAYS;
  expect((await verifyDomain(account, domain.id)).status).toBe("verified");
  // What is doubted, and that it was whole, is known to the object that comes after.
  await evictDurableObject(account.stub);
  expect(await send()).toBe(200);
  aheadMs += 6 * MINUTE_MS;
  expect(statusesOf(await lookAgain(account, domain.id))).toBe(`failed: ${FIVE("failed")}`);
  expect(await send()).toBe(200);
  expect(await keysOf()).toEqual(["hikyaku1"]);
});

test("what happens to a domain is told as it is at that moment, in the order of keys", async () => {
  const domain = await wholeDomain(account, doh);
  await patch(domain.id, { tls: "enforced" });
  await call("DELETE", `/v1/domains/${domain.id}`, { token: account.token });
  const told = await noticesOf(account);
  expect(told.map(({ type }) => type)).toEqual([
    "domain.created",
    "domain.updated",
    "domain.updated",
    "domain.updated",
    "domain.deleted",
  ]);
  expect(told.map(({ data }) => data)).toMatchObject([
    { status: "not_started", name: "shop.test", records: five("not_started") },
    { status: "pending" },
    { status: "verified", records: five("verified") },
    { tls: "enforced" },
    { id: domain.id, records: five("verified") },
  ]);
  expect(JSON.stringify(told)).not.toMatch(/sealed|proved|needed|findings/);
});

test("a key that was given to a notice is given to nothing else after the object was away", async () => {
  aheadMs += HOUR_MS;
  const { id } = await addDomain(account, { name: "shop.test" });
  await patch(id, { tls: "enforced" });
  await sqlIn(account.stub, "DELETE FROM audit");
  aheadMs = 0;
  await evictDurableObject(account.stub);
  await addDomain(account, { name: "other.test" });
  const ks = await sqlIn<{ k: number }>(account.stub, "SELECT k FROM notice UNION ALL SELECT k FROM domain ORDER BY k");
  expect(new Set(ks.map(({ k }) => k)).size).toBe(ks.length);
  const told = await noticesOf(account);
  expect(told.map(({ type }) => type)).toEqual(["domain.created", "domain.updated", "domain.created"]);
});

test("mail does not wait for look-ups, and one that fails as a whole keeps no other from being made", async () => {
  const one = await wholeDomain(account, doh, { name: "shop.test" });
  const two = await wholeDomain(account, doh, { name: "blog.test" });
  await sqlIn(
    account.stub,
    "UPDATE domain SET records = replace(records, 'v=DKIM1', 'v=DKIM9') WHERE name = 'shop.test'",
  );
  await evictDurableObject(account.stub);
  aheadMs += 1.3 * DAY_MS;
  const answer = Promise.withResolvers<void>();
  doh.held = answer.promise;
  await runDurableObjectAlarm(account.stub);
  expect(await send()).toBe(200);
  const checkedAt = async (id: string) => (await readDomain(account, id)).checked_at ?? "";
  expect(await checkedAt(two.id)).toBe(two.checked_at);
  answer.resolve();
  await expect.poll(() => checkedAt(two.id)).not.toBe(two.checked_at);
  expect(await checkedAt(one.id)).toBe(one.checked_at);
  expect(log.filter((line) => line.includes("domain.look-failed"))).toHaveLength(1);
  // Not at once again: that would be for ever.
  await runDurableObjectAlarm(account.stub);
  expect(log.filter((line) => line.includes("domain.look-failed"))).toHaveLength(1);
  aheadMs += 16 * MINUTE_MS;
  await runDurableObjectAlarm(account.stub);
  await expect.poll(() => log.filter((line) => line.includes("domain.look-failed"))).toHaveLength(2);
});

test("many domains that are due are looked at a few side by side, all of them", async () => {
  const names = Array.from({ length: 12 }, (_, at) => `d${at}.test`);
  await wholeDomain(account, doh, { name: "d.test" });
  const [row] = await sqlIn<Record<string, string | number>>(account.stub, "SELECT * FROM domain");
  for (const [at, name] of names.entries())
    await sqlIn(
      account.stub,
      `INSERT INTO domain SELECT ?1, ?2, status, vouched, settings, signers, records, 1, whole, findings, 1 FROM domain WHERE k = ?3`,
      Number(row?.["k"]) + 1 + at,
      name,
      Number(row?.["k"]),
    );
  await evictDurableObject(account.stub);
  doh.questions.length = 0;
  await runDurableObjectAlarm(account.stub);
  const due = async () =>
    (await sqlIn<{ n: number }>(account.stub, "SELECT COUNT(*) AS n FROM domain WHERE look_ms = 1"))[0]?.n;
  await expect.poll(due).toBe(0);
  for (const name of names) expect(doh.questions).toContain(`TXT send.${name}`);
});
