/**
 * The operator's list of addresses that never exist: kept by the directory, followed by accounts without being asked
 * for, and bounded on both sides.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { OPERATOR_SUPPRESSION_LIMIT, type OperatorChanges } from "#contract/operator-suppression.ts";
import { PageQuery } from "#contract/pagination.ts";
import { AccountOperatorList } from "../../gateway/objects/account-operator-list.ts";
import { OperatorSuppressions } from "../../gateway/objects/operator-suppressions.ts";
import { recordLog } from "./support/recorded-log.ts";
import { eventsOf, leasedOf, sendTo } from "./support/suppression-scene.ts";
import { call, goodSend, openAccount, sqlIn, type Answer, type TestAccount } from "./support/worker-calls.ts";

afterEach(reset);
const log = recordLog();

const NOW_MS = 1_790_000_000_000;
const MINUTE_MS = 60_000;

const admin = (method: string, path = "", body?: unknown): Promise<Answer> =>
  call(method, `/admin/suppressions${path}`, { token: env.HIKYAKU_ADMIN_TOKEN, ...(body !== undefined && { body }) });

/** The directory's side over tables of its own; `kept` marks of what was removed. */
const inDirectory = (kept: number, work: (list: OperatorSuppressions, storage: DurableObjectStorage) => void) =>
  runInDurableObject(env.DIRECTORY.getByName(crypto.randomUUID()), (_, { storage }) =>
    work(new OperatorSuppressions(storage, kept), storage),
  );

/** The account's side, over an account's tables, with a directory that is data. */
const inAccount = async (
  pull: (seq: number) => Promise<OperatorChanges>,
  work: (list: AccountOperatorList, again: () => AccountOperatorList, recalled: readonly string[]) => Promise<void>,
) => {
  const recalled: string[] = [];
  const { stub } = await openAccount();
  await runInDurableObject(stub, (_, { storage }) => {
    const again = () =>
      new AccountOperatorList({ account: "0123456789ab", storage, pull, recall: (name) => recalled.push(name) });
    return work(again(), again, recalled);
  });
};

const listed = (list: AccountOperatorList, ...names: string[]): string[] => [...list.listed(JSON.stringify(names))];

test("the operator puts addresses on the list, reads it and takes them off", async () => {
  expect(await admin("PUT", "", { emails: ["Nobody@dest.test", "*@gmial.test"], note: "typos" })).toEqual({
    ...{ status: 200, body: { object: "operator_suppressions", added: 2, known: 0 } },
  });
  expect(await admin("PUT", "", { emails: ["nobody@dest.test", "a@dest.test", "a@dest.test"] })).toMatchObject({
    body: { added: 1, known: 2 },
  });
  const row = (id: string, note: string | null) => ({ id, note, created_at: expect.stringMatching(/Z$/) });
  const all = [row("a@dest.test", null), row("*@gmial.test", "typos"), row("nobody@dest.test", "typos")];
  expect(await admin("GET")).toEqual({ status: 200, body: { object: "list", has_more: false, data: all } });
  expect(await admin("GET", "?limit=1&after=a%40dest.test")).toMatchObject({
    body: { has_more: true, data: [all[1]] },
  });
  expect(await admin("GET", "?limit=1&before=nobody%40dest.test")).toMatchObject({
    body: { has_more: true, data: [all[1]] },
  });
  expect(await admin("DELETE", "/NOBODY%40dest.test")).toEqual({
    ...{ status: 200, body: { object: "operator_suppression", id: "nobody@dest.test", deleted: true } },
  });
  for (const [method, path] of [
    ["DELETE", "/nobody%40dest.test"],
    ["DELETE", "/no"],
    ["GET", "?after=nobody%40dest.test"],
  ])
    expect((await admin(method ?? "", path)).status, path).toBe(404);
  expect(await admin("PUT", "", { emails: ["a@b.test", "no"] })).toMatchObject({
    ...{ status: 400, body: { message: expect.stringContaining("`emails[1]`") } },
  });
  const { body } = await call("GET", "/admin/audit", { token: env.HIKYAKU_ADMIN_TOKEN });
  expect(
    (body as { data: { action: string; target: string }[] }).data
      .filter(({ action }) => action.startsWith("suppression"))
      .map(({ action, target }) => [action, target]),
  ).toEqual([
    ["suppression.removed", "nobody@dest.test"],
    ["suppressions.added", "1 addresses"],
    ["suppressions.added", "2 addresses"],
  ]);
});

