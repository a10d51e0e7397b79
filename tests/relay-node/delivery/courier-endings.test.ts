/** The delivery loop when it must stop or share: draining, all connections taken, a journal that fails. */
import { expect, test } from "vitest";
import { PATIENCE_MS } from "../../support/patience.ts";
import { afterKill, courierScene, gate, numbered } from "./courier-scene.ts";
import { batchTo, until } from "./relay-scene.ts";

test("draining: what is open finishes, all else goes back, also what still comes", async () => {
  const { pass, open, waiting } = gate();
  const { gateway, courier, kinds, session, hosts } = await courierScene({
    host: { answer: pass },
    options: { connectionsPerDestination: 2 },
  });
  gateway.link.sendBatch(batchTo(numbered(5)));
  await until(() => waiting() === 2);
  session.drain();
  const drained = courier.drain(10_000);
  gateway.link.sendBatch(batchTo(["late@dest.test"], 6));
  await until(() => kinds().length === 4);
  open();
  await drained;
  await until(() => session.unacknowledgedCount === 0);
  expect(kinds()).toEqual(["1 delivered", "2 delivered", "3 released", "4 released", "5 released", "6 released"]);
  expect(hosts.openConnections).toBe(0);
});

test("draining waits no longer than it may", async () => {
  const { pass, open, waiting } = gate();
  const { gateway, courier } = await courierScene({ host: { answer: pass } });
  gateway.link.sendBatch(batchTo(["b@dest.test"]));
  await until(() => waiting() === 1);
  await courier.drain(50);
  expect(waiting()).toBe(1);
  open();
});

test("draining while the gateway is away does not wait for what has not begun", async () => {
  const { pass, open, waiting } = gate();
  const { gateway, courier, session, hosts } = await courierScene({
    host: { answer: pass },
    options: { connectionsPerDestination: 1 },
  });
  gateway.link.sendBatch(batchTo(numbered(2)));
  await until(() => waiting() === 1);
  gateway.behaviour.refusesWith = 503;
  gateway.link.cut();
  await until(() => !session.live);
  open();
  // The second has come to its slot, which waits for the gateway.
  await until(() => session.unacknowledgedCount === 1);
  // For longer than this test may take.
  await courier.drain(10 * PATIENCE_MS);
  expect(hosts.transactions).toHaveLength(1);
  expect(session.unacknowledgedCount).toBe(2);
});

test("a destination does not wait for another's idle connections when all connections are taken", async () => {
  const { gateway, kinds } = await courierScene({ options: { connections: 1 } });
  // The second is in line while the first is carried; the first's connection then has nothing more to carry.
  gateway.link.sendBatch(batchTo(["b@dest.test", "b@other.test"]));
  await until(() => kinds().length === 2, 10_000);
});

test("a journal that cannot be written stops everything", async () => {
  const { gateway, journal, broken } = await courierScene();
  journal.begun = () => Promise.reject(new Error("disk full"));
  gateway.link.sendBatch(batchTo(["b@dest.test"]));
  await until(() => broken.length === 1);
  expect(String(broken[0])).toContain("disk full");
  expect(gateway.outcomes).toEqual([]);
});

test("cut off while a host is slow: the message is not sent, the delivery goes back", async () => {
  const { pass, open, waiting } = gate();
  const { gateway, session, kinds, folder } = await courierScene({ host: { answer: pass } });
  gateway.link.sendBatch(batchTo(["b@dest.test"]));
  await until(() => waiting() === 1);
  gateway.behaviour.refusesWith = 503;
  gateway.link.cut();
  await until(() => !session.live);
  open();
  await until(() => session.unacknowledgedCount === 1);
  expect(afterKill(folder)).toEqual([]);
  delete gateway.behaviour.refusesWith;
  await until(() => kinds().length === 1);
  expect(kinds()).toEqual(["1 released"]);
});
