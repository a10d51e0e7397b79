/**
 * Relays at the pool's door: who is let in, what a hello settles, who makes way for whom, and what a relay
 * that breaks the protocol costs the others (nothing).
 */
import { env } from "cloudflare:workers";
import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { CLOSE } from "#contract/relay-protocol.ts";
import { ProblemBody } from "#contract/problem.ts";
import { acceptMany, deliveriesOf, leaseTo, outcomes } from "./support/account-scene.ts";
import { recordLog } from "./support/recorded-log.ts";
import { aMoment, connectRelay, joinRelay, knock } from "./support/relay-socket.ts";
import { call, objectsMadeBy, openAccount, openRelay, sendEmail } from "./support/worker-calls.ts";

afterEach(reset);
const log = recordLog();

const revokedToken = async (): Promise<string> => {
  const relay = await openRelay();
  await call("DELETE", `/admin/relays/${relay.id}`, { token: env.HIKYAKU_ADMIN_TOKEN });
  return relay.token;
};

/** A pool that no other test wakes. */
const ASLEEP = "asleep";

const REFUSALS: [what: string, token: () => Promise<string | undefined>, status: number, name: string][] = [
  ["without a token", async () => undefined, 401, "missing_api_key"],
  ["with garbage", async () => "garbage", 403, "invalid_api_key"],
  ["with an API key", async () => (await openAccount()).token, 403, "invalid_api_key"],
  ["with the admin token", async () => env.HIKYAKU_ADMIN_TOKEN, 403, "invalid_api_key"],
  [
    "with a token whose tag is wrong",
    async () => `${(await openRelay([ASLEEP])).token.slice(0, -1)}u`,
    403,
    "invalid_api_key",
  ],
  ["for another pool", async () => (await openRelay(["default"])).token, 403, "invalid_access"],
];

test.each(REFUSALS)("a relay %s is refused and wakes no pool", async (_, token, status, name) => {
  const given = await token();
  const made = await objectsMadeBy(env.POOL, async () => {
    const response = await knock(given, ASLEEP);
    expect(response.status).toBe(status);
    expect(response.webSocket).toBeNull();
    expect(ProblemBody.parse(await response.json())).toMatchObject({ statusCode: status, name });
  });
  expect(made).toBe(0);
});

test("a token that was revoked is refused", async () => {
  const response = await knock(await revokedToken());
  expect(response.status).toBe(403);
  expect(ProblemBody.parse(await response.json()).name).toBe("invalid_api_key");
});

test("without an upgrade there is nothing to join", async () => {
  const response = await knock((await openRelay()).token, "default", "h2c");
  expect(response.status).toBe(400);
  expect(ProblemBody.parse(await response.json()).name).toBe("validation_error");
});

test("a relay that is joined shows in the admin API and in /healthz", async () => {
  expect(await call("GET", "/healthz")).toMatchObject({ status: 503, body: { relays: 0 } });
  const { id, token } = await openRelay();
  await joinRelay(token, { version: "1.2.3" });
  expect(await call("GET", "/healthz")).toMatchObject({ status: 200, body: { relays: 1 } });
  expect((await call("GET", "/admin/relays", { token: env.HIKYAKU_ADMIN_TOKEN })).body).toMatchObject({
    data: [{ id, connected: true, version: "1.2.3", last_seen_at: expect.any(String) }],
  });
});

test("revoking a token cuts its relay off", async () => {
  const { id, token } = await openRelay();
  const relay = await joinRelay(token);
  await call("DELETE", `/admin/relays/${id}`, { token: env.HIKYAKU_ADMIN_TOKEN });
  expect(await relay.untilClosed()).toBe(CLOSE.unauthorised);
});

test("a hello settles what was finished, keeps what is held, returns what was lost", async () => {
  const account = await openAccount();
  const { token } = await openRelay();
  const before = await joinRelay(token, { free: 3 });
  const [finished = 0, held = 0, lost = 0] = await acceptMany(account, 3);
  await before.untilGiven(3);
  const lease = before.batches().find(({ ks }) => ks.includes(finished))?.lease ?? 0;
  before.hangUp();

  const after = await joinRelay(
    token,
    {
      epoch: "second",
      free: 10,
      holding: [{ account: account.id, ks: [held] }],
      parts: [{ account: account.id, count: 1 }],
    },
    outcomes(lease, [finished], "delivered"),
  );
  await after.untilGiven(1);
  await aMoment();
  expect(after.batches()).toMatchObject([{ ks: [lost], attempts: [1] }]);
  const rows = await deliveriesOf(account);
  expect(rows.map(({ k, state }) => [k, state])).toEqual([
    [finished, "delivered"],
    [held, "queued"],
    [lost, "queued"],
  ]);
});

test("a hello that holds nothing brings everything back, also over an eviction of both objects", async () => {
  const account = await openAccount();
  const { token } = await openRelay();
  const before = await joinRelay(token);
  const ks = await acceptMany(account, 3);
  await before.untilGiven(3);
  before.hangUp();
  await aMoment();
  await evictDurableObject(env.POOL.getByName("default"));
  await evictDurableObject(account.stub);
  const after = await joinRelay(token, { epoch: "second" });
  await after.untilGiven(3);
  expect(after.given().toSorted((a, b) => a - b)).toEqual(ks);
});