const hasList = (account: TestAccount, expected: string[]) =>
  expect
    .poll(async () =>
      (await sqlIn<{ address: string }>(account.stub, "SELECT address FROM operator_suppression ORDER BY 1")).map(
        ({ address }) => address,
      ),
    )
    .toEqual(expected);

test("an account has the list by its first mail, and again when it wakes", async () => {
  await admin("PUT", "", { emails: ["nobody@dest.test", "*@gmial.test"] });
  const account = await openAccount();
  await sendTo(account, ["a@inbox.test"]);
  await hasList(account, ["*@gmial.test", "nobody@dest.test"]);
  await sendTo(account, ["NOBODY@dest.test", "b@gmial.test"]);
  expect(await leasedOf(account)).toEqual(["a@inbox.test"]);
  expect(await eventsOf(account, "suppressed")).toEqual(
    ["nobody@dest.test", "*@gmial.test"].map((name) => ({
      suppressed: {
        ...{ type: "Suppressed", reason: "operator" },
        message: `${name} is on this service's list of addresses that never exist.`,
      },
    })),
  );
  const refuse = goodSend({ to: "b@gmial.test", on_suppressed: "refuse" });
  expect((await call("POST", "/v1/emails", { token: account.token, body: refuse })).status).toBe(422);
  await admin("DELETE", "/nobody%40dest.test");
  await evictDurableObject(account.stub);
  await hasList(account, ["*@gmial.test"]);
  await sendTo(account, "nobody@dest.test");
  expect(await leasedOf(account)).toEqual(["nobody@dest.test"]);
});

test("the account's copy: pulled once a minute at most, by increments, and kept", () => {
  const asked: number[] = [];
  let answer: OperatorChanges = { isWhole: true, listed: ["a@b.test", '"x"@b.test'], removed: [], seq: 2 };
  const pull = async (seq: number) => {
    asked.push(seq);
    return answer;
  };
  return inAccount(pull, async (list, again, recalled) => {
    expect(list.isEmpty).toBe(true);
    await list.run(NOW_MS);
    expect(recalled).toEqual(["a@b.test", '"x"@b.test']);
    expect(list.isEmpty).toBe(false);
    expect(listed(list, "a@b.test", '"x"@b.test', "c@d.test")).toEqual(["a@b.test", '"x"@b.test']);
    answer = { isWhole: false, listed: ["c@d.test"], removed: ["a@b.test"], seq: 4 };
    await list.run(NOW_MS + MINUTE_MS - 1);
    expect(asked).toEqual([0]);
    await list.run(NOW_MS + MINUTE_MS);
    expect(asked).toEqual([0, 2]);
    expect(recalled.slice(2)).toEqual(["c@d.test"]);
    for (const copy of [list, again()]) expect(listed(copy, "a@b.test", "c@d.test")).toEqual(["c@d.test"]);
    answer = { isWhole: true, listed: [], removed: [], seq: 9 };
    await again().run(NOW_MS);
    expect(asked).toEqual([0, 2, 4]);
    expect(again().isEmpty).toBe(true);
    expect(list.nextMs()).toBe(Infinity);
  });
});

test("a directory that does not answer leaves the copy as it was, and is asked again a minute later", () => {
  let fails = false;
  const pull = async (): Promise<OperatorChanges> => {
    if (fails) throw new Error("away");
    return { isWhole: true, listed: ["a@b.test"], removed: [], seq: 1 };
  };
  return inAccount(pull, async (list) => {
    await list.run(NOW_MS);
    fails = true;
    await list.run(NOW_MS + MINUTE_MS);
    expect(listed(list, "a@b.test")).toEqual(["a@b.test"]);
    expect(log.join()).toContain("account.operator-list-not-pulled");
  });
});

