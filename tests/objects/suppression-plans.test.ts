/**
 * How the list of suppressions is read: at a lease by address and in the list by key or by the index of what it is filtered
 * by, never through the whole table; and what a lease costs with a long list, in rows.
 */
import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OPERATOR_LIST_SQL } from "../../gateway/objects/account-operator-list.ts";
import { pageStatement, SUPPRESSION_SQL } from "../../gateway/objects/account-suppressions.ts";
import { openAccount, sqlIn, type TestAccount } from "./support/worker-calls.ts";

let account: TestAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(reset);

const BY_K = "SEARCH suppression USING INTEGER PRIMARY KEY";
const BY_ADDRESS = "USING INDEX suppression_address";
const LIST = "VIRTUAL TABLE INDEX 1:";

const planOf = async (statement: string, args: SqlStorageValue[]): Promise<string[]> =>
  (await sqlIn<{ detail: string }>(account.stub, `EXPLAIN QUERY PLAN ${statement}`, ...args)).map(
    ({ detail }) => detail,
  );

const PLANS: Record<keyof typeof SUPPRESSION_SQL, { args: SqlStorageValue[]; plan: string[] }> = {
  matching: {
    args: ['["a@b.test"]', 0, 1],
    plan: [`SCAN j ${LIST}`, `SEARCH s ${BY_ADDRESS} (address=? AND stream=?)`],
  },
  insert: { args: [1, "a@b.test", 0, "manual", null, null], plan: [] },
  extend: { args: [1, 1], plan: [`${BY_K} (rowid=?)`] },
  remove: { args: [1], plan: [`${BY_K} (rowid=?)`] },
  find: { args: ["a@b.test", 0], plan: [`SEARCH suppression ${BY_ADDRESS} (address=? AND stream=?)`] },
  ofAddress: {
    args: ["a@b.test", 1],
    plan: [`SEARCH suppression ${BY_ADDRESS} (address=?)`, "USE TEMP B-TREE FOR ORDER BY"],
  },
  byKey: { args: [1, 1], plan: [`${BY_K} (rowid=?)`] },
  since: { args: [1, 1, 20], plan: [`${BY_K} (rowid>?)`] },
  sweep: { args: [1], plan: ["SEARCH suppression USING INDEX suppression_expires (expires_ms<?)"] },
};

test.each(Object.entries(PLANS))("the plan of `%s`", async (name, { args, plan }) => {
  const statement = new Map(Object.entries(SUPPRESSION_SQL)).get(name) ?? "";
  expect(await planOf(statement, args)).toEqual(plan);
});

test.each([true, false])("a page is read by the index of its filters (newer: %s)", async (newer) => {
  const bound = newer ? "rowid>?" : "rowid<?";
  const check = async (filters: { origin: boolean; stream: boolean }, expected: string): Promise<void> =>
    expect(await planOf(pageStatement(newer, filters), [5, "bounce", 1, 1, 20])).toEqual([expected]);
  const by = (index: string, columns: string): string =>
    `SEARCH suppression USING INDEX ${index} (${columns} AND ${bound})`;
  await check({ origin: false, stream: false }, `${BY_K} (${bound})`);
  await check({ origin: true, stream: false }, by("suppression_origin", "origin=?"));
  await check({ origin: false, stream: true }, by("suppression_stream", "stream=?"));
  await check({ origin: true, stream: true }, by("suppression_origin_stream", "origin=? AND stream=?"));
});

test("the operator's list is read by address", async () => {
  expect(await planOf(OPERATOR_LIST_SQL.matching, ['["a@b.test"]'])).toEqual([
    `SCAN j ${LIST}`,
    "SEARCH o USING PRIMARY KEY (address=?)",
  ]);
});

test("among a hundred thousand, the look-up of a batch of a hundred reads no more than its names", async () => {
  await sqlIn(
    account.stub,
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
     INSERT INTO suppression SELECT i, 'user' || i || '@dest.test', -1, 'bounce', NULL, NULL FROM n`,
  );
  const names = Array.from({ length: 100 }, (_, n) => [`user${n * 1500}@dest.test`, "*@dest.test"]).flat();
  const [found, rowsRead] = await runInDurableObject(account.stub, (_, { storage }) => {
    const rows = storage.sql.exec(SUPPRESSION_SQL.matching, JSON.stringify(names), 0, Date.now());
    return [rows.toArray().length, rows.rowsRead];
  });
  expect(found).toBe(66);
  expect(rowsRead).toBeLessThan(1000);
});
