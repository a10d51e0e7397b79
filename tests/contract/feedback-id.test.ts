/** The Feedback-ID of a mail: written and read back, and nothing else is one. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { feedbackSignedText, formatFeedbackId, parseFeedbackId } from "#contract/feedback-id.ts";
import { returnPathSignedText } from "#contract/return-path.ts";

const ACCOUNT = "0123456789ab";
const MAC = new Uint8Array(32).fill(7);
const VALUE = `e16i3.7777777777777777:bulk:${ACCOUNT}:hikyaku`;

test("it is four fields with our name last, and fits a line", () => {
  expect(formatFeedbackId({ of: "email", account: ACCOUNT, k: 55_083 }, MAC, "bulk")).toBe(VALUE);
  const longest = formatFeedbackId(
    { of: "delivery", account: ACCOUNT, k: Number.MAX_SAFE_INTEGER },
    MAC,
    "transactional",
  );
  expect(`Feedback-ID: ${longest}`.length).toBeLessThanOrEqual(78);
});

const OF = fc.constantFrom("email" as const, "delivery" as const);

test("what is written reads back", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.constantFrom("bulk", "transactional"), OF, (k, stream, of) => {
      const read = parseFeedbackId(formatFeedbackId({ of, account: ACCOUNT, k }, MAC, stream));
      expect(read).toEqual({ of, account: ACCOUNT, k, mac: "7".repeat(16) });
    }),
  );
});

test("what is read", () => {
  const check = (value: string, isRead: boolean): void =>
    expect(parseFeedbackId(value) !== undefined, value).toBe(isRead);
  check(` ${VALUE.toUpperCase()} `, true);
  check("campaign:customer:mailtype:shop", false);
  check(`${VALUE}2`, false);
  check(VALUE.replace("16i3", "zzzzzzzzzzz"), false);
  check(VALUE.replace(ACCOUNT, "0123456789ai"), false);
  check(VALUE.replace(":bulk:", ":"), false);
  check(VALUE.replace("e16i3", "f16i3"), false);
  check("", false);
});

test("its mac is over a text that no return-path has", () => {
  const text = feedbackSignedText({ of: "email", account: ACCOUNT, k: 5 });
  expect(text).toBe(`feedback email ${ACCOUNT}.5`);
  expect(feedbackSignedText({ of: "delivery", account: ACCOUNT, k: 5 })).not.toBe(text);
  expect(returnPathSignedText({ account: ACCOUNT, k: 5, attempt: 1 })).not.toContain(" ");
});