test("a pull under way is not begun a second time, however long it takes", () => {
  const { promise, resolve } = Promise.withResolvers<OperatorChanges>();
  let asked = 0;
  const pull = () => {
    asked += 1;
    return promise;
  };
  return inAccount(pull, async (list) => {
    const first = list.run(NOW_MS);
    await list.run(NOW_MS + 10 * MINUTE_MS);
    expect(asked).toBe(1);
    resolve({ isWhole: true, listed: ["a@b.test"], removed: [], seq: 1 });
    await first;
    expect(list.isEmpty).toBe(false);
  });
});

test("whoever has slept through more removals than are kept is given the whole list", () =>
  inDirectory(2, (list, storage) => {
    list.put(["a@x.test", "b@x.test", "c@x.test", "d@x.test"], undefined, NOW_MS);
    expect(list.since(0)).toMatchObject({ isWhole: true, seq: 4 });
    for (const gone of ["a@x.test", "b@x.test"]) expect(list.remove(gone, NOW_MS)).toBe(true);
    expect(list.since(4)).toEqual({ isWhole: false, listed: [], removed: ["a@x.test", "b@x.test"], seq: 6 });
    list.remove("c@x.test", NOW_MS);
    expect(list.since(4)).toEqual({ isWhole: true, listed: ["d@x.test"], removed: [], seq: 7 });
    expect(list.since(5)).toEqual({ isWhole: false, listed: [], removed: ["b@x.test", "c@x.test"], seq: 7 });
    // A mark that becomes an entry again makes room, and what is gone stays gone; also after a restart.
    list.put(["c@x.test"], undefined, NOW_MS);
    for (const each of [list, new OperatorSuppressions(storage, 2)]) {
      expect(each.since(4)).toMatchObject({ isWhole: true, listed: ["d@x.test", "c@x.test"], seq: 8 });
      expect(each.since(8)).toEqual({ isWhole: false, listed: [], removed: [], seq: 8 });
      // Of another life of the directory.
      expect(each.since(99)).toMatchObject({ isWhole: true, seq: 8 });
    }
    expect(list.remove("c@x.test", NOW_MS) && list.remove("c@x.test", NOW_MS)).toBe(false);
  }));

test("the list is bounded", () =>
  inDirectory(2, (_, storage) => {
    storage.sql.exec(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO suppression SELECT i, i || '@x.test', NULL, 0, 0 FROM n`,
      OPERATOR_SUPPRESSION_LIMIT - 1,
    );
    const full = new OperatorSuppressions(storage, 2);
    expect(full.put(["a@x.test", "b@x.test"], undefined, NOW_MS)).toMatchObject({ code: "validation_error" });
    expect(full.put(["a@x.test", "1@x.test"], undefined, NOW_MS)).toEqual({ added: 1, known: 1 });
    expect(full.since(0).listed).toHaveLength(OPERATOR_SUPPRESSION_LIMIT);
  }));

const changes = fc.array(
  fc.record({ address: fc.constantFrom("a", "b", "c", "d"), isPut: fc.boolean(), isHeard: fc.boolean() }),
  { maxLength: 40 },
);

test("whenever an account asks, it then has what the directory has", () =>
  inDirectory(2, (_, storage) => {
    fc.assert(
      fc.property(changes, (steps) => {
        storage.sql.exec("DELETE FROM suppression");
        storage.sql.exec("DELETE FROM suppression_floor");
        const fresh = new OperatorSuppressions(storage, 2);
        const copy = new Set<string>();
        let seq = 0;
        const hear = (): void => {
          const { isWhole, listed: added, removed, seq: now } = fresh.since(seq);
          if (isWhole) copy.clear();
          for (const address of added) copy.add(address);
          for (const address of removed) copy.delete(address);
          seq = now;
        };
        for (const { address, isPut, isHeard } of steps) {
          if (isPut) fresh.put([address], undefined, NOW_MS);
          else fresh.remove(address, NOW_MS);
          if (isHeard) hear();
        }
        hear();
        const page = fresh.list(PageQuery.parse({ limit: 100 }));
        expect("data" in page && page.data.map(({ id }) => id).toSorted()).toEqual([...copy].toSorted());
      }),
    );
  }));
