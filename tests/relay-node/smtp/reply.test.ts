/** Replies off the wire: what is one, what is not, and that cuts between chunks change nothing. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type ParsedReply, ReplyParser } from "../../../relay-node/smtp/reply.ts";

const parse = (...chunks: Buffer[]): ParsedReply[] => {
  const parser = new ReplyParser();
  const found: ParsedReply[] = [];
  for (const chunk of chunks) {
    parser.push(chunk);
    for (let reply = parser.next(); reply; reply = parser.next()) found.push(reply);
  }
  return found;
};

const check = (text: string, expected: unknown): void => {
  const found = parse(Buffer.from(text)).map((parsed) => (parsed.kind === "reply" ? parsed.reply : parsed.problem));
  expect(found, JSON.stringify(text.slice(0, 100))).toEqual(expected);
};

test("replies", () => {
  check("250 Ok\r\n", [{ code: 250, text: "Ok" }]);
  check("250\r\n", [{ code: 250, text: "" }]);
  check("250 \r\n", [{ code: 250, text: "" }]);
  check("250 Ok", []);
  check("250 Ok\r", []);
  check("250 Ok\n", [{ code: 250, text: "Ok" }]);
  check("250-a\r\n250-b\r\n250 c\r\n354 go\r\n", [
    { code: 250, text: "a\nb\nc" },
    { code: 354, text: "go" },
  ]);
  check("250 ünï\x00\x1b[1m\r\n", [{ code: 250, text: "ünï  [1m" }]);
  check("250 a\rb\r\n", [{ code: 250, text: "a b" }]);
});

test("enhanced status codes (RFC 2034 §4)", () => {
  check("550 5.1.1 no such user\r\n", [{ code: 550, enhanced: "5.1.1", text: "no such user" }]);
  check("550-5.7.26 a\r\n550 5.7.26 b\r\n", [{ code: 550, enhanced: "5.7.26", text: "a\nb" }]);
  check("250 2.0.0\r\n", [{ code: 250, enhanced: "2.0.0", text: "" }]);
  // Another class, no code, too long, no space: text.
  check("550 4.1.1 no\r\n", [{ code: 550, text: "4.1.1 no" }]);
  check("550 5.1 no\r\n", [{ code: 550, text: "5.1 no" }]);
  check("550 5.1.1234 no\r\n", [{ code: 550, text: "5.1.1234 no" }]);
  check("550 5.1.1: no\r\n", [{ code: 550, text: "5.1.1: no" }]);
});

test("what is no reply", () => {
  for (const line of ["", "hello", "25", "25x y", "150 a", "600 a", "250_a", "\x16\x03\x01", "2500 a"])
    check(`${line}\r\n250 later\r\n`, ["not-a-reply"]);
  check("250-a\r\n251 b\r\n", ["mixed-codes"]);
  check("250-a\r\nb\r\n", ["not-a-reply"]);
  check(`250 ${"x".repeat(4096)}\r\n`, ["line-too-long"]);
  check("2".repeat(5000), ["line-too-long"]);
  check("250-a\r\n".repeat(101), ["too-many-lines"]);
  check(`${"250-a\r\n".repeat(99)}250 a\r\n`, [{ code: 250, text: "a\n".repeat(99) + "a" }]);
});

test("reset forgets what came before, also half a line", () => {
  const parser = new ReplyParser();
  parser.push(Buffer.from("220 go\r\n250 injected\r\n25"));
  expect(parser.next()).toMatchObject({ kind: "reply", reply: { code: 220 } });
  parser.reset();
  expect(parser.next()).toBeUndefined();
  parser.push(Buffer.from("250 real\r\n"));
  expect(parser.next()).toMatchObject({ kind: "reply", reply: { text: "real" } });
});

test("the same bytes, however cut, give the same replies", () => {
  const line = fc.constantFrom("250 ok", "250-more", "250", "550 5.1.1 né", "354 go", "garbage", "220-");
  const end = fc.constantFrom("\r\n", "\n", "\r\r\n");
  const wire = fc.array(fc.tuple(line, end), { maxLength: 12 }).map((parts) => Buffer.from(parts.flat().join("")));
  fc.assert(
    fc.property(wire, fc.array(fc.nat(200), { maxLength: 20 }), (bytes, cuts) => {
      const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
      const chunks = places.slice(1).map((place, index) => bytes.subarray(places[index], place));
      expect(parse(...chunks)).toEqual(parse(bytes));
    }),
  );
});

test("any bytes: no throw, and nothing after a malformed reply", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (chunks) => {
      const found = parse(...chunks.map((chunk) => Buffer.from(chunk)));
      const broken = found.findIndex(({ kind }) => kind === "malformed");
      if (broken >= 0) expect(broken).toBe(found.length - 1);
    }),
  );
});
