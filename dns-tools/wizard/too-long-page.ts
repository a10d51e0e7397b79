/**
 * The answer to a link that is longer than the server reads: a whole HTTP response, for there is no request to answer.
 */
import { html } from "hono/html";
import { frame } from "./layout.ts";

export const tooLongPage = async (): Promise<string> => {
  const links = { at: "", query: "", hasAccounts: false };
  const page = String(
    await frame(
      "Too long",
      links,
      html`<h1>That was too much for one link</h1>
        <p class="lead">
          What is typed travels in the address of the page, which may have 16 KB. Nothing was looked up.
        </p>
        <p>
          Go back, and leave out what is not needed: a key needs only its own record, and a field at most 2,000
          characters.
        </p>
        <p class="actions"><a class="button" href="/">Begin anew</a></p>`,
    ),
  );
  const octets = new TextEncoder().encode(page).length;
  return [
    "HTTP/1.1 431 Request Header Fields Too Large",
    "content-type: text/html; charset=utf-8",
    `content-length: ${octets}`,
    "x-content-type-options: nosniff",
    "connection: close",
    "",
    page,
  ].join("\r\n");
};
