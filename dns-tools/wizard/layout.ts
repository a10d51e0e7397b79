/**
 * What all pages are made of: the frame, a value with its copy button, the sign of a verdict.
 *
 * Nothing comes from elsewhere, nothing is inline but what `html` escaped, and all can be read without the script. A
 * hostile zone makes no page larger than it may be: rows that do not fit are counted and left to the JSON twin.
 */
import { html, raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { FindingStatus } from "#dns/finding.ts";

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Links of a page: `at` is where the wizard is mounted, without a slash at its end; `query` has what was typed. */
export type Links = { at: string; query: string; hasAccounts: boolean };

/** Leaves room for the frame below 100 KB. */
const MOST_ROW_OCTETS = 64_000;

export const frame = (title: string, { at }: Links, content: Html): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · Hikyaku mail DNS</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${at}/wizard.css" />
        <script src="${at}/wizard.js" defer></script>
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header>
          <a class="name" href="${at}/"><span lang="ja">飛脚</span> Hikyaku</a>
          <span>mail DNS, checked as receivers see it</span>
        </header>
        <main id="content" tabindex="-1">${content}</main>
        <footer><p>Nothing that you enter is stored. Each page has a JSON twin.</p></footer>
        <p id="said" role="status" aria-live="polite"></p>
      </body>
    </html>`;

/** The pages about one domain; `here` is the one that is open. */
export const steps = ({ at, query }: Links, here: "check" | "plan" | "propagation" | "explain"): Html =>
  html`<nav aria-label="Steps">
    <a href="${at}/?${query}">Answers</a>
    ${PAGES.map(([page, text]) =>
      page === here
        ? html`<a href="${at}/${page}?${query}" aria-current="page">${text}</a>`
        : html`<a href="${at}/${page}?${query}">${text}</a>`,
    )}
  </nav>`;

const PAGES = [
  ["check", "Check"],
  ["plan", "Publish"],
  ["propagation", "Who has it"],
  ["explain", "Why"],
] as const;

/** Link to the same page again, and to its twin. */
export const again = ({ at, query }: Links, page: string): Html =>
  html`<p class="actions">
    <a class="button" href="${at}/${page}?${query}">Check again</a>
    <a href="${at}/${page}.json?${query}">As JSON</a>
  </p>`;

export const cutNotice = (cut: string | undefined): Html =>
  cut === undefined ? html`` : html`<p class="notice">Not all was looked at: ${cut}.</p>`;

/** The library's words: what stands in backticks is a value. */
export const prose = (text: string): Html =>
  html`${text.split("`").map((part, at) => (at % 2 === 1 ? html`<code>${part}</code>` : part))}`;

/** `what` names the value for who cannot see where the button stands. */
export const copyable = (value: string, what: string): Html =>
  html`<span class="copyable"
    ><code>${value}</code><button type="button" class="copy" aria-label="Copy ${what}" hidden>Copy</button></span
  >`;

const SIGN: Record<FindingStatus, readonly [sign: string, word: string]> = {
  pass: ["✓", "good"],
  warn: ["!", "warning"],
  fail: ["✗", "fails"],
  indeterminate: ["?", "could not find out"],
  not_applicable: ["–", "open"],
};

/** Never by colour alone. */
export const verdict = (status: FindingStatus): Html => {
  const [sign, word] = SIGN[status];
  return html`<strong class="verdict ${status}"><span aria-hidden="true">${sign}</span> ${word}</strong>`;
};

/** As many rows, from the first, as a page may hold, and a word on the others; `lists`: how many it has. */
export const rowsThatFit = async (rows: readonly Html[], lists = 1): Promise<HtmlEscapedString> => {
  const texts = await Promise.all(rows.map(async (row) => String(await row)));
  let octets = 0;
  const fitting = texts.filter((text) => (octets += new TextEncoder().encode(text).length) <= MOST_ROW_OCTETS / lists);
  const left = texts.length - fitting.length;
  const more = left === 0 ? "" : `<li class="notice">${left} more did not fit on this page: see it as JSON.</li>`;
  return raw(fitting.join("") + more);
};
