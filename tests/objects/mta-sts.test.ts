/**
 * MTA-STS policies: set by the owner of a verified domain, told to the directory, served by the host that the request
 * came to, and gone with the setting, the domain or the account.
 */
import { env, exports } from "cloudflare:workers";
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseMtaStsPolicy, parseMtaStsRecord } from "#dns/mta-sts.ts";
import { addDomain, readDomain, wholeDomain } from "./support/domain-scene.ts";
import { fakeDoh } from "./support/fake-doh.ts";
import { recordLog } from "./support/recorded-log.ts";
import { call, openAccount, sqlIn, type TestAccount } from "./support/worker-calls.ts";

const log = recordLog();
const doh = fakeDoh();
let account: TestAccount;
/** Each request is a minute after the one before: the edge remembers none. */
let aheadMs = 0;
beforeEach(async () => {
  const now = Date.now.bind(Date);
  vi.spyOn(Date, "now").mockImplementation(() => now() + aheadMs);
  account = await openAccount();
});
afterEach(reset);

const get = async (host: string, path = "/.well-known/mta-sts.txt", method = "GET"): Promise<Response> => {
  aheadMs += 61_000;
  return exports.default.fetch(`https://${host}${path}`, { method });
};
const served = async (domain: string): Promise<string | undefined> => {
  const response = await get(`mta-sts.${domain}`);
  const text = await response.text();
  return response.status === 200 ? text : undefined;
};
const patch = (id: string, body: object, { token } = account) => call("PATCH", `/v1/domains/${id}`, { token, body });
const TESTING = { mta_sts: { mode: "testing", mx: ["mx.shop.test", "*.Mail.test"] } };
const directory = () => env.DIRECTORY.getByName("directory");

test("a policy is shown with the records to publish, and served to the letter", async () => {
  const { id } = await wholeDomain(account, doh);
  expect(await patch(id, TESTING)).toEqual({ status: 200, body: { object: "domain", id } });
  const response = await get("mta-sts.shop.test");
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "x-request-id": expect.any(String),
  });
  const text = await response.text();
  expect(text).toBe("version: STSv1\r\nmode: testing\r\nmx: mx.shop.test\r\nmx: *.mail.test\r\nmax_age: 604800\r\n");
  expect(parseMtaStsPolicy(text)).toMatchObject({ kind: "policy", unknownKeys: [] });
  const { mta_sts: shown } = await readDomain(account, id);
  expect(shown).toMatchObject({ mode: "testing", mx: ["mx.shop.test", "*.mail.test"], max_age: 604_800 });
  expect(shown?.records).toMatchObject([
    { type: "TXT", name: "_mta-sts" },
    { type: "CNAME", name: "mta-sts", value: "gateway.test" },
  ]);
  expect(parseMtaStsRecord(shown?.records[0]?.value ?? "").kind).toBe("record");
  // Another policy has another id; the same one keeps its own.
  await patch(id, TESTING);
  expect((await readDomain(account, id)).mta_sts).toEqual(shown);
  await patch(id, { mta_sts: { ...TESTING.mta_sts, mode: "enforce", max_age: 86_400 } });
  expect((await readDomain(account, id)).mta_sts?.records[0]?.value).not.toBe(shown?.records[0]?.value);
  expect(await served("shop.test")).toContain("mode: enforce\r\n");
});

test("other settings leave it; null takes it away, for domain and for world", async () => {
  const { id } = await wholeDomain(account, doh);
  await patch(id, TESTING);
  await patch(id, { tls: "enforced" });
  expect(await served("shop.test")).toBeDefined();
  expect((await patch(id, { mta_sts: null })).status).toBe(200);
  expect((await readDomain(account, id)).mta_sts).toBeNull();
  expect(await served("shop.test")).toBeUndefined();
  await patch(id, TESTING);
  expect(await served("shop.test")).toBeDefined();
  await call("DELETE", `/v1/domains/${id}`, { token: account.token });
  expect(await served("shop.test")).toBeUndefined();
});

test("only by the host, only the one path, only for reading", async () => {
  const { id } = await wholeDomain(account, doh);
  await patch(id, TESTING);
  for (const [host, status] of [
    ["mta-sts.shop.test", 200],
    ["MTA-STS.SHOP.TEST", 200],
    ["shop.test", 404],
    ["gateway.test", 404],
    ["mta-sts.other.test", 404],
    ["mta-sts.mta-sts.shop.test", 404],
    ["xmta-sts.shop.test", 404],
    ["mta-sts.", 404],
    ["192.0.2.1", 404],
  ] as const)
    expect([host, (await get(host)).status]).toEqual([host, status]);
  expect((await get("mta-sts.shop.test", "/.well-known/mta-sts.txt", "POST")).status).toBe(404);
  expect((await get("mta-sts.shop.test", "/.well-known/mta-sts.txt", "HEAD")).status).toBe(200);
  expect((await get("mta-sts.shop.test", "/.well-known/other.txt")).status).toBe(404);
});

