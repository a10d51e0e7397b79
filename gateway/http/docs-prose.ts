/**
 * The contract's sentences as HTML: words in backticks are code, everything is escaped. No other markup is known.
 */
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

export const proseOf = (text: string): Html =>
  // Split at backticks, every second piece stood between two.
  html`${text.split("`").map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : piece))}`;
