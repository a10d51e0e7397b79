/** The delivery loop between a fake gateway and scripted hosts: what goes out, what is told, what a kill would leave. */
import { expect, test } from "vitest";
import type { Batch } from "#contract/relay-protocol.ts";
import { afterKill, courierScene, gate, numbered } from "./courier-scene.ts";
import { ACCOUNT, batchTo, email, until } from "./relay-scene.ts";

test("one delivery: a return-path of its own, the composed bytes, and an outcome that says it all", async () => {
  const { gateway, hosts } = await courierScene();
  const from = Date.now();
  gateway.link.sendBatch(batchTo(["b@dest.test"]));
  await until(() => gateway.outcomes.length === 1);
  const [sent] = hosts.transactions;
  expect(sent?.rcptTo).toBe("b@dest.test");
  expect(sent?.mailFrom).toMatch(/^0123456789ab\.1\.1\.[0-9a-z]{16}@bounce\.test$/);
  expect(Buffer.from(sent?.message ?? []).toString()).toMatch(/^From: .*\r\nSubject: mail 1\r\n.*\r\nHello\r\n$/s);
  const [told] = gateway.outcomes;
  expect(told).toEqual({
    account: ACCOUNT,
    outcome: {
      ...{ k: 1, lease: 7, kind: "delivered", phase: "dot" },
      reply: { code: 250, enhanced: "2.0.0", text: "taken" },
      ...{ started_at_ms: expect.any(Number), ended_at_ms: expect.any(Number) },
      ...{ relay: "north", host: "mx.dest.test", ip: "192.0.2.1", port: 25, tls: { status: "none" } },
      transcript: ["C: DATA", "S: 250 2.0.0 taken"],
    },
  });
  expect(told?.outcome.started_at_ms).toBeGreaterThanOrEqual(from);
  expect(told?.outcome.ended_at_ms).toBeGreaterThanOrEqual(told?.outcome.started_at_ms ?? 0);
});

test("a hundred deliveries on a few connections, each told once", async () => {
  const { gateway, hosts, kinds, session } = await courierScene();
  gateway.link.sendBatch(batchTo(numbered(100)));
  await until(() => gateway.outcomes.length === 100);
  expect(kinds()).toEqual(Array.from({ length: 100 }, (_, at) => `${at + 1} delivered`).toSorted());
  expect(hosts.connections).toHaveLength(4);
  await until(() => session.unacknowledgedCount === 0);
});

test("many recipients of one email: composed and its keys fetched once, the same bytes for all", async () => {
  const { gateway, hosts } = await courierScene();
  const batch = batchTo(numbered(50));
  const one: Batch = { ...batch, emails: [email(1)], deliveries: batch.deliveries.map((it) => ({ ...it, email: 1 })) };
  gateway.link.sendBatch(one);
  await until(() => gateway.outcomes.length === 50);
  expect(new Set(hosts.transactions.map(({ message }) => message)).size).toBe(1);
  expect(new Set(hosts.transactions.map(({ mailFrom }) => mailFrom)).size).toBe(50);
  expect(gateway.requests).toEqual([`/relay/accounts/${ACCOUNT}/keys/from.test`]);
});

test("a later attempt sends the bytes of the first", async () => {
  const { gateway, hosts } = await courierScene();
  gateway.link.sendBatch(batchTo(["b@dest.test"]));
  await until(() => gateway.outcomes.length === 1);
  const again = batchTo(["b@dest.test"], 1, { lease: 8 });
  gateway.link.sendBatch({ ...again, deliveries: again.deliveries.map((it) => ({ ...it, attempt: 2 })) });
  await until(() => gateway.outcomes.length === 2);
  const [first, second] = hosts.transactions;
  expect(second?.message).toEqual(first?.message);
  expect(second?.mailFrom).toMatch(/^0123456789ab\.1\.2\./);
});