test("a domain that is not verified has none", async () => {
  const { id } = await addDomain(account, { name: "shop.test" });
  expect(await patch(id, TESTING)).toMatchObject({ body: { message: expect.stringContaining("not verified") } });
  expect(await patch(id, { mta_sts: null })).toMatchObject({ status: 200 });
  expect(await served("shop.test")).toBeUndefined();
});

const check = (title: string, mta_sts: unknown): void => {
  test(`refused: ${title}`, async () => {
    const { id } = await wholeDomain(account, doh);
    const answer = await patch(id, { mta_sts });
    expect(answer).toMatchObject({ body: { name: "validation_error", message: expect.stringContaining("mta_sts") } });
    expect((await readDomain(account, id)).mta_sts).toBeNull();
  });
};
check("no host in a policy that counts", { mode: "enforce", mx: [] });
check("a line break", { mode: "testing", mx: ["mx.shop.test\r\nmode: enforce"] });
check("a line feed at the end", { mode: "testing", mx: ["mx.shop.test\n"] });
check("a star inside", { mode: "testing", mx: ["mx.*.test"] });
check("an unknown mode", { mode: "enforced", mx: ["mx.shop.test"] });
check("an age of nothing", { mode: "testing", mx: ["mx.shop.test"], max_age: 0 });
check("an age beyond the year", { mode: "testing", mx: ["mx.shop.test"], max_age: 31_557_601 });
check("more hosts than anybody has", { mode: "testing", mx: Array(101).fill("mx.shop.test") });

test("of two accounts with a domain neither takes the other's policy away", async () => {
  const { id } = await wholeDomain(account, doh);
  await patch(id, TESTING);
  const other = await openAccount();
  const theirs = await addDomain(other, { name: "shop.test" });
  await patch(theirs.id, { mta_sts: null }, other);
  await call("DELETE", `/v1/domains/${theirs.id}`, { token: other.token });
  await directory().setPolicy(other.id, "shop.test", null);
  expect(await served("shop.test")).toContain("mx.shop.test");
});

test("an account that is closed has no policies, and none comes after it", async () => {
  const { id } = await wholeDomain(account, doh);
  await patch(id, TESTING);
  await call("DELETE", `/admin/accounts/${account.id}`, { token: env.HIKYAKU_ADMIN_TOKEN });
  expect(await served("shop.test")).toBeUndefined();
  await directory().setPolicy(account.id, "shop.test", "late");
  expect(await served("shop.test")).toBeUndefined();
});

test("a directory that does not answer is told later, by the alarm, also after the object was away", async () => {
  const { id } = await wholeDomain(account, doh);
  await runInDurableObject(directory(), async (_, { storage }) => {
    storage.sql.exec("ALTER TABLE policy RENAME TO away");
  });
  expect((await patch(id, TESTING)).status).toBe(200);
  expect(log.filter((line) => line.includes("account.policy-not-told"))).toHaveLength(1);
  const open = () => sqlIn(account.stub, "SELECT domain FROM policy_change");
  expect(await open()).toEqual([{ domain: "shop.test" }]);
  await runDurableObjectAlarm(account.stub);
  expect(log.filter((line) => line.includes("account.policy-not-told"))).toHaveLength(1);
  await runInDurableObject(directory(), async (_, { storage }) => {
    storage.sql.exec("ALTER TABLE away RENAME TO policy");
  });
  await evictDurableObject(account.stub);
  await readDomain(account, id);
  await runDurableObjectAlarm(account.stub);
  await expect.poll(open).toEqual([]);
  expect(await served("shop.test")).toContain("mx.shop.test");
});

test("the edge asks the directory once a minute for a name, also for one that nobody has", async () => {
  const ask = async () => (await exports.default.fetch("https://mta-sts.once.test/.well-known/mta-sts.txt")).status;
  aheadMs += 61_000;
  expect(await ask()).toBe(404);
  await directory().setPolicy(account.id, "once.test", "version: STSv1\r\n");
  expect(await ask()).toBe(404);
  aheadMs += 61_000;
  expect(await ask()).toBe(200);
  await directory().setPolicy(account.id, "once.test", null);
  expect(await ask()).toBe(200);
  aheadMs += 61_000;
  expect(await ask()).toBe(404);
});
