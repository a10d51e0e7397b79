/** The page for people: whole, self-contained, escaped, small, and fit for keyboards and readers of screens. */
import { expect, test } from "vitest";
import { ENDPOINTS } from "#contract/endpoints.ts";
import { PROBLEMS, wireName, type ProblemCode } from "#contract/problem.ts";
import { parseCsvHeader, parseCsvRow } from "../../../gateway/core/suppression-csv.ts";
import { docsPage } from "../../../gateway/http/docs-page.ts";
import { openapiDocument } from "../../../gateway/http/openapi.ts";

const URL = "https://mail.example.com";
const render = (url: string): Promise<string> => docsPage(openapiDocument(url, "1.2.3"), url);
const page = await render(URL);
const all = (pattern: RegExp): string[] => Array.from(page.matchAll(pattern), ([, found = ""]) => found);
const ids = all(/ id="([^"]*)"/g);

test("each endpoint has one section, with its path, and a link in the contents", () => {
  const contents = page.slice(page.indexOf("<nav"), page.indexOf("</nav>"));
  for (const [name, { method, path }] of Object.entries(ENDPOINTS)) {
    const sections = page.split(`<section id="${name}">`);
    expect(sections.length, name).toBe(2);
    const [section = ""] = sections[1]?.split("</section>") ?? [];
    expect(section, name).toContain(`<code>${path}</code>`);
    expect(section, name).toContain(`>${method}</b>`);
    expect(contents.split(`href="#${name}"`).length, name).toBe(2);
  }
});

test("every problem has a row", () => {
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    const [, row = ""] = page.split(`<tr id="problem-${code}">`);
    expect(row.slice(0, 300), code).toContain(`${PROBLEMS[code].status} <code>${wireName(code)}</code>`);
  }
});

test("anchors are there once, and links lead to them", () => {
  expect(new Set(ids).size).toBe(ids.length);
  for (const target of all(/ href="#([^"]*)"/g)) expect(ids, target).toContain(target);
});

test("nothing comes from elsewhere and nothing runs", () => {
  expect(all(/ href="([^#][^"]*)"/g)).toEqual(["/v1/openapi.json"]);
  expect(page).not.toMatch(/<(script|link|img|iframe|form|object|base)\b/i);
  expect(page).not.toMatch(/ (src|on\w+|action)="/i);
  expect(page).not.toMatch(/@import|url\(/);
  const named = all(/(https?:\/\/[^/\s"<&]*)/g);
  // The host set aside for documentation is written in an example, and nowhere a link.
  expect(named.filter((found) => found !== URL && found !== "https://example.com")).toEqual([]);
});

test("what is put in is escaped", async () => {
  expect(page).toContain("&lt;img src=&quot;cid:…&quot;&gt;");
  expect(page).toContain("&lt;p&gt;Hello {{first_name|friend}}&lt;/p&gt;");
  const hostile = await render('https://x/"><script>alert(1)</script>');
  expect(hostile).not.toContain("<script");
  expect(hostile).toContain("&lt;script&gt;");
});

test("backticks are code, not characters", () => {
  expect(page.replaceAll(/<pre[\s\S]*?<\/pre>/g, "")).not.toContain("`");
  expect(page).toContain("<code>Name &lt;a@example.com&gt;</code>");
});

test("headings go down one step at a time", () => {
  const levels = all(/<h([1-6])\b/g).map(Number);
  expect(levels.filter((level) => level === 1)).toEqual([1]);
  levels.reduce((before, level) => (expect(level).toBeLessThanOrEqual(before + 1), level), 0);
});

test("the first email is a command that can be pasted", () => {
  const [, command = ""] = /<code>(curl [\s\S]*?)<\/code>/.exec(page) ?? [];
  const plain = command.replaceAll("&quot;", '"').replaceAll("&#39;", "'");
  expect(plain).toMatch(
    /^curl https:\/\/mail\.example\.com\/v1\/emails \\\n {2}-H "Authorization: Bearer \$HIKYAKU_API_KEY" \\\n/,
  );
  const body: unknown = JSON.parse(/-d '([^']*)'$/.exec(plain)?.[1] ?? "");
  expect(ENDPOINTS.sendEmail.body.parse(body)).toMatchObject({
    from: "hello@sandbox.test",
    to: "delivered@sandbox.test",
  });
});

test("small, and in a language", () => {
  expect(new TextEncoder().encode(page).length).toBeLessThan(200_000);
  expect(page).toMatch(/^<!doctype html>\s*<html lang="en">/);
  expect(page).toContain('<a class="skip" href="#content">');
});

const sectionOf = (name: string): string => page.split(`<section id="${name}">`)[1]?.split("</section>")[0] ?? "";

test("no table is empty, and what is not JSON is shown as it is", () => {
  expect(page).not.toMatch(/<tbody>\s*<\/tbody>/);
  expect(sectionOf("sendBulk")).toContain('{"to":"ada@example.net"');
  expect(sectionOf("exportSuppressions")).toContain("Reply: <code>text/csv</code>");
});

test("the CSV to import is what the import reads", () => {
  const [, csv = ""] = /<pre[^>]*><code>(email,[^<]*)<\/code>/.exec(sectionOf("importSuppressions")) ?? [];
  const [header = "", ...rows] = csv.split("\n");
  const layout = parseCsvHeader(header);
  if (layout.kind === "refused") throw new Error(layout.message);
  expect(rows.map((row) => parseCsvRow(row, layout, 0).kind)).toEqual(["row", "row"]);
});
