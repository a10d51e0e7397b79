/** Which mail has a link to unsubscribe by, and whose header fields announce it. */
import { expect, test } from "vitest";
import { mayUnsubscribe, withUnsubscribe } from "#contract/list-unsubscribe.ts";

const OURS = "https://mail.test/u/x";
const POST = { "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" };
const BOTH = { "List-Unsubscribe": `<${OURS}>`, ...POST };

test("bulk mail always, other mail as it says, else as its domain said", () => {
  const check = (meta: Parameters<typeof mayUnsubscribe>[0], expected: boolean): void =>
    expect(mayUnsubscribe(meta), JSON.stringify(meta)).toBe(expected);
  check({}, false);
  check({ stream: "transactional" }, false);
  check({ stream: "bulk" }, true);
  check({ stream: "bulk", unsubscribe: false }, true);
  check({ unsubscribe: true }, true);
  check({ links: { unsubscribe: true } }, true);
  check({ links: { unsubscribe: true }, unsubscribe: false }, false);
  check({ links: { clicks: true } }, false);
});

test("one click is announced over https and on loopback only (RFC 8058 §3.1)", () => {
  const check = (url: string, isOneClick: boolean): void =>
    expect(withUnsubscribe({}, url)).toEqual({ "List-Unsubscribe": `<${url}>`, ...(isOneClick && POST) });
  check(OURS, true);
  check("http://127.0.0.1:8787/u/x", true);
  check("http://localhost/u/x", true);
  check("http://[::1]:1/u/x", true);
  check("http://mail.test/u/x", false);
  check("http://127.0.0.1.mail.test/u/x", false);
  check("http://localhost.mail.test/u/x", false);
});

test("the customer's own are kept when they are one-click", () => {
  const kept = (headers: Record<string, string>): void => expect(withUnsubscribe(headers, OURS)).toEqual(headers);
  kept({ "List-Unsubscribe": "<https://a.test/u>", ...POST });
  kept({
    "list-unsubscribe": "<mailto:u@a.test>, <HTTPS://a.test/u>",
    "LIST-UNSUBSCRIBE-POST": " List-Unsubscribe=One-Click ",
  });
});

test("else ours take their place, with their mail addresses behind", () => {
  const check = (theirs: Record<string, string>, field = BOTH["List-Unsubscribe"]): void =>
    expect(withUnsubscribe({ "X-A": "b", ...theirs }, OURS)).toEqual({
      "X-A": "b",
      ...BOTH,
      "List-Unsubscribe": field,
    });
  check({});
  check({ "List-Unsubscribe": "<https://a.test/u>" });
  check({ "LIST-UNSUBSCRIBE": "<http://a.test/u>", "list-unsubscribe-post": "List-Unsubscribe=One-Click" });
  check({ "List-Unsubscribe": "<https://a.test/u>", "List-Unsubscribe-Post": "yes" });
  check({ "List-Unsubscribe": "https://a.test/u", ...POST });
  // Without a link of theirs, their -Post speaks of nothing.
  check({ "LIST-UNSUBSCRIBE-POST": "y" });
  check({ "List-Unsubscribe": "<mailto:u@a.test?subject=x>", ...POST }, `<${OURS}>, <mailto:u@a.test?subject=x>`);
  check(
    { "list-unsubscribe": "(both) <MAILTO:a@a.test>,<https://a.test/u>, <mailto:b@a.test>, <mailto:c d>" },
    `<${OURS}>, <MAILTO:a@a.test>, <mailto:b@a.test>`,
  );
});

test("where ours could not be one-click, theirs are kept, whatever they are", () => {
  const headers = { "List-Unsubscribe": "<https://a.test/u>" };
  expect(withUnsubscribe(headers, "http://mail.test/u/x")).toEqual(headers);
});