test("large content is fetched once, beside the socket", async () => {
  const { gateway, hosts } = await courierScene({
    gateway: { answers: { [`/relay/accounts/${ACCOUNT}/parts/9`]: '{"text":"Fetched"}' } },
  });
  const { content: _, ...bare } = email(1);
  const batch = batchTo(["b@dest.test", "c@dest.test"]);
  const deliveries = batch.deliveries.map((delivery) => ({ ...delivery, email: 1 }));
  gateway.link.sendBatch({ ...batch, emails: [{ ...bare, part: { k: 9, chunks: 3 } }], deliveries });
  await until(() => gateway.outcomes.length === 2);
  expect(Buffer.from(hosts.transactions[0]?.message ?? []).toString()).toContain("\r\nFetched\r\n");
  expect(gateway.requests.filter((path) => path.includes("/parts/"))).toEqual([
    `/relay/accounts/${ACCOUNT}/parts/9?chunks=3`,
  ]);
});

test("content that emails of a batch share comes with it, and becomes each one's own", async () => {
  const { gateway, hosts } = await courierScene({
    gateway: { answers: { [`/relay/accounts/${ACCOUNT}/parts/10`]: '{"text":"Fetched"}' } },
  });
  const batch = batchTo(["b@dest.test", "c@dest.test", "d@dest.test", "e@dest.test"]);
  const emails = batch.emails.map(({ content: _, meta, ...bare }) => ({
    ...bare,
    meta: { ...meta, variables: { n: bare.k } },
    part: { k: bare.k === 3 ? 10 : 9, chunks: 1 },
  }));
  const own = email(4, { part: { k: 11, chunks: 1 } });
  const parts = [{ k: 9, content: { text: "Shared with {{n}}" } }];
  gateway.link.sendBatch({ ...batch, emails: [...emails.slice(0, 3), own], parts });
  await until(() => gateway.outcomes.length === 4);
  const lines = hosts.transactions.map(({ rcptTo, message }) => [
    rcptTo,
    Buffer.from(message).toString().split("\r\n").at(-2),
  ]);
  expect(Object.fromEntries(lines)).toEqual({
    "b@dest.test": "Shared with 1",
    "c@dest.test": "Shared with 2",
    // A part that did not come with the batch is fetched, and content of its own stays.
    "d@dest.test": "Fetched",
    "e@dest.test": "Hello",
  });
  expect(gateway.requests.filter((path) => path.includes("/parts/"))).toEqual([
    `/relay/accounts/${ACCOUNT}/parts/10?chunks=1`,
  ]);
});

test("a static route wins over MX", async () => {
  const { gateway, hosts } = await courierScene({
    options: { routes: new Map([["dest.test", { host: "192.0.2.9", port: 2525, tls: "none" }]]) },
  });
  gateway.link.sendBatch(batchTo(["b@dest.test", "b@other.test"]));
  await until(() => gateway.outcomes.length === 2);
  expect(Object.fromEntries(hosts.transactions.map(({ rcptTo, ip }) => [rcptTo, ip]))).toEqual({
    "b@dest.test": "192.0.2.9",
    "b@other.test": "192.0.2.1",
  });
});

test("what never leaves is told too: no such domain, an email that cannot be made", async () => {
  const { gateway, hosts } = await courierScene();
  const batch = batchTo(["b@nowhere.test", "c@dest.test"]);
  const emails = [email(1), email(2, { meta: { from: "nobody", to: ["c@dest.test"], subject: "x" } })];
  gateway.link.sendBatch({ ...batch, emails });
  await until(() => gateway.outcomes.length === 2);
  const byK = Object.fromEntries(gateway.outcomes.map(({ outcome }) => [outcome.k, outcome]));
  expect(byK[1]).toMatchObject({ kind: "bounced", phase: "route", reason: expect.stringMatching(/^5\.1\.2 /) });
  expect(byK[2]).toMatchObject({ kind: "failed", phase: "local", reason: expect.stringContaining("sender") });
  expect(hosts.transactions).toEqual([]);
});

test("an address beyond ASCII needs SMTPUTF8, whatever the message has", async () => {
  const { gateway, hosts } = await courierScene();
  gateway.link.sendBatch(batchTo(["jürgen@dest.test", "b@dest.test"]));
  await until(() => gateway.outcomes.length === 2);
  const needs = Object.fromEntries(hosts.transactions.map(({ rcptTo, needsSmtpUtf8 }) => [rcptTo, needsSmtpUtf8]));
  expect(needs).toEqual({ "jürgen@dest.test": true, "b@dest.test": false });
});

