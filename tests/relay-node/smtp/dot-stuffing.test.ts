/** The wire form of a message, and that a server gets back what was put in. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { prepareMessage, unstuffDots } from "../../../relay-node/smtp/dot-stuffing.ts";

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

const check = (message: string, wire: string): void => {
  expect(latin1(prepareMessage(Buffer.from(message, "latin1")).wire), JSON.stringify(message)).toBe(wire);
};

test("dots and line ends", () => {
  check("", "");
  check("a\r\n", "a\r\n");
  check(".\r\n", "..\r\n");
  check(".a\r\n..b\r\nc.\r\n", "..a\r\n...b\r\nc.\r\n");
  check("a", "a\r\n");
  check("a\r", "a\r\n");
  check("a\n", "a\r\n");
  check("a\r\r\nb\r\n", "a\r\n\r\nb\r\n");
  check("\n\r\r", "\r\n\r\n\r\n");
});

test("smuggling: no end of message inside, by anybody's reading of line ends", () => {
  check("a\n.\nMAIL FROM:<x>\n", "a\r\n..\r\nMAIL FROM:<x>\r\n");
  check("a\n.\r\nMAIL", "a\r\n..\r\nMAIL\r\n");
  check("a\r\n.\nMAIL\r\n", "a\r\n..\r\nMAIL\r\n");
  check("a\r.\rMAIL\r\n", "a\r\n..\r\nMAIL\r\n");
  check("a\r\n.\rMAIL\r\n", "a\r\n..\r\nMAIL\r\n");
  check("a\r\r\n.\r\r\nMAIL\r\n", "a\r\n\r\n..\r\n\r\nMAIL\r\n");
});

test("a message in wire form is not copied", () => {
  const message = Buffer.from("Subject: a\r\n\r\nb. .\r\n");
  expect(prepareMessage(message).wire).toBe(message);
});

test("eight bits", () => {
  expect(prepareMessage(Buffer.from("abc\x7f\r\n")).eightBit).toBe(false);
  expect(prepareMessage(Buffer.from("é\r\n")).eightBit).toBe(true);
});

/** Bytes with many line ends and dots among them. */
const message = fc
  .array(fc.oneof(fc.constantFrom("\r\n", "\n", "\r", ".", "a", "\r\n."), fc.string({ maxLength: 3 })), {
    maxLength: 40,
  })
  .map((parts) => Buffer.from(parts.join("")));

test("property: a server gets the message back with CRLF for every line end", () => {
  fc.assert(
    fc.property(message, (bytes) => {
      const lines = latin1(bytes).replaceAll(/\r\n|\r|\n/g, "\r\n");
      const whole = lines === "" || lines.endsWith("\r\n") ? lines : `${lines}\r\n`;
      expect(latin1(unstuffDots(prepareMessage(bytes).wire))).toBe(whole);
    }),
    { numRuns: 2000 },
  );
});

test("property: the wire has no bare CR or LF, ends in CRLF, and no line is a lone dot", () => {
  fc.assert(
    fc.property(message, (bytes) => {
      const wire = latin1(prepareMessage(bytes).wire);
      expect(wire.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
      for (const line of wire.split("\r\n")) expect(line).not.toMatch(/^\.(?!\.)/);
      expect(wire === "" || wire.endsWith("\r\n")).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
