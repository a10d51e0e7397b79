/**
 * A sending domain of an account: added by the API, published in the fake DNS as its owner would, and looked at.
 */
import { env } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { expect } from "vitest";
import { type CreateDomain, DomainDetail, type DomainRecord } from "#contract/domain.ts";
import type { FakeDoh, FakeName } from "./fake-doh.ts";
import { call, sqlIn, type TestAccount } from "./worker-calls.ts";

export const addDomain = async (account: TestAccount, body: CreateDomain): Promise<DomainDetail> =>
  DomainDetail.parse((await call("POST", "/v1/domains", { token: account.token, body })).body);

export const readDomain = async (account: TestAccount, id: string): Promise<DomainDetail> =>
  DomainDetail.parse((await call("GET", `/v1/domains/${id}`, { token: account.token })).body);

/** What the relays' own zone has, so that what names it is right. */
export const RELAYS: Record<string, FakeName> = {
  [env.HIKYAKU_BOUNCE_DOMAIN]: { a: ["192.0.2.9"], txt: ["v=spf1 ip4:192.0.2.9 -all"] },
};

/** The records as they are shown, but for those of the types or names in `without`. */
export const published = (domain: DomainDetail, ...without: string[]): Record<string, FakeName> => {
  const zone: Record<string, { mx: string[]; txt: string[] }> = {};
  const isLeftOut = ({ record, name, type }: DomainRecord): boolean =>
    without.includes(`${record} ${type}`) || without.includes(name);
  for (const record of domain.records.filter((each) => !isLeftOut(each))) {
    const entry = (zone[`${record.name}.${domain.name}`] ??= { mx: [], txt: [] });
    (record.type === "MX" ? entry.mx : entry.txt).push(record.value);
  }
  const policy = `v=DMARC1; p=reject; rua=mailto:dmarc@${domain.name}`;
  const own = { [domain.name]: { a: ["192.0.2.1"] }, [`_dmarc.${domain.name}`]: { txt: [policy] } };
  return { ...RELAYS, ...own, ...zone };
};

export const verifyDomain = async (account: TestAccount, id: string): Promise<DomainDetail> => {
  const verified = await call("POST", `/v1/domains/${id}/verify`, { token: account.token });
  expect(verified).toEqual({ status: 200, body: { object: "domain", id } });
  return readDomain(account, id);
};

/** Added, published and verified. */
export const wholeDomain = async (
  account: TestAccount,
  doh: FakeDoh,
  body: CreateDomain = { name: "shop.test" },
): Promise<DomainDetail> => {
  const made = await addDomain(account, body);
  doh.zone = { ...doh.zone, ...published(made) };
  const domain = await verifyDomain(account, made.id);
  expect(domain.status).toBe("verified");
  return domain;
};

/** `verified: verified verified …`: the status and those of the records. */
export const statusesOf = ({ status, records }: DomainDetail): string =>
  `${status}: ${records.map((record) => record.status).join(" ")}`;

const lookedAtMs = async (account: TestAccount, id: string): Promise<string | null> =>
  (await readDomain(account, id)).checked_at;

/** Rings the alarm and waits until the domain was looked at again. */
export const lookAgain = async (account: TestAccount, id: string): Promise<DomainDetail> => {
  const before = await lookedAtMs(account, id);
  await runDurableObjectAlarm(account.stub);
  await expect.poll(() => lookedAtMs(account, id), { interval: 10 }).not.toBe(before);
  return readDomain(account, id);
};

/** What was told of the account: types and their data, oldest first. */
export const noticesOf = async (account: TestAccount): Promise<{ type: string; data: unknown }[]> =>
  (await sqlIn<{ type: string; data: string }>(account.stub, "SELECT type, data FROM notice ORDER BY k")).map(
    ({ type, data }) => ({ type, data: JSON.parse(data) }),
  );
