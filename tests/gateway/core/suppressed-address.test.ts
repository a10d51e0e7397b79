/** One spelling for an address and a whole domain, and where a recipient is looked for. */
import { expect, test } from "vitest";
import {
  parseSuppressedAddress,
  parseSuppressedAddresses,
  suppressedNamesOf,
} from "../../../gateway/core/suppressed-address.ts";

const check = (text: string, expected: string | undefined): void =>
  expect(parseSuppressedAddress(text), text).toBe(expected);

test("addresses", () => {
  check("a@b.test", "a@b.test");
  check(" A.B+c@B.TEST ", "a.b+c@b.test");
  check("Ada <ADA@b.test>", "ada@b.test");
  check("JÜRGEN@müller.test", "jürgen@xn--mller-kva.test");
  check('"bob"@b.test', "bob@b.test");
  for (const text of ["", "a", "@b.test", "a@", "a@b@c", "a b@c.test", "a@b.test, c@d.test"]) check(text, undefined);
});

test("whole domains", () => {
  check("*@B.test", "*@b.test");
  check(" *@müller.test", "*@xn--mller-kva.test");
  for (const text of ["*@", "*@*", "*@a b", "*@@b.test", "**@b.test@"]) check(text, undefined);
});

test("some at once: the first that is none is named", () => {
  expect(parseSuppressedAddresses(["A@b.test", "*@c.test"])).toEqual({
    ...{ kind: "addresses", list: ["a@b.test", "*@c.test"] },
  });
  expect(parseSuppressedAddresses(["a@b.test", "x", "y"])).toMatchObject({
    ...{ code: "validation_error", message: expect.stringContaining("`emails[1]`") },
  });
});

test("where a recipient is looked for is where it was put", () => {
  for (const recipient of ["A@b.test", "JÜRGEN@xn--mller-kva.test", '"a@b"@c.test'])
    expect(suppressedNamesOf(recipient)[0]).toBe(parseSuppressedAddress(recipient));
  expect(suppressedNamesOf('"a@b"@C.test')).toEqual(['"a@b"@c.test', "*@c.test"]);
});
