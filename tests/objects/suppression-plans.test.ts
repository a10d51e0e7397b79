/**
 * How the list of suppressions is read: at a lease by address and in the list by key, never through the whole table but
 * where a page is filtered; and what a lease costs with a long list, in rows.
 */
import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OPERATOR_LIST_SQL } from "../../gateway/objects/account-operator-list.ts";
import { SUPPRESSION_SQL } from "../../gateway/objects/account-suppressions.ts";
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
  older: { args: [1, null, null, 1, 20], plan: [`${BY_K} (rowid<?)`] },
  newer: { args: [1, null, null, 1, 20], plan: [`${BY_K} (rowid>?)`] },
  sweep: { args: [1], plan: ["SEARCH suppression USING INDEX suppression_expires (expires_ms<?)"] },
};

test.each(Object.entries(PLANS))("the plan of `%s`", async (name, { args, plan }) => {
  const statement = new Map(Object.entries(SUPPRESSION_SQL)).get(name) ?? "";
  expect(await planOf(statement, args)).toEqual(plan);
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
