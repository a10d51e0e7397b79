/** Mail in hand that the gateway takes back: what has not begun is never begun, and comes back as released. */
import { expect, test } from "vitest";
import type { FromRelay } from "#contract/relay-protocol.ts";
import { afterKill, courierScene, gate, numbered } from "./courier-scene.ts";
import { ACCOUNT, batchTo, until } from "./relay-scene.ts";

type Scene = Awaited<ReturnType<typeof courierScene>>;

/** Takes these back and waits for the answer. */
const recall = async ({ gateway }: Scene, ks: number[], account = ACCOUNT): Promise<void> => {
  const isAnswer = ({ type }: FromRelay): boolean => type === "recalled";
  const before = gateway.link.frames.filter(isAnswer).length;
  gateway.link.send({ type: "recall", seq: before + 1, account, ks });
  await until(() => gateway.link.frames.filter(isAnswer).length > before);
};

test("what waits in line is given back, whoever it is to; all else goes", async () => {
  const { pass, open, waiting } = gate();
  const scene = await courierScene({ host: { answer: pass }, options: { connectionsPerDestination: 1 } });
  scene.gateway.link.sendBatch(batchTo(numbered(5)));
  await until(() => waiting() === 1);
  // One that it never had, and one of another account: passed over.
  await recall(scene, [2, 4, 99]);
  await recall(scene, [3], "ba9876543210");
  open();
  await until(() => scene.kinds().length === 5);
  expect(scene.kinds()).toEqual(["1 delivered", "2 released", "3 delivered", "4 released", "5 delivered"]);
  expect(scene.hosts.transactions.map(({ rcptTo }) => rcptTo)).toEqual([
    "r0@dest.test",
    "r2@dest.test",
    "r4@dest.test",
  ]);
});

test("one whose hosts are still looked for begins no transaction, and leaves no connection", async () => {
  const { pass, open, waiting } = gate();
  const scene = await courierScene({
    options: {
      resolver: {
        resolveMx: async (domain) => {
          await pass();
          return { kind: "mx", records: [{ preference: 10, exchange: `mx.${domain}` }] };
        },
        resolveAddresses: async () => ({ kind: "addresses", addresses: ["192.0.2.1"] }),
      },
    },
  });
  scene.gateway.link.sendBatch(batchTo(["b@dest.test"]));
  await until(() => waiting() === 1);
  await recall(scene, [1]);
  open();
  await until(() => scene.kinds().length === 1);
  expect(scene.kinds()).toEqual(["1 released"]);
  expect(scene.hosts.transactions).toEqual([]);
  expect(scene.hosts.openConnections).toBe(0);
});

test("one that the journal is just told of is not sent, and a kill leaves no doubt about it", async () => {
  const { pass, open, waiting } = gate();
  const scene = await courierScene();
  const { journal, gateway, session, folder, kinds } = scene;
  const write = journal.begun.bind(journal);
  journal.begun = async (row) => {
    await write(row);
    if (row.k === 1) await pass();
  };
  gateway.link.sendBatch(batchTo(["b@dest.test"]));
  await until(() => waiting() === 1);
  await recall(scene, [1]);
  open();
  await until(() => kinds().length === 1 && session.unacknowledgedCount === 0);
  // What was acknowledged goes with the next that is written.
  gateway.link.sendBatch(batchTo(["c@dest.test"], 2));
  await until(() => kinds().length === 2);
  expect(kinds()).toEqual(["1 released", "2 delivered"]);
  expect(afterKill(folder)).not.toContain("1 unknown");
});

test("what is told before the welcome is not begun after it", async () => {
  const { pass, open, waiting } = gate();
  const scene = await courierScene({ host: { answer: pass }, options: { connectionsPerDestination: 1 } });
  const { gateway, hosts, kinds, session } = scene;
  gateway.link.sendBatch(batchTo(numbered(3)));
  await until(() => waiting() === 1);
  gateway.behaviour.welcomes = false;
  gateway.link.cut();
  await until(() => !session.live);
  await until(() => gateway.links.length >= 2 && gateway.link.hello !== undefined);
  expect(gateway.link.hello).toMatchObject({ holding: [{ account: ACCOUNT, ks: [1, 2, 3] }] });
  await recall(scene, [2]);
  gateway.link.send({ type: "welcome", relay: "relay-1", name: "one", pool: "default" });
  await until(() => session.live);
  open();
  await until(() => kinds().length === 3);
  expect(kinds()).toEqual(["1 delivered", "2 released", "3 delivered"]);
  expect(hosts.transactions).toHaveLength(2);
});