test("a hello returns nothing of what another relay holds", async () => {
  const account = await openAccount();
  const one = await joinRelay((await openRelay()).token);
  await acceptMany(account, 3);
  await one.untilGiven(3);
  const two = await joinRelay((await openRelay()).token, { holding: [{ account: account.id, ks: [] }] });
  await aMoment();
  expect(two.given()).toEqual([]);
});

test.each([
  { epoch: "second", code: CLOSE.superseded },
  { epoch: "first", code: 1000 },
])("a second connection with the same token, epoch $epoch: the older is closed with $code", async ({ epoch, code }) => {
  const account = await openAccount();
  const { token } = await openRelay();
  const older = await joinRelay(token, { epoch: "first" });
  const newer = await joinRelay(token, { epoch });
  expect(await older.untilClosed()).toBe(code);
  await sendEmail(account);
  await newer.untilGiven(1);
  expect(older.given()).toEqual([]);
});

test("a relay with another token does not supersede", async () => {
  const one = await joinRelay((await openRelay()).token);
  await joinRelay((await openRelay()).token, { epoch: "second" });
  await aMoment();
  expect(one.closedWith).toBeUndefined();
});

const ACCOUNT = "0123456789ab";
const HELLO = {
  type: "hello",
  protocol: 1,
  version: "test",
  epoch: "first",
  free: 1,
  seen: 0,
  holding: [],
  parts: [],
};
const text = (frame: unknown, ...lines: string[]): string => [JSON.stringify(frame), ...lines].join("\n");

/** Frames outside the protocol; `joined`: said after a good hello. */
const MALFORMED: { what: string; joined: boolean; frame: string | ArrayBuffer }[] = [
  { what: "empty", joined: false, frame: "" },
  { what: "not JSON", joined: false, frame: "hello" },
  { what: "JSON, but no object", joined: false, frame: "[]" },
  { what: "binary", joined: true, frame: new Uint8Array([0, 1, 2]).buffer },
  { what: "of an unknown type", joined: true, frame: text({ type: "gossip" }) },
  { what: "of the gateway's side", joined: true, frame: text({ type: "ack", seq: 1 }) },
  { what: "a hello of another protocol", joined: false, frame: text({ ...HELLO, protocol: 2 }) },
  { what: "a hello without an epoch", joined: false, frame: text({ ...HELLO, epoch: "" }) },
  {
    what: "a hello whose lines are missing",
    joined: false,
    frame: text({ ...HELLO, parts: [{ account: ACCOUNT, count: 1 }] }),
  },
  { what: "credit before hello", joined: false, frame: text({ type: "credit", free: 1, seen: 0 }) },
  { what: "negative credit", joined: true, frame: text({ type: "credit", free: -1, seen: 0 }) },
  { what: "half a delivery of credit", joined: true, frame: text({ type: "credit", free: 0.5, seen: 0 }) },
  { what: "credit with a line too many", joined: true, frame: text({ type: "credit", free: 1, seen: 0 }, "[]") },
  {
    what: "settled without parts",
    joined: true,
    frame: text({ type: "settled", seq: 1, free: 1, seen: 0, parts: [] }),
  },
  { what: "trapped without its line", joined: true, frame: text({ type: "trapped", account: ACCOUNT }) },
  { what: "about an account that cannot be", joined: true, frame: text({ type: "trapped", account: "a" }, "{}") },
];

test.each(MALFORMED)(
  "a frame that is $what closes its socket with 4400 and stalls nobody",
  async ({ joined, frame }) => {
    const account = await openAccount();
    const good = await joinRelay((await openRelay()).token);
    const { token } = await openRelay();
    const bad = joined ? await joinRelay(token) : await connectRelay(token);
    bad.sayRaw(frame);
    expect(await bad.untilClosed()).toBe(CLOSE.malformed);
    expect(log.filter((line) => line.includes("relay.rejected"))).toHaveLength(1);
    await sendEmail(account);
    await good.untilGiven(1);
    const again = await joinRelay(token);
    expect(again.closedWith).toBeUndefined();
  },
);

test("a settlement whose line is not JSON closes the socket, and the delivery is told again", async () => {
  const account = await openAccount();
  const { token } = await openRelay();
  const relay = await joinRelay(token);
  await sendEmail(account);
  await relay.untilGiven(1);
  relay.say({ type: "settled", seq: 1, free: 1, seen: 1, parts: [{ account: account.id, count: 1 }] }, "nonsense");
  expect(await relay.untilClosed()).toBe(CLOSE.malformed);
  expect(relay.count("ack")).toBe(0);
  const { lease, ks } = relay.batch(0);
  await joinRelay(token, { parts: [{ account: account.id, count: 1 }], holding: [] }, outcomes(lease, ks, "delivered"));
  expect((await deliveriesOf(account)).map(({ state }) => state)).toEqual(["delivered"]);
});

test("a settlement with a stale fence, over the socket, is acknowledged and changes nothing", async () => {
  const account = await openAccount();
  const [k = 0] = await acceptMany(account, 1);
  const { lease } = await leaseTo(account, "somebody-else");
  const relay = await joinRelay((await openRelay()).token);
  relay.say(
    { type: "settled", seq: 7, free: 1, seen: 0, parts: [{ account: account.id, count: 1 }] },
    outcomes(lease, [k], "bounced"),
  );
  await relay.until("ack");
  expect(await deliveriesOf(account)).toMatchObject([{ state: "queued", attempt: 0 }]);
  expect(log.join("\n")).toContain('"late":1');
});
