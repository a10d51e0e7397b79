/**
 * `GET /v1/events`: one stream of emails' events and notices, by cursor and live; nothing is missed, also of what was
 * committed late, and no page looks through more than it may.
 */
import { exports } from "cloudflare:workers";
import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { AccountEvent } from "#contract/event-payload.ts";
import { EVENTS_SQL } from "../../gateway/objects/account-events.ts";
import { LIVE_STREAMS } from "../../gateway/objects/account-live.ts";
import { acceptMany, leaseTo, outcomes, sendCall } from "./support/account-scene.ts";
import { call, mintKey, openAccount, sqlIn, type Answer, type TestAccount } from "./support/worker-calls.ts";

let account: TestAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(reset);

const Page = z.object({ has_more: z.boolean(), next: z.string().nullable(), data: z.array(AccountEvent) });
const Event = z.object({ id: z.string(), type: z.string() });
const read = (query = ""): Promise<Answer> => call("GET", `/v1/events${query}`, { token: account.token });
const page = async (query = "") => {
  const { has_more, next, data } = Page.parse((await read(query)).body);
  return { has_more, next, data: data.map((event) => Event.parse(event)) };
};
const suppress = (email: string): Promise<Answer> =>
  call("POST", "/v1/suppressions", { token: account.token, body: { email } });
const deliver = async (): Promise<void> => {
  await acceptMany(account, 1);
  const { lease, ks } = await leaseTo(account, "one");
  await account.stub.settle("one", outcomes(lease, ks, "delivered"));
};

test("events and notices come in one order, page by page, each once", async () => {
  expect(await page()).toEqual({ has_more: false, next: null, data: [] });
  await suppress("a@x.test");
  await deliver();
  await suppress("b@x.test");
  const types = ["suppression.added", "email.sent", "email.delivered", "suppression.added"];
  const all = await page();
  expect(all.data.map(({ type }) => type)).toEqual(types);
  expect(all.data.map(({ id }) => id)).toEqual(all.data.map(({ id }) => id).toSorted());
  const seen: string[] = [];
  for (let after = ""; ;) {
    const { data, next, has_more } = await page(`?limit=1${after}`);
    seen.push(...data.map(({ id }) => id));
    if (!has_more) break;
    after = `&after=${next ?? ""}`;
  }
  expect(seen).toEqual(all.data.map(({ id }) => id));
  expect(await page(`?after=${all.next ?? ""}`)).toEqual({ has_more: false, next: all.next, data: [] });
});

test("only the types that are asked for are shown, and the cursor passes the others by", async () => {
  await suppress("a@x.test");
  await deliver();
  const { data, next } = await page("?types=email.delivered,domain.created");
  expect(data.map(({ type }) => type)).toEqual(["email.delivered"]);
  expect((await page("?types=email.bounced")).next).toBe(next);
});

test("an id that was never one of an event is no cursor, nor is an unknown type one", async () => {
  await suppress("a@x.test");
  const other = await openAccount();
  await call("POST", "/v1/suppressions", { token: other.token, body: { email: "a@x.test" } });
  const theirs = z
    .object({ next: z.string() })
    .parse((await call("GET", "/v1/events", { token: other.token })).body).next;
  const { next } = await page();
  const near = (next ?? "").replace(/^(.{15}).{3}/, "$1999");
  for (const id of [theirs, near, "nonsense", ""]) {
    expect(await read(`?after=${id}`), id).toMatchObject({
      status: 404,
      body: { message: expect.stringContaining("after") },
    });
    const headers = { accept: "text/event-stream", "last-event-id": id };
    expect(await call("GET", "/v1/events", { token: account.token, headers }), id).toMatchObject({ status: 404 });
  }
  expect(await read("?types=email.unheard")).toMatchObject({ status: 422, body: { name: "invalid_parameter" } });
  expect(await read("?before=x")).toMatchObject({ status: 422 });
  const sending = (await mintKey(account, "sending_access")).token;
  expect(await call("GET", "/v1/events", { token: sending })).toMatchObject({ status: 401 });
});

test("what is accepted but not yet written is written before anybody reads past it", async () => {
  const call1 = await sendCall(account, { scheduledMs: Date.now() + 3_600_000 });
  const types = await runInDurableObject(account.stub, async (object) => {
    // In one turn: the group of the send is open when the notice behind it is written and read.
    const accepted = object.accept([call1]);
    const kept = object.ask(call1.visitor, "addSuppression", { email: "a@x.test" });
    const told = object.ask(call1.visitor, "readEvents", { limit: 20 });
    await Promise.all([accepted, kept]);
    const { answer } = await told;
    return "data" in answer ? answer.data.map(({ type }) => type) : answer;
  });
  expect(types).toEqual(["email.scheduled", "suppression.added"]);
});

