/**
 * How an outbox finds its rows: by key or by an index, never by reading the table through.
 */
import { reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { OUTBOX_SQL } from "../../gateway/objects/endpoint-schema.ts";
import { configOf, openEndpoint, rowsIn } from "./support/endpoint-scene.ts";

afterEach(reset);

const planOf = async (statement: string, args: SqlStorageValue[]): Promise<unknown[]> => {
  const endpoint = openEndpoint();
  await endpoint.configure(await configOf());
  return (await rowsIn(endpoint, `EXPLAIN QUERY PLAN ${statement}`, ...args)).map(({ detail }) => detail);
};

const BY_K = "SEARCH event USING INTEGER PRIMARY KEY (rowid=?)";
const RANGE = "SEARCH event USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
const CHOSEN = [BY_K, "LIST SUBQUERY 1"];
const LIST = "SCAN json_each VIRTUAL TABLE INDEX 1:";

const PLANS: Record<keyof typeof OUTBOX_SQL, { args: SqlStorageValue[]; plan: string[] }> = {
  insert: { args: ["[]"], plan: [LIST] },
  due: {
    args: [1, "[]", 10],
    plan: ["SEARCH event USING INDEX event_due (due<?)", "LIST SUBQUERY 1", LIST, "CREATE BLOOM FILTER"],
  },
  earliestDue: { args: [], plan: ["SEARCH event USING COVERING INDEX event_due (due>?)"] },
  nextDue: { args: [1], plan: ["SEARCH event USING COVERING INDEX event_due (due>?)"] },
  settle: { args: ["[]"], plan: ["SCAN j VIRTUAL TABLE INDEX 1:", BY_K] },
  failedOfRange: { args: [0, 1, 10], plan: ["SEARCH event USING COVERING INDEX event_failed (k>? AND k<?)"] },
  settledOfRange: { args: [0, 1, 10], plan: [RANGE] },
  replay: { args: ["[]", 1], plan: [...CHOSEN, LIST] },
  hasten: { args: [1, 1], plan: [BY_K] },
  oldest: { args: [], plan: ["SEARCH event"] },
  expire: { args: [1, 10], plan: [...CHOSEN, "SEARCH event USING INTEGER PRIMARY KEY (rowid<?)"] },
  trimSuccess: { args: [1, 10], plan: [...CHOSEN, "SEARCH event USING INTEGER PRIMARY KEY (rowid>?)"] },
  trimFailed: { args: [1, 10], plan: [...CHOSEN, "SEARCH event USING COVERING INDEX event_failed (k>?)"] },
  byKey: { args: [1], plan: [BY_K] },
  older: { args: [1, 10], plan: ["SEARCH event USING INTEGER PRIMARY KEY (rowid<?)"] },
  newer: { args: [1, 10], plan: ["SEARCH event USING INTEGER PRIMARY KEY (rowid>?)"] },
};

test.each(Object.entries(PLANS))("the plan of `%s`", async (name, { args, plan }) => {
  const statement = new Map(Object.entries(OUTBOX_SQL)).get(name) ?? "";
  expect(await planOf(statement, args)).toEqual(plan);
});
