/**
 * Who receives for a domain that several accounts have: the first that proves it, until they give it up or cannot prove it
 * any more; and that calls to the directory which fail are made again.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { alarmInMs, ringAlarm } from "./support/account-scene.ts";
import { published, readDomain, verifyDomain, wholeDomain } from "./support/domain-scene.ts";
import { fakeDoh } from "./support/fake-doh.ts";
import { handOver, mailOf, openReceiving, receiveFor, type Receiving, verdictOf } from "./support/received-scene.ts";
import { recordLog } from "./support/recorded-log.ts";
import { call, openAccount, openRelay, sqlIn, type TestAccount } from "./support/worker-calls.ts";

const log = recordLog();
const doh = fakeDoh();
const MINUTE_MS = 60_000;
let aheadMs = 0;
beforeEach(() => {
  aheadMs = 0;
  const now = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => now() + aheadMs);
});
afterEach(reset);

const RAW = "Subject: Hello\r\n\r\nHi.\r\n";
let messages = 0;
/** What the relay is answered when it brings a new message to this account. */
const bring = async (scene: Receiving): Promise<string> => {
  messages += 1;
  return verdictOf(await handOver(scene, RAW, mailOf(RAW), messages.toString(16).padStart(64, "0")));
};
const receiver = async ({ relay }: Pick<Receiving, "relay">): Promise<unknown> =>
  (await call("GET", "/relay/inbound/domains/shop.test", { token: relay })).body;
const switchTo = ({ account, domainId }: Receiving, receiving: "enabled" | "disabled") =>
  call("PATCH", `/v1/domains/${domainId}`, { token: account.token, body: { capabilities: { receiving } } });
const codesOf = async ({ account, domainId }: Receiving): Promise<string[]> =>
  (await readDomain(account, domainId)).findings.map(({ code }) => code);
const checkedAt = async ({ account, domainId }: Receiving): Promise<unknown> =>
  (await readDomain(account, domainId)).checked_at;
/** The clock is ahead, so alarms do not ring by themselves: rings until what is looked at is another. */
const ringUntil = async ({ stub }: TestAccount, look: () => Promise<unknown>): Promise<void> => {
  const before = await look();
  const ring = async (): Promise<unknown> => runDurableObjectAlarm(stub).then(look);
  await expect.poll(ring).not.toEqual(before);
};
const inDirectory = (statement: string): Promise<void> =>
  runInDurableObject(env.DIRECTORY.getByName("directory"), (_, { storage }) => void storage.sql.exec(statement));

test("the first account keeps the domain; the second is told, and has it when the first gives it up", async () => {
  const first = await openReceiving();
  expect(await receiver(first)).toEqual({ account: first.account.id });
  const second = await receiveFor(await openAccount());
  expect(await receiver(first)).toEqual({ account: first.account.id });
  expect([await bring(first), await bring(second)]).toEqual(["stored", "no-domain"]);
  expect([await codesOf(first), await codesOf(second)]).toEqual([[], ["receiving.elsewhere"]]);

  await switchTo(first, "disabled");
  expect(await receiver(first)).toEqual({ account: null });
  expect([await bring(first), await bring(second)]).toEqual(["no-domain", "no-domain"]);
  aheadMs = 11 * MINUTE_MS;
  await runDurableObjectAlarm(second.account.stub);
  await expect.poll(() => receiver(first)).toEqual({ account: second.account.id });
  expect([await bring(first), await bring(second), await codesOf(second)]).toEqual(["no-domain", "stored", []]);

  await switchTo(first, "enabled");
  await evictDurableObject(first.account.stub);
  expect(await codesOf(first)).toEqual(["receiving.elsewhere"]);
  expect(await receiver(first)).toEqual({ account: second.account.id });
});

test.each([
  ["deletes the domain", ({ account, domainId }: Receiving) => ["DELETE", `/v1/domains/${domainId}`, account.token]],
  ["is gone", ({ account }: Receiving) => ["DELETE", `/admin/accounts/${account.id}`, env.HIKYAKU_ADMIN_TOKEN]],
] as const)("who %s gives it up, and an owner who looks after theirs has it at once", async (_, end) => {
  const first = await openReceiving();
  const second = await receiveFor(await openAccount());
  const [method = "", path = "", token = ""] = end(first);
  expect((await call(method, path, { token })).status).toBeLessThan(300);
  expect(await receiver(first)).toEqual({ account: null });
  await switchTo(second, "enabled");
  expect(await receiver(first)).toEqual({ account: second.account.id });
});