test("THE RULE: a kill doubles at most what was open, wherever it strikes", async () => {
  const { gateway, hosts, folder } = await courierScene({
    gateway: { acknowledges: false },
    options: { connectionsPerDestination: 3 },
  });
  // At each transaction: what is on disk, and which transactions had their answer before.
  const answered: number[] = [];
  let most = 0;
  hosts.hosts["192.0.2.1"] = {
    answer: async ({ mailFrom }) => {
      const onDisk = new Set(afterKill(folder));
      const forgotten = answered.filter((k) => !onDisk.has(`${k} delivered`));
      most = Math.max(most, forgotten.length);
      answered.push(Number.parseInt(mailFrom.split(".")[1] ?? "", 36));
      return {};
    },
  };
  gateway.link.sendBatch(batchTo(numbered(20)));
  await until(() => answered.length === 20);
  await until(() => afterKill(folder).length === 20);
  expect(most).toBeLessThanOrEqual(3);
});

test("what was begun and not answered is in doubt after a kill; what waits is not in the journal", async () => {
  const { pass, open, waiting } = gate();
  const { gateway, journal, folder, kinds } = await courierScene({ options: { connectionsPerDestination: 2 } });
  // The gate is where the first byte of the message would go out.
  const begun = journal.begun.bind(journal);
  journal.begun = async (row) => {
    await begun(row);
    await pass();
  };
  gateway.link.sendBatch(batchTo(numbered(5)));
  await until(() => waiting() === 2);
  expect(afterKill(folder)).toEqual(["1 unknown", "2 unknown"]);
  open();
  await until(() => kinds().length === 5);
});

test("a delivery leased anew while it is in hand is sent once, and told under the newer lease", async () => {
  // So it comes after a long break: the gateway took the lease for lost, and this relay still has the mail.
  const { pass, open, waiting } = gate();
  const { gateway, hosts } = await courierScene({ host: { answer: pass } });
  gateway.link.sendBatch(batchTo(["b@dest.test"]));
  await until(() => waiting() === 1);
  gateway.link.sendBatch(batchTo(["b@dest.test"], 1, { lease: 8 }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  open();
  await until(() => gateway.outcomes.some(({ outcome: { lease } }) => lease === 8));
  expect(hosts.transactions).toHaveLength(1);
});

test("nothing begins while the gateway is away; what is in line goes on when it is back", async () => {
  const { pass, open, waiting } = gate();
  const { gateway, hosts, session, kinds } = await courierScene({
    host: { answer: pass },
    options: { connectionsPerDestination: 1 },
  });
  gateway.link.sendBatch(batchTo(numbered(3)));
  await until(() => waiting() === 1);
  gateway.behaviour.welcomes = false;
  gateway.link.cut();
  await until(() => !session.live);
  open();
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(hosts.transactions).toHaveLength(1);
  await until(() => gateway.links.length >= 2 && gateway.link.hello !== undefined);
  gateway.link.send({ type: "welcome", relay: "relay-1", name: "one", pool: "default" });
  await until(() => kinds().length === 3);
});

test("a gateway that is not well and does not give the keys: the delivery is put off, and the relay lives", async () => {
  const answers = { [`/relay/accounts/${ACCOUNT}/keys/from.test`]: { status: 503 } };
  const { gateway, hosts } = await courierScene({ gateway: { keys: {}, answers } });
  gateway.link.sendBatch(batchTo(["b@dest.test"]));
  await until(() => gateway.outcomes.length === 1, 25_000);
  expect(gateway.outcomes[0]?.outcome).toMatchObject({
    k: 1,
    kind: "deferred",
    phase: "local",
    reason: expect.stringContaining("503"),
  });
  expect(hosts.transactions).toEqual([]);
});

test("a gateway that says there are no such keys: the delivery is put off, never sent unsigned", async () => {
  const { gateway, hosts } = await courierScene({ gateway: { keys: {} } });
  gateway.link.sendBatch(batchTo(["b@dest.test"]));
  await until(() => gateway.outcomes.length === 1);
  expect(gateway.outcomes[0]?.outcome).toMatchObject({ k: 1, kind: "deferred", phase: "local" });
  expect(hosts.transactions).toEqual([]);
});
