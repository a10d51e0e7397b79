/** The header fields of unsubscribing, by the base that links have. */
import { expect, test } from "vitest";
import { unsubscribeFields } from "#contract/list-unsubscribe.ts";

test("one click is announced over https and on loopback only (RFC 8058 §3.1)", () => {
  const check = (url: string, isOneClick: boolean): void =>
    expect(unsubscribeFields(url)).toEqual({
      "List-Unsubscribe": `<${url}>`,
      ...(isOneClick && { "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" }),
    });
  check("https://mail.test/u/x", true);
  check("http://127.0.0.1:8787/u/x", true);
  check("http://localhost/u/x", true);
  check("http://[::1]:1/u/x", true);
  check("http://mail.test/u/x", false);
  check("http://127.0.0.1.mail.test/u/x", false);
  check("http://localhost.mail.test/u/x", false);
});
