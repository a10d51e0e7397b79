/** A hard bounce and the mail in hand for the same address: what is not begun goes back, and nothing else does. */
import { expect, test } from "vitest";
import { courierScene, gate } from "./courier-scene.ts";
import { batchTo, until } from "./relay-scene.ts";
import type { Answer, Host } from "./scripted-hosts.ts";

const refusal = (code: number, enhanced: string, text: string): Answer => ({
  ...{ kind: "bounced", phase: "rcpt", reply: { code, enhanced, text } },
  ...{ reason: text, transcript: [] },
});
const NO_SUCH_USER = refusal(550, "5.1.1", "no such user");

const hostThat = (answer: Answer): Host => ({
  answer: ({ rcptTo }) => (rcptTo.toLowerCase() === "gone@dest.test" ? answer : {}),
});
const RECIPIENTS = ["gone@dest.test", "b@dest.test", "GONE@dest.test", "gone@dest.test", "gone@other.test"];

test("the first mail is refused for good: the others to that address are given back unsent", async () => {
  const { gateway, hosts, kinds } = await courierScene({
    host: hostThat(NO_SUCH_USER),
    options: { connectionsPerDestination: 1 },
  });
  gateway.link.sendBatch(batchTo(RECIPIENTS));
  await until(() => kinds().length === 5);
  expect(kinds()).toEqual(["1 bounced", "2 delivered", "3 released", "4 released", "5 delivered"]);
  expect(hosts.transactions.filter(({ rcptTo }) => rcptTo.toLowerCase() === "gone@dest.test")).toHaveLength(1);
  // The bounce is told before them, so the gateway knows it when it leases them again.
  const told = gateway.outcomes.map(({ outcome: { k } }) => k);
  expect(told.indexOf(1)).toBeLessThan(Math.min(told.indexOf(3), told.indexOf(4)));
});

test("another account's mail to the same address is its own matter", async () => {
  const { gateway, kinds } = await courierScene({
    host: hostThat(NO_SUCH_USER),
    options: { connectionsPerDestination: 1 },
    gateway: {
      keys: Object.fromEntries(
        ["0123456789ab", "ba9876543210"].map((account) => [
          `${account}/from.test`,
          { keys_version: 1, return_path_key: "5c".repeat(32), signers: [] },
        ]),
      ),
    },
  });
  gateway.link.sendBatch(batchTo(["gone@dest.test"]));
  gateway.link.sendBatch(batchTo(["gone@dest.test"], 2, { account: "ba9876543210" }));
  await until(() => kinds().length === 2);
  expect(kinds()).toEqual(["1 bounced", "2 bounced"]);
});

test("a full mailbox, or a policy, keeps nothing else back", async () => {
  for (const answer of [refusal(552, "5.2.2", "mailbox full"), refusal(550, "5.7.1", "user unknown")]) {
    const { gateway, kinds } = await courierScene({
      host: hostThat(answer),
      options: { connectionsPerDestination: 1 },
    });
    gateway.link.sendBatch(batchTo(RECIPIENTS));
    await until(() => kinds().length === 5);
    expect(kinds()).toEqual(["1 bounced", "2 delivered", "3 bounced", "4 bounced", "5 delivered"]);
  }
});

test("one whose message was about to be sent on another connection goes back as well", async () => {
  const { pass, open, waiting } = gate();
  let visit = 0;
  const { gateway, hosts, journal, kinds } = await courierScene({
    host: {
      answer: async () => {
        visit += 1;
        return visit === 1 ? NO_SUCH_USER : pass();
      },
    },
    options: { connectionsPerDestination: 2 },
  });
  const begun: number[] = [];
  const write = journal.begun.bind(journal);
  journal.begun = (row) => {
    begun.push(row.k);
    return write(row);
  };
  gateway.link.sendBatch(batchTo(["gone@dest.test", "gone@dest.test"]));
  await until(() => waiting() === 1 && kinds().length === 1);
  open();
  await until(() => kinds().length === 2);
  expect(kinds()).toEqual(["1 bounced", "2 released"]);
  expect(begun).toEqual([]);
  expect(hosts.transactions).toHaveLength(2);
});

test("an address of the sandbox is refused as often as it is written to", async () => {
  const { gateway, kinds } = await courierScene({
    host: { answer: () => NO_SUCH_USER },
    options: { connectionsPerDestination: 1 },
  });
  gateway.link.sendBatch(batchTo(["bounced@sandbox.test", "bounced@sandbox.test"]));
  await until(() => kinds().length === 2);
  expect(kinds()).toEqual(["1 bounced", "2 bounced"]);
});
