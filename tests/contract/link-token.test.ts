/** Tokens of links in mail: written and read back, and nothing else read. */
import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { base32 } from "#contract/ids.ts";
import {
  clickSignedText,
  clickUrl,
  formatLinkToken,
  openSignedText,
  parseLinkToken,
  unsubscribeSignedText,
} from "#contract/link-token.ts";
import { feedbackSignedText } from "#contract/feedback-id.ts";
import { returnPathSignedText } from "#contract/return-path.ts";

const TOKEN = { account: "0123456789ab", k: 1_830_000_000_000_123 };
const hmac = createHmac("sha256", "key").update("x").digest();

test("a token is read as it was written", () => {
  const text = formatLinkToken(TOKEN, hmac);
  expect(text).toMatch(/^[0-9a-z.]{1,42}$/);
  expect(parseLinkToken(text)).toEqual({ ...TOKEN, mac: base32(hmac, 16) });
});

test("what is not of the form is no token", () => {
  const good = formatLinkToken(TOKEN, hmac);
  const check = (text: string): void => expect(parseLinkToken(text), text).toBeUndefined();
  for (const text of ["", ".", "..", `${good}x`, ` ${good}`, `${good}\n`, good.toUpperCase(), good.replace(".", "")])
    check(text);
  // One spelling of a number: neither zeros before it nor more than can be counted.
  check(good.replace(/\.(?=[^.]+\.)/, ".0"));
  check(`0123456789ab.zzzzzzzzzzz.${"0".repeat(16)}`);
  // Not an account id: Crockford's base32 has no l.
  check(good.replace("0123456789ab", "0123456789al"));
});

test("each purpose has a text of its own, and that of a click has its target in it", () => {
  const texts = [
    unsubscribeSignedText(TOKEN),
    openSignedText(TOKEN),
    clickSignedText(TOKEN, "https://a.test/"),
    clickSignedText(TOKEN, "https://b.test/"),
    clickSignedText({ ...TOKEN, k: TOKEN.k + 1 }, "https://a.test/"),
    feedbackSignedText({ of: "delivery", ...TOKEN }),
    returnPathSignedText({ ...TOKEN, attempt: 1 }),
  ];
  expect(new Set(texts).size).toBe(texts.length);
});

test("a target comes out of the URL as it went in, and needs no escaping in an attribute", () => {
  for (const target of ["https://a.test/?a=1&b=2#c", "https://a.test/%20+%2B", "https://a.test/?q='<>\""]) {
    const url = clickUrl("https://base.test", "token", target);
    expect(url).not.toMatch(/[&"<>]/);
    expect(new URL(url).searchParams.get("u")).toBe(target);
  }
});
