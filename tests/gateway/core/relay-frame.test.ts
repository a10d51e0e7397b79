/** The header of a relay's frame: every frame of the protocol is read, everything else is told from it with a reason. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { FromRelay } from "#contract/relay-protocol.ts";
import { parseFrame } from "../../../gateway/core/relay-frame.ts";

const ACCOUNT = "0123456789ab";
const OTHER = "zyxwvtsrqpnm";

const CREDIT = { type: "credit", free: 10, seen: 3 };
const HELLO = { type: "hello", protocol: 1, version: "1.2.3", epoch: "e", free: 10, seen: 0, holding: [], parts: [] };
const SETTLED = { type: "settled", seq: 1, free: 10, seen: 3, parts: [{ account: ACCOUNT, count: 2 }] };
const TRAPPED = { type: "trapped", account: ACCOUNT };
const RECALLED = { type: "recalled", seq: 1 };

/** Read as it stands when it has so many lines, and refused with one more or less. */
const checkRead = (header: object, lineCount: number, expected: object = header): void => {
  const text = JSON.stringify(header);
  expect(parseFrame(text, lineCount), text).toEqual({ kind: "frame", frame: expected });
  for (const other of [lineCount - 1, lineCount + 1].filter((count) => count >= 0))
    expect(parseFrame(text, other)).toEqual({
      kind: "malformed",
      reason: `${other} lines after the header, not ${lineCount}`,
    });
};

test("every frame of the protocol, with the lines that belong to it", () => {
  checkRead(CREDIT, 0);
  checkRead(HELLO, 0);
  checkRead(
    {
      ...HELLO,
      holding: [{ account: ACCOUNT, ks: [1, 2] }],
      parts: [
        { account: ACCOUNT, count: 1 },
        { account: OTHER, count: 0 },
      ],
    },
    2,
  );
  checkRead(SETTLED, 1);
  checkRead({ ...SETTLED, parts: [...SETTLED.parts, { account: OTHER, count: 1 }] }, 2);
  checkRead(TRAPPED, 1);
  checkRead({ ...HELLO, recalls: true }, 0);
  checkRead(RECALLED, 0);
  checkRead({ type: "bye", done: true }, 0);
  checkRead({ type: "bye" }, 0, { type: "bye", done: false });
});

test("what a newer relay adds is passed over", () => {
  checkRead({ ...CREDIT, mood: "good" }, 0, CREDIT);
});

const checkMalformed = (header: string, reason: RegExp): void =>
  expect(parseFrame(header, 0), header).toEqual({ kind: "malformed", reason: expect.stringMatching(reason) });

test("what is not JSON", () => {
  for (const header of ["", " ", "what?", "{", '{"type":"bye"', "{'type':'bye'}", '{"type":"bye"}x', "undefined"])
    checkMalformed(header, /^the header is not JSON$/);
});

test("JSON that is no frame", () => {
  for (const header of ["null", "1", '"bye"', "[]", "{}", '{"type":null}', '{"type":"batch"}', '{"type":"Bye"}'])
    checkMalformed(header, /^not in the protocol: /);
});

test("frames with a field that is missing or is not what it should be, by its name", () => {
  /** The frame with a field replaced, or left out. */
  const check = (frame: object, field: string, ...values: unknown[]): void => {
    for (const value of [undefined, null, ...values])
      checkMalformed(JSON.stringify({ ...frame, [field]: value }), new RegExp(`^not in the protocol: ${field}`));
  };
  for (const frame of [CREDIT, HELLO, SETTLED]) {
    check(frame, "free", -1, 1.5, "10", 1e300);
    check(frame, "seen", -1, 0.5, []);
  }
  check(HELLO, "protocol", 0, 2, "1");
  check(HELLO, "version", 1, "x".repeat(101));
  check(HELLO, "epoch", "", "x".repeat(101), 7);
  check(HELLO, "holding", {}, [ACCOUNT], [{ account: ACCOUNT }], [{ account: ACCOUNT, ks: [1.5] }], [{ ks: [] }]);
  check(HELLO, "holding", [{ account: "../admin", ks: [] }], [{ account: "", ks: [] }]);
  for (const frame of [HELLO, SETTLED]) {
    check(frame, "parts", {}, [ACCOUNT], [{ account: ACCOUNT }], [{ account: ACCOUNT, count: -1 }]);
    check(frame, "parts", [{ account: "directory", count: 1 }], [{ account: ACCOUNT.toUpperCase(), count: 1 }]);
  }
  check(SETTLED, "parts", []);
  for (const frame of [SETTLED, RECALLED]) check(frame, "seq", 0, -1, 1.5, "1");
  check(TRAPPED, "account", "", "someone", `${ACCOUNT}c`, 7);
});

test("whatever a relay sends, it is a value", () => {
  const mutated = fc
    .tuple(
      fc.constantFrom<object>(CREDIT, HELLO, SETTLED, TRAPPED, RECALLED),
      fc.dictionary(fc.string(), fc.jsonValue()),
    )
    .map(([frame, more]) => JSON.stringify({ ...frame, ...more }));
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.json(), mutated), fc.nat(5), (header, lineCount) => {
      const parsed = parseFrame(header, lineCount);
      expect(["frame", "malformed"]).toContain(parsed.kind);
    }),
  );
});

test("a relay's word wakes no object that is no account", () => {
  const frame = (account: string): FromRelay["type"] | "malformed" => {
    const parsed = parseFrame(JSON.stringify({ ...TRAPPED, account }), 1);
    return parsed.kind === "frame" ? parsed.frame.type : "malformed";
  };
  expect(frame(ACCOUNT)).toBe("trapped");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (account) => {
      fc.pre(!/^[0-9a-hjkmnp-tv-z]{12}$/.test(account));
      expect(frame(account)).toBe("malformed");
    }),
  );
});
