import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatMailbox } from "#contract/header-text.ts";
import { parseMailbox } from "#contract/address.ts";

const check = (text: string, expected: string | undefined): void => {
  test(JSON.stringify(text), () => {
    const result = parseMailbox(text);
    expect(
      result.kind === "mailbox" ? `${result.mailbox.name}|${result.mailbox.address}|${result.mailbox.utf8}` : undefined,
    ).toBe(expected);
  });
};

describe("a mailbox is", () => {
  check("a@b.c", "|a@b.c|false");
  check("  a@b.c ", "|a@b.c|false");
  check("Ann <a@B.C>", "Ann|a@b.c|false");
  check("Acme, Inc. <a@b.c>", "Acme, Inc.|a@b.c|false");
  check('"Last, \\"First\\"" <a@b.c>', 'Last, "First"|a@b.c|false');
  check("Jörg <jörg@exämple.com>", "Jörg|jörg@xn--exmple-cua.com|true");
  check("<a@b.c>", "|a@b.c|false");
  check('"odd local"@b.c', '|"odd local"@b.c|false');
  check("a@localhost", "|a@localhost|false");
  check("a+tag@b.c.", "|a+tag@b.c|false");
  check('"needless"@b.c', "|needless@b.c|false");
  check('"b\\ob"@b.c', "|bob@b.c|false");
  check('"odd\\ \\l\\"\\\\"@b.c', '|"odd l\\"\\\\"@b.c|false');
  check('""@b.c', '|""@b.c|false');
  check("e\u0301@b.c", "|\u00e9@b.c|true");
  check('"\\e\u0301"@b.c', "|\u00e9@b.c|true");
  // The Kelvin sign is a K.
  check("\u212a@b.c", "|K@b.c|false");
});

describe("not a mailbox is", () => {
  for (const text of [
    "", "a", "@b.c", "a@", "a@@b.c", "a b@c.d", "a@b c.d", "a@[127.0.0.1]", "a@127.0.0.1", "a@b..c", ".a@b.c", "a.@b.c", "a@-b.c", "a@b.c, d@e.f",
    "a@b.c\r\nBcc: d@e.f", "Ann\n <a@b.c>", "a\u0000@b.c", 'A "B" <a@b.c>', "A <b> <a@b.c>", '"A <a@b.c>', "A <a@b.c", `${"x".repeat(65)}@b.c`,
    `a@${"x".repeat(64)}.c`, `a@${"x.".repeat(130)}c`, "\ud800@b.c", "a@b.c\u2028", "undisclosed:;", "a(comment)@b.c",
    "a@b.c, d@e.f <g@h.i>", "a\u00a0b@c.d", "a\u3000b@c.d", "a\u2000b@c.d", "a\u037eb@c.d", 'a\\b@c.d',
  ]) check(text, undefined); // prettier-ignore
});

test("whatever is written, what comes out is one safe line, and reads back as the same mailbox", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.tuple(fc.string(), fc.emailAddress()).map(([name, address]) => `${name} <${address}>`),
      ),
      (text) => {
        const result = parseMailbox(text);
        if (result.kind === "invalid") return;
        expect(formatMailbox(result.mailbox).replaceAll("\r\n ", "")).not.toMatch(/[\r\n\0]/);
        expect(parseMailbox(result.mailbox.address)).toMatchObject({ mailbox: { address: result.mailbox.address } });
      },
    ),
    { numRuns: 1000 },
  );
});

test("every spelling of a quoted address comes out the same", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), fc.infiniteStream(fc.boolean()), (local, flips) => {
      const quote = (text: string, mayEscape: boolean): string =>
        text.replaceAll(/[ -~]/g, (c) => (/["\\]/.test(c) || (mayEscape && flips.next().value) ? `\\${c}` : c));
      const one = parseMailbox(`"${quote(local.normalize("NFC"), false)}"@b.c`);
      if (one.kind === "invalid") return;
      expect(parseMailbox(`"${quote(local.normalize("NFD"), true)}"@b.c`)).toEqual(one);
    }),
    { numRuns: 1000 },
  );
});

test("megabytes are refused, not run into the stack", () => {
  const long = "a".repeat(10_000_000);
  for (const text of [`"${long}" <a@b.c>`, `"${long}"@b.c`, `${"a.".repeat(5_000_000)}a@b.c`, `${long} <a@b.c>`])
    expect(parseMailbox(text)).toMatchObject({ kind: "invalid" });
});
