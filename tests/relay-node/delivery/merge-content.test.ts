/** Content with placeholders becomes one recipient's: texts and header values, each in its own way, nothing else. */
import { expect, test } from "vitest";
import type { EmailContent } from "#contract/relay-protocol.ts";
import { mergeContent } from "../../../relay-node/delivery/merge-content.ts";

test("html is escaped, text and header values are not; the rest is as it was", () => {
  const attachments = [{ filename: "{{n}}.txt", content: "e3tufX0=" }];
  const content: EmailContent = {
    text: "Dear {{n}}",
    html: "<p>{{n}} {{{n}}}</p>",
    headers: { "X-For": "{{n}}", "X-{{n}}": "as it is" },
    attachments,
  };
  expect(mergeContent(content, { n: "A & B" }, undefined)).toEqual({
    text: "Dear A & B",
    html: "<p>A &amp; B A & B</p>",
    headers: { "X-For": "A & B", "X-{{n}}": "as it is" },
    attachments,
  });
});

test("what is not there is not made, what is empty stays, and a missing variable is nothing", () => {
  const check = (content: EmailContent, expected: EmailContent): void =>
    expect(mergeContent(content, {}, undefined)).toStrictEqual(expected);
  check({}, {});
  check({ text: "" }, { text: "" });
  check({ html: "[{{n}}]" }, { html: "[]" });
  check({ text: "{{n|friend}}", headers: {} }, { text: "friend", headers: {} });
});

test("one content serves many: each gets its own, and the shared one is never changed", () => {
  const content: EmailContent = { text: "Dear {{n}}", headers: { "X-For": "{{n}}" } };
  const before = structuredClone(content);
  const merged = [1, 2, 3].map((n) => mergeContent(content, { n }, undefined));
  expect(merged.map(({ text, headers }) => [text, headers?.["X-For"]])).toEqual([
    ["Dear 1", "1"],
    ["Dear 2", "2"],
    ["Dear 3", "3"],
  ]);
  expect(content).toEqual(before);
});

test("shared content is taken apart once, however many it goes to", () => {
  let reads = 0;
  const content: EmailContent = {
    get text() {
      reads += 1;
      return "Dear {{n}}";
    },
  };
  mergeContent(content, { n: 0 }, undefined);
  const ofFirst = reads;
  mergeContent(content, { n: 1 }, undefined);
  const ofSecond = reads - ofFirst;
  // The second reads it in copying only, not in taking it apart.
  expect(ofSecond).toBeLessThan(ofFirst);
});

const LINK = "https://mail.test/u/x?a&b";
const PLACES: EmailContent = {
  text: "{{unsubscribe_url}} {{n}}",
  html: '<a href="{{{RESEND_UNSUBSCRIBE_URL}}}">{{n}}</a>',
  headers: { "X-A": "{{n}}" },
};

test("the link to unsubscribe by goes in with the variables, and no value is looked into", () => {
  expect(mergeContent(PLACES, { n: "{{unsubscribe_url}}" }, LINK)).toEqual({
    text: `${LINK} {{unsubscribe_url}}`,
    html: '<a href="https://mail.test/u/x?a&amp;b">{{unsubscribe_url}}</a>',
    headers: { "X-A": "{{unsubscribe_url}}" },
  });
  // Accepted before the name was reserved.
  expect(mergeContent({ text: "{{unsubscribe_url}}" }, { unsubscribe_url: "theirs" }, LINK)).toEqual({
    text: "theirs",
  });
});

test("without variables only the link goes in, and all else stays; without a link all does", () => {
  const html = '<a href="https://mail.test/u/x?a&amp;b">{{n}}</a>';
  expect(mergeContent(PLACES, undefined, LINK)).toEqual({ ...PLACES, text: `${LINK} {{n}}`, html });
  expect(mergeContent(PLACES, undefined, undefined)).toBe(PLACES);
});

test("content without a place is the same content, so that it is read once for all", () => {
  const content: EmailContent = { text: "{{n}}", html: "<p>{{n}}" };
  expect(mergeContent(content, undefined, LINK)).toBe(content);
});

test("what would be too long is not made", () => {
  const text = "{{unsubscribe_url}}".repeat(300_000);
  expect(() => mergeContent({ text }, undefined, LINK)).toThrow("too long");
});
