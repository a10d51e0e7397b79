/** One message on its way to its desks: each gets what it wants of it, as one object for all of its recipients. */
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { Allowance, MessageBytes } from "../../../relay-node/inbound/message-bytes.ts";
import { takeMessage } from "../../../relay-node/inbound/message-intake.ts";
import type { Desk, InboundDelivery } from "../../../relay-node/inbound/reception.ts";

const client = { ip: "192.0.2.1", helo: "mx.test", isSecure: false };

const deskOf = (wantedBytes: number): { desk: Desk; taken: InboundDelivery[] } => {
  const taken: InboundDelivery[] = [];
  const desk: Desk = {
    owns: async () => "yes",
    wanted: { bytes: wantedBytes, beyond: "cut" },
    take: async (delivery) => {
      taken.push(delivery);
      return { code: 250, text: "2.0.0 Taken" };
    },
  };
  return { desk, taken };
};

test("what is cut off for a desk is cut off once, however many its recipients are", async () => {
  const [short, long] = [deskOf(10), deskOf(1000)];
  const recipients = ["a@x.test", "b@x.test", "c@y.test", "d@y.test"].map((address, at) => ({
    ...{ address, desk: at < 2 ? short.desk : long.desk },
  }));
  const stream = Object.assign(Readable.from([Buffer.from("x".repeat(100))]), { sizeExceeded: false });
  const message = new MessageBytes(new Allowance(1000), 1000);
  expect(await takeMessage(stream, message, recipients, { mailFrom: "", client })).toEqual({
    ...{ kind: "replied", reply: { code: 250, text: "2.0.0 Taken" } },
  });
  const check = (taken: InboundDelivery[], addresses: string[], length: number): void => {
    expect(taken.map(({ recipient }) => recipient)).toEqual(addresses);
    for (const { bytes, recipients: all, isCut } of taken) {
      expect(bytes).toBe(taken[0]?.bytes);
      expect([bytes.length, all, isCut]).toEqual([length, addresses, length < 100]);
    }
  };
  check(short.taken, ["a@x.test", "b@x.test"], 10);
  check(long.taken, ["c@y.test", "d@y.test"], 100);
});
