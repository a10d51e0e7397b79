/** Header fields: what may stand in them, and that what is written is short lines that read back as it was. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Mailbox, parseMailbox } from "#contract/address.ts";
import {
  formatMailbox,
  isReservedHeader,
  isSafeHeaderName,
  isSafeHeaderValue,
  mailboxField,
  parameter,
  unstructuredField,
} from "#contract/header-text.ts";

const safe = fc
  .oneof(
    fc.string({ unit: "grapheme", maxLength: 400 }),
    fc.string({ unit: "grapheme-ascii", maxLength: 400 }),
    fc.array(fc.stringMatching(/^[!-~]{1,90}$/), { maxLength: 40 }).map((words) => words.join(" ")),
    fc.constantFrom("=?", "=?UTF-8?B?eA==?=", " ", "  a", "a ", "a  b", "\t", "x".repeat(2000), "é".repeat(2000)),
  )
  .filter(isSafeHeaderValue);

const unfold = (text: string): string => text.replaceAll(/\r\n(?=[ \t])/g, "");
/** RFC 2047 §6.2: the space between encoded words is not of the text. */
const decodeWords = (text: string): string => {
  const word = /=\?UTF-8\?B\?([A-Za-z0-9+/=]*)\?=/g;
  const joined = text.replaceAll(/(\?=)[ \t]+(?==\?)/g, "$1");
  return joined.replaceAll(word, (_, base64: string) => Buffer.from(base64, "base64").toString());
};

/** Each line of a field is whole: at most 998 octets, no bare CR or LF, continued with a space (RFC 5322 §2.1.1, §2.2.3). */
const checkLines = (field: string): void => {
  expect(field.endsWith("\r\n")).toBe(true);
  const lines = field.slice(0, -2).split("\r\n");
  for (const [index, line] of lines.entries()) {
    expect(line).not.toMatch(/[\r\n]/);
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(998);
    if (index > 0) expect(line).toMatch(/^[ \t].*\S/);
  }
};

test("fields of the service are not the customer's, in whatever case", () => {
  const check = (name: string, expected: boolean): void => expect(isReservedHeader(name), name).toBe(expected);
  for (const name of ["From", "TO", "cc", "Bcc", "Subject", "Date", "Message-ID", "Reply-To"]) check(name, true);
  for (const name of ["Return-Path", "Received", "MIME-Version", "DKIM-Signature", "Authentication-Results"])
    check(name, true);
  for (const name of ["ARC-Seal", "ARC-Message-Signature", "Content-Type", "content-anything", "Resent-From"])
    check(name, true);
  for (const name of ["X-From", "List-Unsubscribe", "In-Reply-To", "References", "Contents", "Toto", "Sender", ""])
    check(name, false);
});

test("a field name is printable ASCII without a colon", () => {
  const check = (name: string, expected: boolean): void => expect(isSafeHeaderName(name), name).toBe(expected);
  for (const name of ["X", "X-Entity-Ref-ID", "!#$%&'*+-.^_`|~0", "x".repeat(76)]) check(name, true);
  for (const name of ["", " ", "X Y", "X:", ":", "X\r\nBcc", "X\n", "Ü", "X\u007f", "x".repeat(77)]) check(name, false);
});

test("a field value has no line break, no control character but the tab, and no half character", () => {
  const check = (value: string, expected: boolean): void =>
    expect(isSafeHeaderValue(value), JSON.stringify(value)).toBe(expected);
  for (const value of ["", "a", "a\tb", "Grüße 👋🏽", "\u00a0", "\u{10ffff}"]) check(value, true);
  for (let unit = 0; unit < 0x20; unit++) check(`a${String.fromCharCode(unit)}b`, unit === 9);
  for (const value of ["\u007f", "\u0085", "\u2028", "\u2029", "\ud800", "\udc00\ud800", "a\r\nBcc: b@c.d"])
    check(value, false);
});

test("an unstructured field", () => {
  const check = (value: string, expected: string): void => expect(unstructuredField("Subject", value)).toBe(expected);
  check("Hello", "Subject: Hello\r\n");
  check("", "Subject:\r\n");
  check("Grüße", "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n");
  // What a decoder or a folding relay would change does not go as it is.
  check("=?x", "Subject: =?UTF-8?B?PT94?=\r\n");
  check(" a", "Subject: =?UTF-8?B?IGE=?=\r\n");
  check("a  b", "Subject: =?UTF-8?B?YSAgYg==?=\r\n");
  check("a ", "Subject: =?UTF-8?B?YSA=?=\r\n");
  const words = "word ".repeat(30).trim();
  const [first = "", ...rest] = unstructuredField("Subject", words).split("\r\n");
  expect(first).toBe(`Subject: ${"word ".repeat(13).trim()}`);
  expect(rest[0]).toMatch(/^ word( word){14}$/);
});

test("any unstructured field reads back as it was, in lines that pass everywhere", () => {
  fc.assert(
    fc.property(safe, (value) => {
      const field = unstructuredField("X-Test", value);
      checkLines(field);
      expect(field).toMatch(/^[\t\r\n\x20-\x7e]*$/);
      expect(decodeWords(unfold(field))).toBe(value === "" ? "X-Test:\r\n" : `X-Test: ${value}\r\n`);
    }),
    { numRuns: 500 },
  );
});

/** Beyond 76 characters there is only what cannot be broken: one word, with the field's name before it. */
const checkFolded = (value: string): void => {
  for (const line of unstructuredField("X-Test", value).split("\r\n"))
    if (line.length > 76) expect(line.replace(/^X-Test:/, "").trim()).not.toContain(" ");
};

