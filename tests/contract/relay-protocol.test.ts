/** The relay protocol: frames come apart as they were put together; what newer peers add is passed over. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  Batch,
  EmailContent,
  EmailMeta,
  FromRelay,
  joinFrame,
  Outcomes,
  PING_INTERVAL_MS,
  RELAY_DEAD_AFTER_MS,
  SELF_FENCE_MS,
  splitFrame,
  ToRelay,
} from "#contract/relay-protocol.ts";

const ACCOUNT = "0123456789ab";

const json = fc.jsonValue().map((value) => JSON.stringify(value));

test("a frame comes apart as it was put together, whatever its lines say", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.array(json), (reason, lines) => {
      const header = { type: "welcome", relay: "r", name: reason, pool: "p" } as const;
      const split = splitFrame(joinFrame(header, ...lines));
      expect(split).toEqual({ header: JSON.stringify(header), lines });
    }),
  );
});

test("the wire", () => {
  expect(joinFrame({ type: "bye", done: false })).toBe('{"type":"bye","done":false}');
  expect(joinFrame({ type: "trapped", account: ACCOUNT }, '{"a":1}')).toBe(
    `{"type":"trapped","account":"${ACCOUNT}"}\n{"a":1}`,
  );
  const check = (frame: string, header: string, lines: string[]): void =>
    expect(splitFrame(frame)).toEqual({ header, lines });
  check("", "", []);
  check("{}", "{}", []);
  check("{}\n", "{}", [""]);
  check("{}\na\nb", "{}", ["a", "b"]);
  check("{}\n\na", "{}", ["", "a"]);
  check("\na", "", ["a"]);
});

test("fields that a newer peer adds are passed over, not refused", () => {
  const check = (schema: { parse: (value: unknown) => unknown }, value: object): void =>
    expect(schema.parse({ ...value, added_later: { a: 1 } })).toEqual(value);
  check(FromRelay, { type: "credit", free: 1, seen: 0 });
  check(FromRelay, { type: "bye", done: true });
  check(FromRelay, {
    ...{ type: "hello", protocol: 1, version: "9.9", epoch: "e", free: 0, seen: 0 },
    ...{ holding: [], parts: [] },
  });
  check(ToRelay, { type: "ack", seq: 1 });
  check(EmailMeta, { from: "a@b.c", to: ["d@e.f"], subject: "s" });
  check(EmailContent, { text: "t" });
  expect(
    Outcomes.parse([{ k: 1, lease: 2, kind: "delivered", started_at_ms: 1, ended_at_ms: 2, added_later: 1 }]),
  ).toEqual([{ k: 1, lease: 2, kind: "delivered", started_at_ms: 1, ended_at_ms: 2 }]);
});

test("a goodbye of an older relay, which does not say whether it is done, is not the last word", () => {
  expect(FromRelay.parse({ type: "bye" })).toEqual({ type: "bye", done: false });
});

test("a batch brings at least one delivery, and the email of each", () => {
  const email = { k: 1, id: "i", meta: { from: "a@b.c", to: ["d@e.f"], subject: "s" }, content: { text: "t" } };
  const delivery = { k: 1, email: 1, rcpt: "d@e.f", attempt: 1 };
  const check = (more: object, expected: boolean): void => {
    const head = { account: ACCOUNT, lease: 1, keys_version: 1, bounce_domain: "bounce.test" };
    const parsed = Batch.safeParse({ ...head, emails: [email], deliveries: [delivery], ...more });
    expect(parsed.success, JSON.stringify(more)).toBe(expected);
  };
  check({}, true);
  check({ deliveries: [delivery, { ...delivery, k: 2, rcpt: "g@h.i" }] }, true);
  check({ deliveries: [] }, false);
  check({ emails: [] }, false);
  check({ deliveries: [{ ...delivery, email: 2 }] }, false);
  check({ deliveries: [{ ...delivery, attempt: 0 }] }, false);
  check({ lease: 1.5 }, false);
});

test("a relay that lost one ping is not cut off, and one that was is long not taken for dead", () => {
  expect(2 * PING_INTERVAL_MS).toBeLessThan(SELF_FENCE_MS);
  expect(SELF_FENCE_MS).toBeLessThan(RELAY_DEAD_AFTER_MS);
});