test("a page looks at so many rows and goes on from there, however few are of its types", async () => {
  await sqlIn(
    account.stub,
    `WITH RECURSIVE n (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < 12000)
     INSERT INTO event SELECT k, 1, 1, 'sent', 1, '{}' FROM n`,
  );
  await suppress("a@x.test");
  const first = await page("?types=suppression.added");
  expect(first).toMatchObject({ has_more: true, data: [] });
  const second = await page(`?types=suppression.added&after=${first.next ?? ""}`);
  const third = await page(`?types=suppression.added&after=${second.next ?? ""}`);
  expect(third).toMatchObject({ has_more: false, data: [{ type: "suppression.added" }] });
});

const planOf = async (statement: string, args: SqlStorageValue[]): Promise<string[]> =>
  (await sqlIn<{ detail: string }>(account.stub, `EXPLAIN QUERY PLAN ${statement}`, ...args)).map(
    ({ detail }) => detail,
  );

test("every statement reads by key, and the two tables are merged without a sort", async () => {
  const args: Record<keyof typeof EVENTS_SQL, SqlStorageValue[]> = {
    ...{ window: [0, 10], page: [0, 10, "[]", 10], metas: ["[1]"], recipients: ["[1]"] },
    ...{ newestEvent: [], newestNotice: [], known: [1] },
  };
  for (const [name, statement] of Object.entries(EVENTS_SQL)) {
    const plan = await planOf(statement, new Map(Object.entries(args)).get(name) ?? []);
    const text = plan.join("\n");
    expect(text, name).not.toMatch(/TEMP B-TREE|SCAN (event|notice|e|d)\b/);
    if (name === "page" || name === "window") {
      expect(text, name).toContain("MERGE (UNION ALL)");
      for (const table of ["event", "notice"])
        expect(text, name).toMatch(new RegExp(`SEARCH ${table} USING INTEGER PRIMARY KEY \\(rowid>\\?`));
    }
  }
});

// ---- live

type Reader = { next: () => Promise<string>; cancel: () => Promise<void> };

const openStream = async (headers: Record<string, string> = {}, query = ""): Promise<Reader> => {
  const response = await exports.default.fetch(`https://gateway.test/v1/events${query}`, {
    headers: { authorization: `Bearer ${account.token}`, accept: "text/event-stream", ...headers },
  });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = response.body?.getReader();
  if (!reader) throw new Error("a live stream without a body");
  const next = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
  return { next, cancel: () => reader.cancel() };
};

test("a live stream begins now, shows what happens as it happens, and goes on behind the last id", async () => {
  await suppress("before@x.test");
  const stream = await openStream();
  const opening = await stream.next();
  expect(opening).toMatch(/^retry: 2000\n\n:\nid: [0-9a-f-]{36}\n\n$/);
  const reading = stream.next();
  await suppress("now@x.test");
  const text = await reading;
  expect(text).toMatch(/^id: ([0-9a-f-]{36})\nevent: suppression\.added\ndata: \{.*now@x\.test.*\}\n\n:\nid: \1\n\n$/);
  await stream.cancel();
  await suppress("between@x.test");
  const resumed = await openStream({ "last-event-id": /^id: (\S+)/.exec(text)?.[1] ?? "" });
  expect(await resumed.next()).toContain("between@x.test");
  await resumed.cancel();
});

test("a live stream of an account without any event misses none of what comes first", async () => {
  const stream = await openStream({}, "?types=suppression.added");
  const id = /id: (\S+)/.exec(await stream.next())?.[1] ?? "";
  await stream.cancel();
  await suppress("first@x.test");
  const resumed = await openStream({ "last-event-id": id });
  expect(await resumed.next()).toContain("first@x.test");
  await resumed.cancel();
});

test("an account has so many live streams and no more", async () => {
  const streams = await Promise.all(Array.from({ length: LIVE_STREAMS }, () => openStream()));
  const headers = { accept: "text/event-stream" };
  expect(await call("GET", "/v1/events", { token: account.token, headers })).toMatchObject({ status: 429 });
  await Promise.all(streams.map((stream) => stream.cancel()));
});
