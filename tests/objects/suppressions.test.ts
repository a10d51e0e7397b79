/**
 * The list of suppressions as its owner keeps it: the API of the contract, with streams, expiry and whole domains; and
 * CSV in and out.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SUPPRESSION_LIMIT } from "#contract/suppression.ts";
import { api, emailsOf, importCsv, listOf, noticesOf, suppress } from "./support/suppression-scene.ts";
import { acceptMany, ringAlarm } from "./support/account-scene.ts";
import { call, countIn, mintKey, openAccount, sendEmail, sqlIn, type TestAccount } from "./support/worker-calls.ts";

let account: TestAccount;
beforeEach(async () => {
  account = await openAccount();
});
afterEach(reset);

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();
const HOUR_MS = 3_600_000;

test("an address is added, read by id and by address, and removed", async () => {
  const id = await suppress(account, "  Gone@DEST.test ");
  const shown = {
    ...{ object: "suppression", id, email: "gone@dest.test", origin: "manual", source_id: null, stream: null },
    ...{ created_at: expect.stringMatching(/Z$/), expires_at: null },
  };
  for (const which of [id, "gone@dest.test", "GONE%40Dest.Test"])
    expect(await api(account, "GET", `/${which}`)).toEqual({ status: 200, body: shown });
  expect(await api(account, "DELETE", "/gone%40dest.test")).toEqual({
    status: 200,
    body: { object: "suppression", id, deleted: true },
  });
  for (const method of ["GET", "DELETE"])
    for (const which of [id, "gone@dest.test", "nobody", "%2A%40", "a@b@"])
      expect(await api(account, method, `/${which}`), which).toMatchObject({
        status: 404,
        body: { name: "not_found" },
      });
  expect(await noticesOf(account)).toEqual(["suppression.added gone@dest.test", "suppression.removed gone@dest.test"]);
});

test("addresses that a path could misread", async () => {
  for (const email of ["a/b@dest.test", "50%25@dest.test", "q?x=1@dest.test", "a+b@dest.test", '"a b"@dest.test']) {
    const id = await suppress(account, email);
    expect(await api(account, "GET", `/${encodeURIComponent(email)}`), email).toMatchObject({ body: { id, email } });
  }
});

test("the same address again is the one that is there, and tells nothing", async () => {
  const first = await suppress(account, "a@dest.test");
  expect(await suppress(account, "A@Dest.Test")).toBe(first);
  // A stream of its own is another row.
  expect(await suppress(account, "a@dest.test", { stream: "bulk" })).not.toBe(first);
  expect(await noticesOf(account)).toHaveLength(2);
  expect(await countIn(account, "suppression")).toBe(2);
});

test("what is no address is refused, and so is an end that has passed", async () => {
  for (const email of ["", "nobody", "*@", "*@*", "*@a b", "a@b@c", "@dest.test", "x".repeat(321)])
    expect((await api(account, "POST", "", { email })).status, email).toBe(400);
  expect(await api(account, "POST", "", { email: "a@dest.test", expires_at: inMs(-1000) })).toMatchObject({
    ...{ status: 400, body: { message: expect.stringContaining("expires_at") } },
  });
  expect(await countIn(account, "suppression")).toBe(0);
});

test("a list is walked in pages, newest first, by origin and stream", async () => {
  const ids: string[] = [];
  for (const n of [0, 1, 2, 3, 4])
    ids.push(await suppress(account, `${n}@dest.test`, n % 2 === 0 ? {} : { stream: "bulk" }));
  const first = await listOf(account, "?limit=2");
  expect([first.has_more, first.data.map(({ id }) => id)]).toEqual([true, [ids[4], ids[3]]]);
  const second = await listOf(account, `?limit=3&after=${ids[3]}`);
  expect([second.has_more, second.data.map(({ id }) => id)]).toEqual([false, [ids[2], ids[1], ids[0]]]);
  const before = await listOf(account, `?limit=2&before=${ids[0]}`);
  expect([before.has_more, before.data.map(({ id }) => id)]).toEqual([true, [ids[2], ids[1]]]);
  expect(await emailsOf(account, "?stream=bulk")).toEqual(["3@dest.test", "1@dest.test"]);
  expect(await emailsOf(account, "?origin=bounce")).toEqual([]);
  expect(await emailsOf(account, "?origin=manual&limit=1")).toEqual(["4@dest.test"]);
  for (const query of ["?after=nobody", "?origin=whim", "?limit=0", "?colour=red"])
    expect((await api(account, "GET", query)).status, query).toBe(query.startsWith("?after") ? 404 : 422);
});

test("one that has expired is not there, and may be added anew", async () => {
  const id = await suppress(account, "a@dest.test", { expires_at: inMs(HOUR_MS) });
  await suppress(account, "b@dest.test");
  await sqlIn(account.stub, "UPDATE suppression SET expires_ms = ? WHERE address = 'a@dest.test'", Date.now() - 1);
  expect(await emailsOf(account)).toEqual(["b@dest.test"]);
  for (const which of [id, "a@dest.test"]) expect((await api(account, "GET", `/${which}`)).status).toBe(404);
  expect(await suppress(account, "a@dest.test")).not.toBe(id);
  expect(await emailsOf(account)).toEqual(["a@dest.test", "b@dest.test"]);
});

test("what has expired is swept by the alarm", async () => {
  await suppress(account, "a@dest.test", { expires_at: inMs(HOUR_MS) });
  await suppress(account, "b@dest.test");
  await suppress(account, "c@dest.test", { expires_at: inMs(HOUR_MS) });
  await sqlIn(account.stub, "UPDATE suppression SET expires_ms = ? WHERE address = 'a@dest.test'", Date.now() - 1);
  await sendEmail(account);
  await ringAlarm(account);
  expect(await sqlIn(account.stub, "SELECT address FROM suppression ORDER BY k")).toEqual([
    { address: "b@dest.test" },
    { address: "c@dest.test" },
  ]);
});

test("of two ends the later counts", async () => {
  const later = inMs(2 * HOUR_MS);
  const expiry = async () => (await listOf(account)).data[0]?.expires_at;
  await suppress(account, "a@dest.test", { expires_at: inMs(HOUR_MS) });
  await suppress(account, "a@dest.test", { expires_at: later });
  expect(await expiry()).toBe(later);
  await suppress(account, "a@dest.test", { expires_at: inMs(HOUR_MS) });
  expect(await expiry()).toBe(later);
  await suppress(account, "a@dest.test");
  expect(await expiry()).toBeNull();
  await suppress(account, "a@dest.test", { expires_at: later });
  expect(await expiry()).toBeNull();
});

test("a batch is added as a whole or not at all", async () => {
  const wrong = await api(account, "POST", "/batch/add", { emails: ["a@dest.test", "nobody"] });
  expect(wrong).toMatchObject({ status: 400, body: { message: expect.stringContaining("`emails[1]`") } });
  expect(await countIn(account, "suppression")).toBe(0);
  const emails = ["a@dest.test", "*@other.test", "A@dest.test"];
  const { body } = await api(account, "POST", "/batch/add", { emails, stream: "bulk" });
  const { data } = body as { data: { object: string; id: string }[] };
  expect(data.map(({ object }) => object)).toEqual(["suppression", "suppression", "suppression"]);
  expect(data[2]?.id).toBe(data[0]?.id);
  expect(await emailsOf(account)).toEqual(["*@other.test", "a@dest.test"]);
  expect((await api(account, "POST", "/batch/add", { emails: [] })).status).toBe(400);
  const many = Array.from({ length: 1001 }, (_, n) => `${n}@dest.test`);
  expect((await api(account, "POST", "/batch/add", { emails: many })).status).toBe(400);
});

test("a batch is removed by ids or by addresses; who was not there is said", async () => {
  const id = await suppress(account, "a@dest.test");
  const streams = [await suppress(account, "b@dest.test", { stream: "bulk" }), await suppress(account, "b@dest.test")];
  const ref = (of: string, deleted: boolean) => ({ object: "suppression", id: of, deleted });
  expect(await api(account, "POST", "/batch/remove", { ids: [id, "nobody"] })).toEqual({
    ...{ status: 200, body: { data: [ref(id, true), ref("nobody", false)] } },
  });
  expect(await api(account, "POST", "/batch/remove", { emails: ["B@dest.test", "a@dest.test"] })).toEqual({
    ...{ status: 200, body: { data: [...streams.map((of) => ref(of, true)), ref("a@dest.test", false)] } },
  });
  expect(await countIn(account, "suppression")).toBe(0);
  for (const body of [{}, { emails: ["a@dest.test"], ids: [id] }, { emails: ["nobody"] }])
    expect((await api(account, "POST", "/batch/remove", body)).status).toBe(400);
});

test("what a hand has changed is in the audit log, and what changed nothing is not", async () => {
  const id = await suppress(account, "a@dest.test");
  await suppress(account, "a@dest.test");
  await api(account, "POST", "/batch/add", { emails: ["b@dest.test", "a@dest.test"] });
  await importCsv(account, "email\nc@dest.test\n");
  await importCsv(account, "email\nc@dest.test\n");
  await api(account, "DELETE", `/${id}`);
  await api(account, "DELETE", `/${id}`);
  await api(account, "POST", "/batch/remove", { emails: ["b@dest.test", "x@dest.test"] });
  const { body } = await call("GET", `/admin/accounts/${account.id}/audit`, { token: env.HIKYAKU_ADMIN_TOKEN });
  const entries = (body as { data: { actor: string; action: string; changes: object }[] }).data;
  expect(entries.slice(0, -1).map(({ action, changes }) => [action, changes])).toEqual([
    ["suppressions.removed", { count: 1 }],
    ["suppression.removed", {}],
    ["suppressions.imported", { count: 1 }],
    ["suppressions.added", { count: 1, stream: null, expires_at: null }],
    ["suppression.added", { email: "a@dest.test" }],
  ]);
  expect(entries[0]?.actor).toMatch(/^api_key:/);
});

test("a key that may only send neither reads nor writes the list", async () => {
  await suppress(account, "a@dest.test");
  const other = { ...account, token: (await mintKey(account, "sending_access")).token };
  for (const [method, path] of [
    ["GET", ""],
    ["GET", "/a@dest.test"],
    ["DELETE", "/a@dest.test"],
    ["GET", "/export"],
  ] as const)
    expect(await api(other, method, path)).toMatchObject({ status: 401, body: { name: "restricted_api_key" } });
  expect(await importCsv(other, "email\nb@dest.test\n")).toMatchObject({ status: 401 });
  expect(await emailsOf(account)).toEqual(["a@dest.test"]);
});

test("a list that is full takes no more, but knows who is on it", async () => {
  await suppress(account, "a@dest.test");
  // As if there were so many: memory counts once.
  await evictDurableObject(account.stub);
  await sqlIn(
    account.stub,
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
     INSERT INTO suppression SELECT i, i || '@full.test', -1, 'manual', NULL, NULL FROM n`,
    SUPPRESSION_LIMIT - 1,
  );
  expect(await api(account, "POST", "", { email: "b@dest.test" })).toMatchObject({
    ...{ status: 400, body: { message: expect.stringContaining(String(SUPPRESSION_LIMIT)) } },
  });
  expect((await api(account, "POST", "", { email: "a@dest.test" })).status).toBe(200);
  expect((await importCsv(account, "email\na@dest.test\nb@dest.test\n")).status).toBe(400);
  // What mail teaches is kept all the same, and takes nobody's place.
  const [k = 0] = await acceptMany(account, 1, { recipients: ["gone@dest.test"] });
  await account.stub.readerDoes(k, { kind: "unsubscribed" });
  expect(await emailsOf(account, "?origin=unsubscribe")).toEqual(["gone@dest.test"]);
  expect((await api(account, "POST", "", { email: "a@dest.test" })).status).toBe(200);
  await api(account, "DELETE", "/gone@dest.test");
  await api(account, "DELETE", "/a@dest.test");
  expect((await api(account, "POST", "", { email: "b@dest.test" })).status).toBe(200);
});

test("what is exported can be imported: by another account the same list", async () => {
  const expires_at = inMs(HOUR_MS);
  await suppress(account, "=cmd@dest.test");
  await suppress(account, "*@whole.test", { stream: "bulk", expires_at });
  await suppress(account, '"a,b"@dest.test');
  await sqlIn(account.stub, "UPDATE suppression SET origin = 'bounce' WHERE address LIKE '%a,b%'");
  const { status, body } = await api(account, "GET", "/export");
  expect(status).toBe(200);
  const [header, ...lines] = String(body).split("\r\n");
  expect(header).toBe("email,stream,origin,created_at,expires_at");
  expect(lines.map((line) => line.replace(/\d{4}-[^,]*Z,/, "T,"))).toEqual([
    "'=cmd@dest.test,,manual,T,",
    `*@whole.test,bulk,manual,T,${expires_at}`,
    '"""a,b""@dest.test",,bounce,T,',
    "",
  ]);
  const other = await openAccount();
  expect(await importCsv(other, String(body))).toEqual({
    ...{ status: 200, body: { object: "suppression_import", added: 3, known: 0, refused: 0, errors: [] } },
  });
  const plain = async (of: TestAccount) =>
    (await listOf(of)).data.map(({ id: _, created_at: __, source_id: ___, ...rest }) => rest);
  expect(await plain(other)).toEqual(await plain(account));
  expect(await importCsv(other, String(body))).toMatchObject({ body: { added: 0, known: 3 } });
});

test("lines that cannot be read are told by their number, the others are taken", async () => {
  const csv =
    "\ufeffName,EMAIL,stream\r\nAda,ada@dest.test,\r\n\r\nBob,nobody,\r\nEve,eve@dest.test,fax\r\nZoe,zoe@dest.test,bulk";
  expect(await importCsv(account, csv)).toEqual({
    status: 200,
    body: {
      ...{ object: "suppression_import", added: 2, known: 0, refused: 2 },
      errors: [
        { line: 4, message: "`email` is not an address, or `*@example.com`." },
        { line: 5, message: "`stream` is `transactional`, `bulk` or empty." },
      ],
    },
  });
  expect(await emailsOf(account)).toEqual(["zoe@dest.test", "ada@dest.test"]);
});

test("files that are none", async () => {
  for (const [csv, text] of [
    ["", "email"],
    ["name\nada@dest.test\n", "email"],
    [`email\n${"x".repeat(20_000)}\n`, "Line 2"],
  ] as const)
    expect(await importCsv(account, csv)).toMatchObject({
      ...{ status: 400, body: { message: expect.stringContaining(text) } },
    });
});

test("a long file goes in pieces of one counted request, and comes out in pieces", async () => {
  const slow = await openAccount({ limits: { requests_per_second: 5 } });
  const lines = Array.from({ length: 12_345 }, (_, n) => `user${n}@dest.test`);
  expect(await importCsv(slow, `email\n${lines.join("\n")}\n`)).toMatchObject({ status: 200, body: { added: 12_345 } });
  const { body } = await api(slow, "GET", "/export");
  expect(
    String(body)
      .trimEnd()
      .split("\r\n")
      .slice(1)
      .map((line) => line.split(",")[0]),
  ).toEqual(lines);
});

test("a file above what an import may have stops there, and says where", async () => {
  const csv = `email\n${"a@dest.test\n".repeat(100_001)}`;
  expect(await importCsv(account, csv)).toMatchObject({
    ...{ status: 413, body: { message: "The file has more than 100000 lines. Taken up to line 100001." } },
  });
});
