/**
 * The pages that readers of mail come to by its links: one question or one answer each, no script, nothing from elsewhere.
 *
 * They say who sent the mail, and of the reader's address only as much as they need to know it again: a mail that was
 * passed on must not give it away.
 */
import { html, raw } from "hono/html";
import { ONE_CLICK } from "#contract/list-unsubscribe.ts";
import type { Subscription } from "../objects/account-links.ts";
import type { GatewayContext } from "./context.ts";
import type { Html } from "./docs-prose.ts";

/** The form field by which a reader comes back. */
export const SUBSCRIBE_AGAIN = { name: "subscribe", value: "again" } as const;

const STYLE = raw(`
:root { --ink: #1c2230; --soft: #5b6475; --ground: #ffffff; --accent: #a3322a; --on-accent: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ee; --soft: #9aa3b5; --ground: #12151c; --accent: #f08a7a; --on-accent: #12151c; } }
body { margin: 0; padding: 12vh 1.25rem 2rem; font: 17px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
main { max-width: 32rem; margin: 0 auto; } h1 { font-size: 1.6rem; line-height: 1.25; } p { overflow-wrap: anywhere; } .soft { color: var(--soft); }
button { font: inherit; font-weight: 600; padding: .7rem 1.4rem; min-height: 44px; border-radius: 6px; border: 2px solid var(--accent); background: var(--accent); color: var(--on-accent); cursor: pointer; }
button.plain { background: none; color: var(--ink); } button:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
`);
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-robots-tag": "noindex, nofollow",
};

const KIND = { transactional: "Messages about your account or orders", bulk: "Newsletters and announcements" } as const;

export const askPage = (c: GatewayContext, subscription: Subscription): Response | Promise<Response> =>
  page(
    c,
    200,
    "Unsubscribe?",
    html`<p>
        ${KIND[subscription.stream]} from <strong>${subscription.from}</strong> to ${veiled(subscription.recipient)}.
      </p>
      ${button(ONE_CLICK, "Unsubscribe", "")}`,
  );

export const gonePage = (c: GatewayContext, subscription: Subscription): Response | Promise<Response> =>
  page(
    c,
    200,
    "You are unsubscribed",
    html`<p>
        ${veiled(subscription.recipient)} gets no more mail of this kind from <strong>${subscription.from}</strong>.
      </p>
      ${
        subscription.mayReturn
          ? html`<p class="soft">Was that a mistake?</p>
              ${button(SUBSCRIBE_AGAIN, "Subscribe again", "plain")}`
          : ""
      }`,
  );

export const backPage = (c: GatewayContext, subscription: Subscription): Response | Promise<Response> =>
  page(
    c,
    200,
    "You are subscribed again",
    html`<p>${veiled(subscription.recipient)} gets mail from <strong>${subscription.from}</strong> as before.</p>
      ${button(ONE_CLICK, "Unsubscribe", "plain")}`,
  );

export const noSuchLink = (c: GatewayContext): Response | Promise<Response> =>
  page(
    c,
    404,
    "This link does not work",
    html`<p>Perhaps it was cut short on its way. Please try it from the mail again.</p>`,
  );

/** What was posted is neither of the two forms. */
export const noSuchForm = (c: GatewayContext): Response | Promise<Response> =>
  page(c, 400, "Nothing was changed", html`<p>Please use the button on the page that this link opens.</p>`);

export const notKept = (c: GatewayContext): Response | Promise<Response> =>
  page(c, 503, "This could not be kept", html`<p>Please try again later.</p>`);

const page = (
  c: GatewayContext,
  status: 200 | 400 | 404 | 503,
  title: string,
  body: Html,
): Response | Promise<Response> =>
  c.html(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <title>${title}</title>
          <style>
            ${STYLE}
          </style>
        </head>
        <body>
          <main>
            <h1>${title}</h1>
            ${body}
          </main>
        </body>
      </html>`,
    status,
    HEADERS,
  );

const button = ({ name, value }: { name: string; value: string }, label: string, look: string): Html =>
  html`<form method="post"><button class="${look}" name="${name}" value="${value}">${label}</button></form>`;

/** `reader@example.com` as `r…@example.com`. */
const veiled = (address: string): string =>
  `${String.fromCodePoint(address.codePointAt(0) ?? 0x2a)}…${address.slice(address.lastIndexOf("@"))}`;
