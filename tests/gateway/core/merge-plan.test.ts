/** What variables would make of an email's texts, looked at before anything is made. */
import { expect, test } from "vitest";
import { MergePlan, type MergeTexts } from "../../../gateway/core/merge-plan.ts";

const texts = (more: Partial<MergeTexts>): MergeTexts => ({
  subject: "s",
  text: undefined,
  html: undefined,
  headers: {},
  ...more,
});

const check = (
  more: Partial<MergeTexts>,
  variables: Record<string, string | number>,
  words: string | undefined,
): void => {
  const refusal = new MergePlan(texts(more)).refusal(variables);
  if (words === undefined) expect(refusal).toBeUndefined();
  else expect(refusal).toContain(words);
};

test("what fits and is whole passes; the subject is merged as plain text", () => {
  const plan = new MergePlan(
    texts({ subject: "Hi {{n}}", html: "<p>{{n}}", text: "{{n|you}}", headers: { "X-A": "{{n}}" } }),
  );
  expect(plan.refusal({ n: "<Ada>" })).toBeUndefined();
  expect(plan.subject({ n: "<Ada>" })).toBe("Hi <Ada>");
});

test("a missing variable is named, wherever it is missing", () => {
  for (const more of [{ subject: "{{a}}" }, { html: "{{a}}" }, { text: "{{a}}" }, { headers: { "X-A": "{{a}}" } }])
    check(more, {}, "Missing variable `a`.");
});

test("the link to unsubscribe by is nobody's to give, and stands in texts alone", () => {
  for (const name of ["unsubscribe_url", "RESEND_UNSUBSCRIBE_URL"]) {
    check({ html: `{{${name}}}`, text: `{{{${name}}}}` }, {}, undefined);
    check({ html: "x" }, { [name]: "https://evil.test" }, `\`${name}\` is the service's own`);
    check({ html: "x", subject: `{{${name}|x}}` }, {}, "The subject cannot have");
    check({ html: "x", headers: { "X-A": `{{${name}}}` } }, {}, "header `X-A` cannot have");
  }
  const hasPlace = (more: Partial<MergeTexts>): boolean => new MergePlan(texts(more)).hasUnsubscribePlace;
  expect([hasPlace({ html: "{{unsubscribe_url}}" }), hasPlace({ text: "{{{RESEND_UNSUBSCRIBE_URL}}}" })]).toEqual([
    true,
    true,
  ]);
  expect([hasPlace({ html: "{{a}}" }), hasPlace({ subject: "{{unsubscribe_url}}" })]).toEqual([false, false]);
  for (const html of ['<a href="&#123;&#123;unsubscribe_url}}">', "{ {unsubscribe_url} }"])
    check({ html }, {}, "The html names the link to unsubscribe by in a spelling");
  check({ html: "{{UNSUBSCRIBE_URL}}" }, { UNSUBSCRIBE_URL: "https://theirs.test" }, undefined);
  expect(hasPlace({ html: '<a href="%7B%7Bunsubscribe_url%7D%7D">' })).toBe(true);
  // Its length counts.
  check({ text: `${"x".repeat(999_000)}{{unsubscribe_url}}{{a}}` }, { a: "y" }, undefined);
  check({ text: `${"x".repeat(999_800)}{{unsubscribe_url}}{{a}}` }, { a: "y" }, "text, merged, is longer");
});

test("what would be too long is refused", () => {
  const long = "x".repeat(8000);
  check({ html: "{{{a}}}".repeat(900) }, { a: long }, "html, merged, is longer");
  check({ text: "{{a}}".repeat(900) }, { a: long }, "text, merged, is longer");
  check({ html: "{{a}}".repeat(60_000) }, { a: "x" }, "more than 1000 placeholders");
  check({ subject: "{{a}}".repeat(400) }, { a: "xxxxxx" }, "subject, merged, is longer");
  check({ headers: { "X-A": "{{a}}{{a}}" } }, { a: long }, "`X-A`, merged, is longer");
  check({}, Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`v${n}`, long])), "variables are longer");
  // Escaped it is longer than it looks.
  check({ html: "{{a}}".repeat(100) }, { a: "<".repeat(3000) }, "html, merged, is longer");
  check({ html: "{{{a}}}".repeat(100) }, { a: "<".repeat(3000) }, undefined);
});

test("what would end a header, or be no address, is refused", () => {
  for (const a of ["1\r\nBcc: x@y.test", "a\nb", "\u0007"]) {
    check({ subject: "{{a}}" }, { a }, "subject");
    check({ headers: { "X-A": "{{a}}" } }, { a }, "`X-A`");
    check({ html: "{{a}}", text: "{{a}}" }, { a }, undefined);
  }
  check({ headers: { Sender: '"{{a}}" <a@b.test>' } }, { a: 'x" <' }, "`Sender`");
  check({ headers: { Sender: '"{{a}}" <a@b.test>' } }, { a: "Ada" }, undefined);
});
