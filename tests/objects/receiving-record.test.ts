/** The MX record of a domain with receiving on: what a look at the DNS says of it, and that sending does not depend on it. */
import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import type { DomainRecord } from "#contract/domain.ts";
import { addDomain, published, readDomain, verifyDomain } from "./support/domain-scene.ts";
import { fakeDoh, type FakeName } from "./support/fake-doh.ts";
import { call, openAccount } from "./support/worker-calls.ts";

const doh = fakeDoh();
afterEach(reset);

const ON = { capabilities: { receiving: "enabled" as const } };
const HOST = env.HIKYAKU_BOUNCE_DOMAIN;
const receivingIn = (records: DomainRecord[]): DomainRecord[] => records.filter(({ record }) => record === "Receiving");

test.each<[string, FakeName, string]>([
  ["ours", { mx: [HOST] }, "verified"],
  ["none yet", { a: ["192.0.2.1"] }, "pending"],
  ["another's", { mx: ["mx.other.test"] }, "failed"],
  ["not to be found out", "servfail", "temporary_failure"],
])("%s", async (_, at, expected) => {
  const account = await openAccount();
  const made = await addDomain(account, { name: "shop.test", ...ON });
  expect(receivingIn(made.records)).toMatchObject([{ name: "@", type: "MX", value: HOST, status: "not_started" }]);
  doh.zone = { ...published(made, "Receiving MX"), "shop.test": at };
  const domain = await verifyDomain(account, made.id);
  expect([domain.status, receivingIn(domain.records)[0]?.status]).toEqual(["verified", expected]);
  const fix = domain.findings.find(({ code }) => code.startsWith("receiving."))?.fix;
  expect(fix).toBe(["pending", "failed"].includes(expected) ? `10 ${HOST}` : undefined);
});

test("switched on and off again it comes and goes, and what is known of it stays", async () => {
  const account = await openAccount();
  const made = await addDomain(account, { name: "shop.test" });
  expect(receivingIn(made.records)).toEqual([]);
  const update = (body: object) => call("PATCH", `/v1/domains/${made.id}`, { token: account.token, body });
  await update(ON);
  doh.zone = { ...published(made), "shop.test": { mx: [HOST] } };
  await verifyDomain(account, made.id);
  await update({ ...ON, tls: "enforced" });
  expect(receivingIn((await readDomain(account, made.id)).records)).toMatchObject([{ status: "verified" }]);
  await update({ capabilities: { receiving: "disabled" } });
  expect(receivingIn((await readDomain(account, made.id)).records)).toEqual([]);
});
