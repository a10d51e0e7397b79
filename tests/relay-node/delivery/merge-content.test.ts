/** Content with placeholders becomes one recipient's: texts and header values, each in its own way, nothing else. */
import { expect, test } from "vitest";
import type { Variables } from "#contract/merge.ts";
import type { EmailContent } from "#contract/relay-protocol.ts";
import { mergeContent as merged } from "../../../relay-node/delivery/merge-content.ts";

const mergeContent = (...of: Parameters<typeof merged>): EmailContent => {
  const result = merged(...of);
  if (result.kind !== "merged") throw new Error(result.kind);
  return result.content;
};

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
  const all = [1, 2, 3].map((n) => mergeContent(content, { n }, undefined));
  expect(all.map(({ text, headers }) => [text, headers?.["X-For"]])).toEqual([
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

test("without variables only the link goes in, and all else stays", () => {
  const html = '<a href="https://mail.test/u/x?a&amp;b">{{n}}</a>';
  expect(mergeContent(PLACES, undefined, LINK)).toEqual({ ...PLACES, text: `${LINK} {{n}}`, html });
  const coded: EmailContent = { html: '<a href="%7B%7Bunsubscribe_url%7D%7D">%7B%7Bn%7D%7D</a>' };
  expect(mergeContent(coded, undefined, LINK).html).toBe('<a href="https://mail.test/u/x?a&amp;b">%7B%7Bn%7D%7D</a>');
});

test("a place without a link is told, whatever else there is to put in", () => {
  const check = (content: EmailContent, variables: Variables | undefined): void =>
    expect(merged(content, variables, undefined)).toEqual({ kind: "linkless" });
  for (const variables of [undefined, { n: 1 }]) {
    check(PLACES, variables);
    check({ text: "{{unsubscribe_url|none}}" }, variables);
    check({ html: '<a href="%7B%7Bunsubscribe_url%7D%7D">' }, variables);
  }
  // Accepted before the name was reserved.
  expect(mergeContent({ text: "{{unsubscribe_url}}" }, { unsubscribe_url: "x" }, undefined)).toEqual({ text: "x" });
});

test("content without a place is the same content, so that it is read once for all", () => {
  const content: EmailContent = { text: "{{n}}", html: "<p>{{n}}" };
  expect(mergeContent(content, undefined, LINK)).toBe(content);
});

test("what would be too long is not made", () => {
  const text = "{{unsubscribe_url}}".repeat(300_000);
  expect(() => mergeContent({ text }, undefined, LINK)).toThrow("too long");
});
