/** A message in one piece however it came, no more of it than is wanted, and the allowance whole again afterwards. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Allowance, MessageBytes } from "../../../relay-node/inbound/message-bytes.ts";

test("however it is cut up, what is wanted is there, and all was counted", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 9000 }), { maxLength: 20 }), fc.nat(20_000), (chunks, wanted) => {
      const allowance = new Allowance(100_000);
      const message = new MessageBytes(allowance, wanted);
      for (const chunk of chunks) message.add(chunk);
      const whole = Buffer.concat(chunks);
      expect(Buffer.from(message.bytes ?? [])).toEqual(whole.subarray(0, wanted));
      expect(message.countedBytes).toBe(whole.length);
      message.drop();
      expect(allowance.take(100_000)).toBe(true);
    }),
  );
});

test("small pieces take no more memory than large ones", () => {
  const allowance = new Allowance(30_000);
  const message = new MessageBytes(allowance, 10_000);
  for (let at = 0; at < 20_000; at++) message.add(Buffer.from("x"));
  expect(message.bytes?.length).toBe(10_000);
  expect(allowance.take(20_000)).toBe(true);
  expect(allowance.take(1)).toBe(false);
});

test("without room it holds nothing and goes on counting", () => {
  const allowance = new Allowance(5000);
  const message = new MessageBytes(allowance, 10_000);
  for (let at = 0; at < 3; at++) message.add(Buffer.alloc(4000));
  expect(message.bytes).toBeUndefined();
  expect(message.countedBytes).toBe(12_000);
  expect(allowance.take(5000)).toBe(true);
});
