/** Groups of fields, folded and broken; and the words of HTML. */
import { expect, test } from "vitest";
import { cleanText, readFieldGroups } from "../../../relay-node/inbound/field-groups.ts";
import { htmlText } from "../../../relay-node/inbound/html-text.ts";

const check = (text: string, expected: readonly Record<string, readonly string[]>[]): void =>
  expect(
    readFieldGroups(text).map((group) => Object.fromEntries(group)),
    JSON.stringify(text),
  ).toEqual(expected);

test("fields, folds, groups", () => {
  check("", []);
  check("A: b", [{ a: ["b"] }]);
  check("A: b\r\nC:d\r\n", [{ a: ["b"], c: ["d"] }]);
  check("A: b\n\nC: d\n", [{ a: ["b"] }, { c: ["d"] }]);
  check("A: b\n \t \nC: d\n", [{ a: ["b"] }, { c: ["d"] }]);
  check("A: b\n  c\n\td\nE: f", [{ a: ["b c d"], e: ["f"] }]);
  check("A : b\nA: c", [{ a: ["b", "c"] }]);
  check("A:\n b", [{ a: ["b"] }]);
  check("\n\n\nA: b\n\n\n\n", [{ a: ["b"] }]);
});

test("what is no field is skipped", () => {
  check("no field\nA: b\n: c\nÄ: d\nE F: g", [{ a: ["b"] }]);
  check(" A: b", []);
  check(`${"x".repeat(200)}: y\nA: b`, [{ a: ["b"] }]);
});

test("bounds", () => {
  expect(readFieldGroups("A: b\n\n".repeat(500)).length).toBe(101);
  expect(readFieldGroups("A: b\n".repeat(500))[0]?.get("a")?.length).toBe(100);
  expect(readFieldGroups(Array.from({ length: 500 }, (_, at) => `A${at}: b`).join("\n"))[0]?.size).toBe(200);
  expect(readFieldGroups(`A: ${"b".repeat(5000)}`)[0]?.get("a")?.[0]?.length).toBeLessThanOrEqual(2000);
  expect(readFieldGroups(`A:\n${" bbbb\n".repeat(5000)}`)[0]?.get("a")?.[0]?.length).toBeLessThanOrEqual(2000);
});

test("one line, whole characters", () => {
  expect(cleanText(" a\r\n\0b\u2028c\u0085\td ")).toBe("a b c d");
  expect(cleanText("a\ud800")).toBe("a\ufffd");
  expect(cleanText(`${"a".repeat(1999)}😀`).isWellFormed()).toBe(true);
});

test("the words of HTML", () => {
  expect(htmlText("<p>a\n b</p><p style='x'>c<br>d &lt;e&gt; &amp;amp; &nbsp;f&#39;s <b>g</b></p>")).toBe(
    "\na b\n\nc\nd <e> &amp;  f's g\n",
  );
  expect(htmlText("a < b &unknown; &copy;")).toBe("a < b &unknown; &copy;");
});