test("a line is broken wherever it may be", () => {
  fc.assert(fc.property(fc.array(fc.stringMatching(/^[a-z0-9.-]{1,90}$/)), (words) => checkFolded(words.join(" "))));
});

test("a colon in the text is no reason not to break after it", () => {
  checkFolded(`${"x".repeat(30)} ${"y".repeat(30)}: ${"z".repeat(30)}`);
});

const mailboxOf = (text: string): Mailbox => {
  const parsed = parseMailbox(text);
  if (parsed.kind === "invalid") throw new Error(parsed.reason);
  return parsed.mailbox;
};

test("a mailbox", () => {
  const check = (written: string, expected: string): void => expect(formatMailbox(mailboxOf(written))).toBe(expected);
  check("a@b.c", "a@b.c");
  check("<a@b.c>", "a@b.c");
  check("Ann Lee <a@b.c>", "Ann Lee <a@b.c>");
  check("Acme, Inc. <a@b.c>", '"Acme, Inc." <a@b.c>');
  check('"a \\"b\\" \\\\c" <a@b.c>', '"a \\"b\\" \\\\c" <a@b.c>');
  check("Jörg <a@b.c>", "=?UTF-8?B?SsO2cmc=?= <a@b.c>");
  check('"=?x" <a@b.c>', "=?UTF-8?B?PT94?= <a@b.c>");
});

test("mailboxes of a field are broken after commas, and none is lost", () => {
  const mailboxes = Array.from({ length: 50 }, (_, at) => mailboxOf(`Person Number ${at} <p${at}@example.com>`));
  const field = mailboxField("To", mailboxes);
  checkLines(field);
  for (const line of field.split("\r\n")) expect(line.length).toBeLessThanOrEqual(76);
  expect(unfold(field)).toBe(`To: ${mailboxes.map(formatMailbox).join(", ")}\r\n`);
  expect(mailboxField("To", [mailboxOf("a@b.c")])).toBe("To: a@b.c\r\n");
});

test("any mailbox that is taken is written in lines that pass everywhere", () => {
  const name = fc.oneof(
    safe.map((text) => text.slice(0, 500).toWellFormed()),
    fc.constantFrom("w ".repeat(249).trim(), "ö".repeat(500), "x".repeat(500)),
  );
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 5 }), (names) => {
      const mailboxes = names
        .map((text) => parseMailbox(`"${text.replaceAll(/["\\]/g, "\\$&")}" <a@example.com>`))
        .flatMap((parsed) => (parsed.kind === "mailbox" ? [parsed.mailbox] : []));
      if (mailboxes.length > 0) checkLines(mailboxField("To", mailboxes));
    }),
    { numRuns: 300 },
  );
});

test("a name of nothing but quotes, each of which is escaped, makes no line beyond 998", () => {
  for (const char of ['"', "\\"])
    checkLines(mailboxField("To", [mailboxOf(`"${`\\${char}`.repeat(500)}" <a@example.com>`)]));
});

/** RFC 2231 §3 and §4, and the quoted form: the value of the only parameter. */
const readParameter = (text: string): string => {
  const unfolded = unfold(text);
  const quoted = /^; filename="(.*)"$/s.exec(unfolded);
  if (quoted) return (quoted[1] ?? "").replaceAll(/\\(.)/g, "$1");
  const pieces = unfolded
    .split("; ")
    .slice(1)
    .map((piece, at) => {
      expect(piece.startsWith(`filename*${at}*=`)).toBe(true);
      return piece.slice(`filename*${at}*=`.length);
    });
  const whole = pieces.join("");
  expect(whole.startsWith("UTF-8''")).toBe(true);
  return decodeURIComponent(whole.slice("UTF-8''".length));
};

test("a parameter reads back as it was, in short lines", () => {
  expect(parameter("filename", "a.pdf")).toBe(';\r\n filename="a.pdf"');
  expect(parameter("filename", 'a "b".pdf')).toBe(';\r\n filename="a \\"b\\".pdf"');
  expect(parameter("filename", "é.pdf")).toBe(";\r\n filename*0*=UTF-8''%C3%A9.pdf");
  fc.assert(
    fc.property(safe, (value) => {
      const text = parameter("filename", value);
      expect(readParameter(text)).toBe(value);
      for (const line of text.split("\r\n")) expect(line.length).toBeLessThanOrEqual(140);
      expect(text).not.toMatch(/\n[^ ]/);
    }),
  );
});

test("what is not safe is a bug by now, and no mail carries it", () => {
  const mailbox = { name: "a\r\nBcc: x@y.z", local: "a", domain: "b.c", address: "a@b.c", utf8: false };
  expect(() => unstructuredField("Subject", "a\r\nBcc: x@y.z")).toThrow(/unsafe/);
  expect(() => unstructuredField("X\r\nBcc", "a")).toThrow(/unsafe/);
  expect(() => formatMailbox(mailbox)).toThrow(/unsafe/);
  expect(() => mailboxField("To", [{ ...mailbox, name: "", address: "a@b.c\n" }])).toThrow(/unsafe/);
  expect(() => parameter("filename", "a\nb")).toThrow(/unsafe/);
});

test("lines with encoded words have at most 76 characters", () => {
  const long = "Grüße ".repeat(30).trim();
  const mailbox = { name: long, local: "a", domain: "example.com", address: "a@example.com", utf8: false };
  for (const field of [unstructuredField("Subject", long), mailboxField("Reply-To", [mailbox, mailbox])])
    for (const line of field.split("\r\n")) expect(line.length).toBeLessThanOrEqual(76);
});
