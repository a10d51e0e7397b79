import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatTagList, parseTagList } from "#dns/tag-list.ts";
import { cpuMs } from "../../support/cpu-time.ts";

const check = (text: string, expected: Record<string, string> | string): void => {
  test(JSON.stringify(text), () => {
    const list = parseTagList(text);
    expect(list.kind === "tags" ? Object.fromEntries(list.tags) : list.reason).toEqual(expected);
  });
};

describe("a list is", () => {
  check("v=DKIM1; k=rsa; p=abc", { v: "DKIM1", k: "rsa", p: "abc" });
  check("v=DKIM1;p=abc;", { v: "DKIM1", p: "abc" });
  check(" \t v = DKIM1 ;\r\n p\t=\r\n abc ; \r\n", { v: "DKIM1", p: "abc" });
  check("p=", { p: "" });
  check("p= a b\t c ", { p: "a b\t c" });
  check("p=YQ==; n=a=b", { p: "YQ==", n: "a=b" });
  check("a=1; A=2; a_1=3", { a: "1", A: "2", a_1: "3" });
});

describe("not a list is", () => {
  check("", "`` is not tag=value");
  check(" ", "`` is not tag=value");
  check(";", "`` is not tag=value");
  check("a=1;;", "`` is not tag=value");
  check("a=1;; b=2", "`` is not tag=value");
  check("v=DKIM1; abc", "`abc` is not tag=value");
  check("=1", "`=1` is not tag=value");
  check("1a=1", "`1a=1` is not tag=value");
  check("a b=1", "`a b=1` is not tag=value");
  check('"v=DKIM1"', '`"v=DKIM1"` is not tag=value');
  check("a=1; b=2; a=1", "the tag `a` is there twice");
  check("a=\u00a01", "it has a character that is not ASCII");
  check("\ufeffv=DKIM1", "it has a character that is not ASCII");
  check("a=1\u0000", "it has a character that is not ASCII");
  check(`a=1; ${"x".repeat(1000)}`, `\`${"x".repeat(40)}\` is not tag=value`);
});

test("what is written reads back the same, in its order", () => {
  const printable = Array.from({ length: 94 }, (_, at) => String.fromCharCode(33 + at)).filter((char) => char !== ";");
  const tags = fc.uniqueArray(
    fc.tuple(fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,10}$/), fc.string({ unit: fc.constantFrom(...printable) })),
    { selector: ([name]) => name, minLength: 1 },
  );
  fc.assert(
    fc.property(tags, (written) => {
      const list = parseTagList(formatTagList(written));
      expect(list.kind === "tags" && [...list.tags]).toEqual(written);
    }),
  );
});

test("a long run of spaces is read in a moment", () => {
  const fromMs = cpuMs();
  expect(parseTagList(`a=1${" ".repeat(1_000_000)}2`)).toMatchObject({ kind: "tags" });
  expect(cpuMs() - fromMs).toBeLessThan(1000);
});
