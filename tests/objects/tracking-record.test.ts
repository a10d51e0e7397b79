/** The CNAME of a domain's own host for links: what a look says of it, and that links lead over it only when it is proved. */
import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { DomainRecord } from "#contract/domain.ts";
import { Batch } from "#contract/relay-protocol.ts";
import { acceptMany } from "./support/account-scene.ts";
import { addDomain, published, readDomain, verifyDomain } from "./support/domain-scene.ts";
import { fakeDoh, type FakeName } from "./support/fake-doh.ts";
import { call, openAccount, type TestAccount } from "./support/worker-calls.ts";

const doh = fakeDoh();
afterEach(reset);
const before = env.HIKYAKU_PUBLIC_URL;
beforeAll(() => Object.assign(env, { HIKYAKU_PUBLIC_URL: "https://mail.test" }));
afterAll(() => Object.assign(env, { HIKYAKU_PUBLIC_URL: before }));

const ON = { click_tracking: true, tracking_subdomain: "go" };
const trackingIn = (records: DomainRecord[]): DomainRecord[] => records.filter(({ record }) => record === "Tracking");
const linkHost = async (account: TestAccount): Promise<string | undefined> => {
  await acceptMany(account, 1);
  const { batch } = await account.stub.lease("default", "relay", 10);
  return Batch.parse(JSON.parse(batch)).emails[0]?.meta.links?.url;
};

test.each<[string, FakeName, string]>([
  ["ours", { cname: "MAIL.test" }, "verified"],
  ["none yet", { a: ["192.0.2.1"] }, "pending"],
  ["another's", { cname: "mail.other.test" }, "failed"],
  ["not to be found out", "servfail", "temporary_failure"],
])("%s", async (_, at, expected) => {
  const account = await openAccount();
  const made = await addDomain(account, { name: "shop.test", ...ON });
  expect(trackingIn(made.records)).toMatchObject([
    { name: "go", type: "CNAME", value: "mail.test", status: "not_started" },
  ]);
  expect(await linkHost(account)).toBeUndefined();
  doh.zone = { ...published(made, "go"), "go.shop.test": at };
  const domain = await verifyDomain(account, made.id);
  expect([domain.status, trackingIn(domain.records)[0]?.status]).toEqual(["verified", expected]);
  expect(domain.findings.find(({ code }) => code.startsWith("tracking."))?.fix).toBe(
    ["pending", "failed"].includes(expected) ? "mail.test" : undefined,
  );
  expect(await linkHost(account)).toBe(expected === "verified" ? "https://go.shop.test" : undefined);
});

test("another host is to be proved anew, and what is known of one stays", async () => {
  const account = await openAccount();
  const made = await addDomain(account, { name: "shop.test", click_tracking: true });
  const update = (body: object) => call("PATCH", `/v1/domains/${made.id}`, { token: account.token, body });
  await update({ tracking_subdomain: "go" });
  doh.zone = { ...published(made), "go.shop.test": { cname: "mail.test" } };
  await verifyDomain(account, made.id);
  await update({ open_tracking: true });
  expect(trackingIn((await readDomain(account, made.id)).records)).toMatchObject([{ status: "verified" }]);
  await update({ tracking_subdomain: "to" });
  expect(trackingIn((await readDomain(account, made.id)).records)).toMatchObject([
    { name: "to", status: "not_started" },
  ]);
  expect(await linkHost(account)).toBeUndefined();
  expect((await update({ tracking_subdomain: "Send" })).status).toBe(400);
});

test("a host can be taken away again, and is left alone otherwise", async () => {
  const account = await openAccount();
  const made = await addDomain(account, { name: "shop.test", ...ON });
  const update = (body: object) => call("PATCH", `/v1/domains/${made.id}`, { token: account.token, body });
  doh.zone = { ...published(made, "go"), "go.shop.test": { cname: "mail.test" } };
  await verifyDomain(account, made.id);
  await update({ open_tracking: true });
  expect(await linkHost(account)).toBe("https://go.shop.test");
  expect((await update({ tracking_subdomain: null })).status).toBe(200);
  const domain = await readDomain(account, made.id);
  expect([domain.tracking_subdomain, trackingIn(domain.records), domain.click_tracking]).toEqual([undefined, [], true]);
  expect(await linkHost(account)).toBeUndefined();
});
