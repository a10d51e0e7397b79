/**
 * A bulk: what is taken of a stream, what is refused and under which line, and how a stream goes on that was cut.
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { BULK_RECIPIENTS } from "#contract/bulk.ts";
import { sendCall, visitorOf } from "./support/account-scene.ts";
import { call, countIn, openAccount, sqlIn, type Answer, type TestAccount } from "./support/worker-calls.ts";

afterEach(reset);

type Json = Record<string, unknown>;

const SHARED = { from: "News <news@shop.test>", subject: "Hello {{name}}", html: "<p>Hello {{name}}</p>" };

const line = (n: number, variables: object = { name: `N${n}` }): string =>
  JSON.stringify({ to: `r${n}@inbox.test`, variables });
const stream = (lines: readonly string[], shared: object = SHARED): string =>
  [JSON.stringify(shared), ...lines, ""].join("\n");
const lines = (count: number): string[] => Array.from({ length: count }, (_, n) => line(n));

const post = ({ token }: TestAccount, raw: string, key?: string): Promise<Answer> =>
  call("POST", "/v1/emails/bulk", {
    token,
    raw: typeof raw === "string" ? (new Response(raw).body ?? "") : raw,
    ...(key !== undefined && { headers: { "idempotency-key": key } }),
  });

const recipients = async (account: TestAccount): Promise<string[]> =>
  (await sqlIn<{ rcpt: string }>(account.stub, "SELECT rcpt FROM delivery ORDER BY k")).map(({ rcpt }) => rcpt);

test("one content, an email for each line, merged for its recipient", async () => {
  const account = await openAccount();
  const answer = await post(account, stream([line(1), line(2, { name: "<b>Bob</b>" })]));
  expect(answer).toMatchObject({
    status: 200,
    body: { object: "bulk", status: "complete", lines: 3, accepted: 2, refused: 0, errors: [] },
  });
  expect(await countIn(account, "part")).toBe(1);
  expect(await recipients(account)).toEqual(["r1@inbox.test", "r2@inbox.test"]);
  const list = (await call("GET", "/v1/emails", { token: account.token })).body as { data: Json[] };
  expect(list.data.map(({ subject, to }) => [subject, to])).toEqual([
    ["Hello <b>Bob</b>", ["r2@inbox.test"]],
    ["Hello N1", ["r1@inbox.test"]],
  ]);
  const one = await call("GET", `/v1/emails/${String(list.data[0]?.["id"])}`, { token: account.token });
  expect(one.body).toMatchObject({ html: "<p>Hello &lt;b&gt;Bob&lt;/b&gt;</p>" });
  const again = await call("GET", `/v1/emails/bulk/${String((answer.body as Json)["id"])}`, { token: account.token });
  expect(again.body).toEqual(answer.body);
});

test("a line that cannot be sent is refused by its number, the others go", async () => {
  const account = await openAccount();
  const odd = [
    line(2),
    line(3, {}),
    "not json",
    '{"to":"nobody","variables":{"name":"x"}}',
    '{"variables":{"name":"x"}}',
    '{"to":"a@b.test","variables":{"name":"x"},"cc":"c@d.test"}',
    line(8, { name: "a\r\nBcc: x@y.test" }),
    '{"to":"a@b.test","variables":{"name":"\\u0000"}}',
    "",
    line(11),
  ];
  const { body } = await post(account, stream(odd));
  expect(body).toMatchObject({ accepted: 2, refused: 7, lines: 11 });
  expect(
    ((body as Json)["errors"] as { line: number; message: string }[]).map((error) => [error.line, error.message]),
  ).toEqual([
    [3, "Missing variable `name`."],
    [4, "The line is not valid JSON."],
    [5, expect.stringContaining("`to`")],
    [6, "Missing `to` field."],
    [7, "Unknown field `cc`."],
    [8, expect.stringContaining("subject")],
    [9, expect.stringContaining("NUL")],
  ]);
  expect(await recipients(account)).toEqual(["r2@inbox.test", "r11@inbox.test"]);
});

test("a shared email that is wrong refuses the whole, in the contract's words", async () => {
  const account = await openAccount();
  for (const [shared, name] of [
    [{ ...SHARED, from: "nobody" }, "invalid_from_address"],
    [{ ...SHARED, subject: undefined }, "missing_required_field"],
    [{ ...SHARED, to: "a@b.test" }, "validation_error"],
    [{ ...SHARED, html: undefined }, "missing_required_field"],
    [{ ...SHARED, headers: { Date: "x" } }, "validation_error"],
  ] as const)
    expect((await post(account, stream([line(1)], shared))).body, JSON.stringify(shared)).toMatchObject({ name });
  for (const text of ["", "\n", "{", "[]"]) expect(await post(account, text)).toMatchObject({ status: 400 });
  expect(await countIn(account, "bulk")).toBe(0);
  expect(await countIn(account, "part")).toBe(0);
});

test("a stream that was complete and comes again has the same reply, and sends nothing", async () => {
  const account = await openAccount();
  const whole = stream(lines(1300));
  const answer = await post(account, whole, "campaign-1");
  expect(answer).toMatchObject({ status: 200, body: { status: "complete", accepted: 1300 } });
  expect(await post(account, whole, "campaign-1")).toEqual(answer);
  expect(await countIn(account, "email")).toBe(1300);
  expect(await countIn(account, "bulk")).toBe(1);
});

test("another stream under a key is refused: another email, other lines, more, fewer", async () => {
  const account = await openAccount();
  await post(account, stream(lines(1200)), "k");
  const refused = { status: 409, body: { name: "invalid_idempotent_request" } };
  expect(await post(account, stream(lines(1200), { ...SHARED, subject: "Another {{name}}" }), "k")).toMatchObject(
    refused,
  );
  expect(await post(account, stream([line(9999), ...lines(1200).slice(1)]), "k")).toMatchObject(refused);
  expect(await post(account, stream([...lines(1200), line(1200)]), "k")).toMatchObject(refused);
  expect(await post(account, stream(lines(1199)), "k")).toMatchObject(refused);
  expect(await countIn(account, "email")).toBe(1200);
});

test("two streams under one key: one goes on, the other is told that it is not alone", async () => {
  const account = await openAccount();
  const answers = await Promise.all([1, 2, 3].map(() => post(account, stream(lines(1800)), "k")));
  const kinds = answers.map(({ status, body }) => `${status} ${(body as { name?: string }).name ?? "accepted"}`);
  expect(kinds).toContain("200 accepted");
  for (const kind of kinds)
    expect(["200 accepted", "409 concurrent_idempotent_requests", "409 invalid_idempotent_request"]).toContain(kind);
  expect(await recipients(account)).toHaveLength(1800);
  expect(new Set(await recipients(account)).size).toBe(1800);
});

test("a window that fills in the middle: what fits is taken, the rest when there is room", async () => {
  const account = await openAccount({ limits: { recipients_per_10_minutes: 1234, requests_per_second: 1000 } });
  const whole = stream(lines(2000));
  expect(await post(account, whole, "k")).toMatchObject({
    status: 429,
    body: {
      name: "rate_limit_exceeded",
      message: expect.stringContaining("1234 recipients up to line 1235 are accepted"),
    },
  });
  expect(await recipients(account)).toHaveLength(1234);
  // Ten minutes later.
  await runInDurableObject(
    account.stub,
    (_, { storage }) => void storage.sql.exec("UPDATE usage SET slot = slot - 601 WHERE subject = '10m'"),
  );
  await evictDurableObject(account.stub);
  await call("PATCH", `/admin/accounts/${account.id}`, { token: env.HIKYAKU_ADMIN_TOKEN, body: { name: "same" } });
  expect(await post(account, whole, "k")).toMatchObject({ status: 200, body: { accepted: 2000, status: "complete" } });
  expect(await recipients(account)).toEqual(lines(2000).map((_, n) => `r${n}@inbox.test`));
});

test("it is one message of its sender, and each recipient one of the account's", async () => {
  const account = await openAccount({ limits: { messages_per_sender_per_24_hours: 2, requests_per_second: 1000 } });
  expect(await post(account, stream(lines(30)))).toMatchObject({ status: 200 });
  expect(await post(account, stream(lines(30)))).toMatchObject({ status: 200 });
  expect(await post(account, stream(lines(30)))).toMatchObject({ status: 429, body: { name: "daily_quota_exceeded" } });
  const { body } = await call("GET", "/v1/limits", { token: account.token });
  const windows = (body as { data: { name: string; used: number }[] }).data;
  expect(windows.find(({ name }) => name === "recipients_per_24_hours")?.used).toBe(60);
});

test("with a template: its content, its variables and their fallbacks", async () => {
  const account = await openAccount();
  const { token } = account;
  const template = {
    name: "T",
    alias: "t",
    subject: "For {{name}}",
    from: "t@shop.test",
    html: "<p>{{name}} {{n}}</p>",
    variables: [{ key: "n", type: "number", fallback_value: 7 }],
  };
  const made = await call("POST", "/v1/templates", { token, body: template });
  await call("POST", "/v1/templates/t/publish", { token });
  const answer = await post(
    account,
    stream([line(1), line(2, { name: "B", n: 2 }), line(3, { name: "C", n: "x" })], { template: { id: "t" } }),
  );
  expect(answer).toMatchObject({
    status: 200,
    body: { accepted: 2, errors: [{ line: 4, message: expect.stringContaining("number") }] },
  });
  const list = (await call("GET", "/v1/emails", { token })).body as { data: Json[] };
  const html = await Promise.all(
    list.data.map(async ({ id }) => ((await call("GET", `/v1/emails/${String(id)}`, { token })).body as Json)["html"]),
  );
  expect(html).toEqual(["<p>B 2</p>", "<p>N1 7</p>"]);
  expect(list.data[0]).toMatchObject({ from: "t@shop.test", subject: "For B" });
  const metas = await sqlIn<{ template: string }>(account.stub, "SELECT meta ->> 'template_id' AS template FROM email");
  const { id } = made.body as Json;
  expect(metas).toEqual([{ template: id }, { template: id }]);
});

test("a line longer than a line may be, and more recipients than a bulk may have", async () => {
  const account = await openAccount();
  const long = { name: "x".repeat(70_000) };
  expect(await post(account, stream([line(1), line(2, long), line(3)]))).toMatchObject({
    status: 200,
    body: { accepted: 2, errors: [{ line: 3, message: expect.stringContaining("longer") }] },
  });
  // One that is longer than anybody's line ends the reading.
  expect(await post(account, stream([line(1), `{"to":"${"x".repeat(1_100_000)}"`]))).toMatchObject({ status: 400 });
  await sqlIn(account.stub, "UPDATE bulk SET accepted = ?, lines = 1, done = 0", BULK_RECIPIENTS - 1);
  const [{ k } = { k: 0 }] = await sqlIn<{ k: number }>(account.stub, "SELECT k FROM bulk");
  const visitor = await visitorOf(account);
  const from = { address: "news@shop.test", domain: "shop.test" };
  const rows = { rcpts: ["a@b.test", "c@d.test"], metas: ["{}", "{}"], lines: [2, 3], hashes: [1, 2] };
  const chunk = {
    bulk: k,
    after: 1,
    lines: 3,
    hash: 2,
    done: true,
    rows,
    refusals: [],
    from,
    sender: undefined,
    stream: "bulk" as const,
  };
  expect(await account.stub.addToBulk(visitor, chunk)).toMatchObject({ code: "validation_error" });
});

test("sends that wait for their commit while a chunk is taken are leased all the same", async () => {
  const account = await openAccount();
  await post(account, stream(lines(1)), "k");
  const visitor = await visitorOf(account);
  const send = await sendCall(account);
  const from = { address: "news@shop.test", domain: "shop.test" };
  await runInDurableObject(account.stub, async (instance, { storage }) => {
    storage.sql.exec("UPDATE bulk SET done = 0");
    const waiting = instance.accept([send]);
    const { k, lines: after } = storage.sql.exec<{ k: number; lines: number }>("SELECT k, lines FROM bulk").one();
    const rows = {
      rcpts: ["a@b.test"],
      metas: ['{"from":"news@shop.test","to":["a@b.test"],"subject":"s"}'],
      lines: [3],
      hashes: [1],
    };
    await instance.addToBulk(visitor, {
      bulk: k,
      after,
      lines: 3,
      hash: 1,
      done: true,
      rows,
      refusals: [],
      from,
      sender: undefined,
      stream: "bulk",
    });
    await instance.lease("default", "relay-1", 100);
    await instance.lease("default", "relay-1", 100);
    await waiting;
    await instance.lease("default", "relay-1", 100);
    const leased = storage.sql
      .exec<{ ks: string }>("SELECT ks FROM lease")
      .toArray()
      .flatMap(({ ks }): number[] => JSON.parse(ks));
    expect(new Set(leased).size).toBe(3);
  });
});
