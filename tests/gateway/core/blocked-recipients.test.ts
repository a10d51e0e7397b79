/** Who of a batch is blocked, and in which words: the account's own reason before the operator's. */
import { expect, test } from "vitest";
import type { SuppressionOrigin } from "#contract/suppression.ts";
import { blockedOf } from "../../../gateway/core/blocked-recipients.ts";

const check = (own: Record<string, SuppressionOrigin>, operator: string[], expected: Record<string, string>): void => {
  const recipients = ["A@x.test", "b@x.test", "c@y.test"];
  const blocked = blockedOf(recipients, new Map(Object.entries(own)), new Set(operator));
  const told = Array.from(blocked, ([rcpt, { type, reason }]) => [rcpt, `${type} ${reason}`]);
  expect(Object.fromEntries(told)).toEqual(expected);
};

test("by address, by domain, by neither", () => {
  check({}, [], {});
  check({ "a@x.test": "bounce" }, [], { "A@x.test": "OnAccountSuppressionList previous_bounce" });
  check({ "*@x.test": "manual" }, [], {
    "A@x.test": "OnAccountSuppressionList manual",
    "b@x.test": "OnAccountSuppressionList manual",
  });
  check({ "*@x.test": "manual", "b@x.test": "complaint" }, [], {
    "A@x.test": "OnAccountSuppressionList manual",
    "b@x.test": "OnAccountSuppressionList previous_complaint",
  });
});

test("the operator's list, where the account has no word of its own", () => {
  check({ "a@x.test": "unsubscribe" }, ["a@x.test", "*@y.test"], {
    "A@x.test": "OnAccountSuppressionList unsubscribed",
    "c@y.test": "Suppressed operator",
  });
});

test("the sentence names what stands on the list", () => {
  const { message } =
    blockedOf(["A@x.test"], new Map([["*@x.test", "bounce" as const]]), new Set()).get("A@x.test") ?? {};
  expect(message).toBe("*@x.test is on the account's suppression list: mail to it has bounced for good before.");
});
