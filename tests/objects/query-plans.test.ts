/**
 * How the queue finds its rows: by key or by `delivery_due`, never by reading a table through. A missing index
 * cannot be seen at the depth other tests have; its plan can, and so can the rows that were read.
 */
import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { NOTICE_SQL } from "../../gateway/objects/account-notices.ts";
import { POLICY_SQL } from "../../gateway/objects/account-policies.ts";
import { ACCEPT_SQL, QUEUE_SQL } from "../../gateway/objects/account-schema.ts";
import { acceptMany, leaseTo, outcomes } from "./support/account-scene.ts";
import { openAccount, sqlIn, type TestAccount } from "./support/worker-calls.ts";

let account: TestAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(reset);

const planOf = async (statement: string, args: SqlStorageValue[]): Promise<string[]> =>
  (await sqlIn<{ detail: string }>(account.stub, `EXPLAIN QUERY PLAN ${statement}`, ...args)).map(
    ({ detail }) => detail,
  );

const BY_K = "INTEGER PRIMARY KEY (rowid=?)";
const JSON_LIST = "VIRTUAL TABLE INDEX 1:";

/** The plan of each statement, step by step. `SCAN … VIRTUAL TABLE` reads the list that was handed over. */
const PLANS: Record<keyof typeof QUEUE_SQL, { args: SqlStorageValue[]; plan: string[] }> = {
  fresh: {
    args: [0, 0, 100],
    plan: ["SEARCH d USING INTEGER PRIMARY KEY (rowid>?)", `SEARCH e USING ${BY_K}`],
  },
  due: {
    args: [0, 1, 100],
    plan: ["SEARCH d USING INDEX delivery_due (stream=? AND due>? AND due<?)", `SEARCH e USING ${BY_K}`],
  },
  nextDue: { args: [0], plan: ["SEARCH delivery USING COVERING INDEX delivery_due (stream=? AND due>?)"] },
  emails: {
    args: ["[1]", 1],
    plan: [`SCAN j ${JSON_LIST}`, `SEARCH e USING ${BY_K}`, `SEARCH p USING ${BY_K} LEFT-JOIN`],
  },
  openDeliveries: { args: ["[1]"], plan: [`SCAN j ${JSON_LIST}`, `SEARCH d USING ${BY_K}`, `SEARCH e USING ${BY_K}`] },
  takeDue: {
    args: ["[1]"],
    plan: [`SEARCH delivery USING ${BY_K}`, "LIST SUBQUERY 1", `SCAN json_each ${JSON_LIST}`],
  },
  giveBack: {
    args: ["[1]", 1],
    plan: [`SEARCH delivery USING ${BY_K}`, "LIST SUBQUERY 1", `SCAN json_each ${JSON_LIST}`],
  },
  settle: {
    args: ["[[1,1,1,0,0,0,[]]]"],
    plan: [`SCAN json_each ${JSON_LIST}`, `SEARCH delivery USING ${BY_K}`],
  },
  stillLeased: { args: ["[1]"], plan: [`SCAN j ${JSON_LIST}`, `SEARCH d USING ${BY_K}`] },
};

test.each(Object.entries(PLANS))("the plan of `%s` reads by key", async (name, { args, plan }) => {
  const statement = new Map(Object.entries(QUEUE_SQL)).get(name) ?? "";
  expect(await planOf(statement, args)).toEqual(plan);
});

test.each(Object.entries(ACCEPT_SQL))("the insert into `%s` reads its list and nothing else", async (_, statement) => {
  expect(await planOf(statement, ["[]"])).toEqual([`SCAN json_each ${JSON_LIST}`]);
});

test("notices are forgotten by key, policies by domain", async () => {
  expect(await planOf(NOTICE_SQL.sweep, [0])).toEqual(["SEARCH notice USING INTEGER PRIMARY KEY (rowid<?)"]);
  expect(await planOf(NOTICE_SQL.insert, [0, "", 0, ""])).toEqual([]);
  expect(await planOf(POLICY_SQL.told, ["", 0])).toEqual(["SEARCH policy_change USING PRIMARY KEY (domain=?)"]);
});

test("the table of plans can tell: a statement without a key shows as a scan and a sort", async () => {
  expect(await planOf("SELECT k FROM delivery WHERE rcpt = ? ORDER BY attempt", ["a"])).toEqual([
    "SCAN delivery",
    "USE TEMP B-TREE FOR ORDER BY",
  ]);
});

/** Rows that the account's statements read while it does `work`. */
const rowsReadBy = async (work: () => Promise<unknown>): Promise<number> => {
  const exec = await runInDurableObject(account.stub, (_, { storage }) => vi.spyOn(storage.sql, "exec"));
  await work();
  return runInDurableObject(account.stub, () => {
    const rows = exec.mock.results.reduce((sum, { type, value }) => sum + (type === "return" ? value.rowsRead : 0), 0);
    exec.mockRestore();
    return rows;
  });
};

const DEPTH = 5000;

/** As if so many emails had been sent and delivered before. */
const deliverBefore = (): Promise<unknown> =>
  sqlIn(
    account.stub,
    `WITH RECURSIVE n (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < ?)
     INSERT INTO delivery SELECT k, k, 'reader@inbox.test', 0, 1, NULL, 0, 'delivered', 0, '[]' FROM n`,
    DEPTH,
  );

test("with a long past, a lease and its settlement read as little as without one", async () => {
  const round = async () => {
    await acceptMany(account, 10);
    const { lease, ks } = await leaseTo(account, "one");
    await account.stub.settle("one", outcomes(lease, ks, "delivered"));
    await leaseTo(account, "one");
  };
  await round();
  const before = await rowsReadBy(round);
  await deliverBefore();
  expect(await rowsReadBy(round)).toBeLessThan(before + 100);
});