test("receiving ends with the account's own keys in the DNS, not with another record, and comes back with them", async () => {
  const account = await openAccount();
  const body = { name: "shop.test", capabilities: { receiving: "enabled" } } as const;
  const domain = await wholeDomain(account, doh, body);
  const scene = { account, relay: (await openRelay()).token, domainId: domain.id };
  expect(await receiver(scene)).toEqual({ account: account.id });
  const whole = doh.zone;
  const twice = async (...without: string[]) => {
    doh.zone = published(domain, ...without);
    // It is looked at again after 21 to 27 hours, by its key.
    aheadMs += 28 * 60 * MINUTE_MS;
    await ringUntil(account, () => checkedAt(scene));
    // It is doubted, and not believed yet.
    expect([await receiver(scene), await bring(scene)]).toEqual([{ account: account.id }, "stored"]);
    aheadMs += 6 * MINUTE_MS;
    await ringUntil(account, () => checkedAt(scene));
  };

  await twice("SPF TXT");
  expect(await readDomain(account, domain.id)).toMatchObject({ status: "partially_failed", when_broken: "warn" });
  expect([await receiver(scene), await bring(scene)]).toEqual([{ account: account.id }, "stored"]);

  await twice("DKIM TXT");
  expect(await bring(scene)).toBe("no-domain");
  await expect.poll(() => runDurableObjectAlarm(account.stub).then(() => receiver(scene))).toEqual({ account: null });

  doh.zone = whole;
  await verifyDomain(account, domain.id);
  expect([await receiver(scene), await bring(scene)]).toEqual([{ account: account.id }, "stored"]);
});

test("who has the domain now receives soon, though another account had it proved today", async () => {
  const former = await openAccount();
  const body = { name: "shop.test", capabilities: { receiving: "enabled" } } as const;
  const theirs = await wholeDomain(former, doh, body);
  const owner = await openAccount();
  const scene = { account: owner, relay: (await openRelay()).token, domainId: "" };
  doh.zone = {};
  const { id } = await wholeDomain(owner, doh, body);
  const before = { account: former, relay: scene.relay, domainId: theirs.id };
  expect([await receiver(scene), await codesOf({ ...scene, domainId: id })]).toEqual([
    { account: former.id },
    expect.arrayContaining(["receiving.elsewhere"]),
  ]);
  const later = (): void => void (aheadMs += 11 * MINUTE_MS);
  const ring = ({ stub }: TestAccount) => runDurableObjectAlarm(stub).then(() => receiver(scene));
  later();
  // The owner's account asks again, and the other looks twice.
  await ring(owner);
  for (const _ of ["doubted", "believed"]) {
    later();
    await ringUntil(former, () => checkedAt(before));
  }
  await expect.poll(() => ring(former)).toEqual({ account: null });
  later();
  await expect.poll(() => ring(owner)).toEqual({ account: owner.id });
  expect([await bring(before), await bring({ ...scene, domainId: id })]).toEqual(["no-domain", "stored"]);
});

test("who is asked for a domain wakes to look at it, but for one that was looked at just now", async () => {
  const account = await openAccount();
  await wholeDomain(account, doh, { name: "shop.test", capabilities: { receiving: "enabled" } });
  await ringAlarm(account);
  const wakesInMs = async (): Promise<number | undefined> => {
    await account.stub.lookAgain(["shop.test", "other.test"]);
    return alarmInMs(account);
  };
  expect(await wakesInMs()).toBeGreaterThan(MINUTE_MS);
  aheadMs = 6 * MINUTE_MS;
  expect(await wakesInMs()).toBeLessThan(MINUTE_MS);
});

test("what the directory lost it learns again when the domain is looked at", async () => {
  const account = await openAccount();
  const body = { name: "shop.test", capabilities: { receiving: "enabled" } } as const;
  const { id } = await wholeDomain(account, doh, body);
  const scene = { account, relay: (await openRelay()).token, domainId: id };
  await inDirectory("DELETE FROM receiving");
  await evictDurableObject(account.stub);
  expect(await receiver(scene)).toEqual({ account: null });
  aheadMs += 28 * 60 * MINUTE_MS;
  await ringUntil(account, () => checkedAt(scene));
  await expect
    .poll(() => runDurableObjectAlarm(account.stub).then(() => receiver(scene)))
    .toEqual({ account: account.id });
});

test("a call that fails is made again, and mail that is not wanted is not kept meanwhile", async () => {
  const scene = await openReceiving();
  await inDirectory("ALTER TABLE receiving RENAME TO away");
  await switchTo(scene, "disabled");
  expect(log.join()).toContain("account.receiving-not-told");
  expect(await bring(scene)).toBe("no-domain");
  await inDirectory("ALTER TABLE away RENAME TO receiving");
  expect(await receiver(scene)).toEqual({ account: scene.account.id });
  // Also by whom nothing is remembered in memory.
  await evictDurableObject(scene.account.stub);
  aheadMs = 2 * MINUTE_MS;
  await runDurableObjectAlarm(scene.account.stub);
  await expect.poll(() => receiver(scene)).toEqual({ account: null });
  expect(await sqlIn(scene.account.stub, "SELECT * FROM receiving_told")).toEqual([]);
});

test("what was told before there were answers is asked for once more", async () => {
  const scene = await openReceiving();
  await sqlIn(scene.account.stub, "UPDATE receiving_told SET answer = NULL");
  await inDirectory("UPDATE receiving SET account = 'another'");
  await evictDurableObject(scene.account.stub);
  expect(await bring(scene)).toBe("no-domain");
  await runDurableObjectAlarm(scene.account.stub);
  await expect.poll(() => codesOf(scene)).toEqual(["receiving.elsewhere"]);
});
