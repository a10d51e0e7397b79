/** Which refusals take an address off all later mail, and what is told of them; that nothing else does. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { bounceOf, refusesAddress, type Refused } from "#contract/hard-bounce.ts";

/** `rcpt 550 5.1.1 text` → an outcome of kind `bounced`; `-` for a code that is not there. */
const bounced = (told: string): Refused => {
  const [, phase = "", code = "", enhanced = "", text = ""] = /^(\w+) (\S+) (\S+) ?(.*)$/.exec(told) ?? [];
  const reply = { code: Number(code), ...(enhanced !== "-" && { enhanced }), text };
  return { kind: "bounced", phase: phase as Refused["phase"], ...(code !== "-" && { reply }), reason: "no" };
};

const check = (told: string, expected: boolean): void =>
  expect(refusesAddress("user@dest.test", bounced(told)), told).toBe(expected);

test("the address itself, said by its server of the recipient", () => {
  for (const phase of ["rcpt", "data", "dot"]) check(`${phase} 550 5.1.1 no such user`, true);
  for (const status of ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"]) check(`rcpt 550 ${status} sorry`, true);
  for (const text of ["User unknown", "No such user here", "mailbox not found", "recipient does not exist"])
    check(`rcpt 550 - ${text}`, true);
  check("rcpt 550 5.0.0 user unknown", true);
  check("rcpt 556 - this domain takes no mail", true);
});

test("policy, a full mailbox, content, size, and what is our own fault", () => {
  check("rcpt 550 5.7.1 user unknown", false);
  check("rcpt 550 5.7.1 refused by policy", false);
  check("rcpt 550 5.7.26 unauthenticated", false);
  check("dot 550 5.7.1 spam", false);
  check("rcpt 552 5.2.2 over quota", false);
  check("rcpt 550 5.2.2 mailbox is full", false);
  check("dot 554 5.6.0 content refused", false);
  check("dot 552 5.3.4 too large", false);
  check("rcpt 550 - mailbox unavailable: your IP is on a block list", false);
  check("rcpt 554 - your address 192.0.2.1 was refused: spamhaus", false);
  check("rcpt 550 - no", false);
  check("rcpt 550 5.1.8 sender address refused", false);
});

test("what was not said of the recipient", () => {
  check("mail 550 5.1.1 no such user", false);
  check("greeting 521 - no such host", false);
  check("ehlo 550 5.1.1 user unknown", false);
  check("route - - ", false);
  // Our resolver's word, in our own words.
  const route: Refused = { kind: "bounced", phase: "route", reason: "5.1.2 the domain does not exist" };
  expect(refusesAddress("user@dest.test", route)).toBe(false);
});

test("only what bounced", () => {
  for (const kind of ["delivered", "deferred", "failed", "unknown", "released"] as const)
    expect(refusesAddress("user@dest.test", { ...bounced("rcpt 550 5.1.1 no"), kind }), kind).toBe(false);
  check("rcpt 450 4.1.1 no such user for now", false);
});

test("the sandbox, which plays a bounce as often as it is asked to", () => {
  for (const rcpt of ["bounced@sandbox.test", "bounced+1@SANDBOX.test"])
    expect(refusesAddress(rcpt, bounced("rcpt 550 5.1.1 no such user")), rcpt).toBe(false);
  expect(refusesAddress("a@not-sandbox.test", bounced("rcpt 550 5.1.1 no"))).toBe(true);
});

test("no policy code ever does, whatever is said with it", () =>
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99 }), fc.string(), (detail, text) => {
      const reply = { code: 550, enhanced: `5.7.${detail}`, text: `user unknown ${text}` };
      expect(refusesAddress("user@dest.test", { kind: "bounced", phase: "rcpt", reply })).toBe(false);
    }),
  ));

test("what is told of a bounce", () => {
  expect(bounceOf({ ...bounced("rcpt 550 5.1.1 no such user"), reason: "the mailbox does not exist" })).toEqual({
    type: "Permanent",
    subType: "General",
    message: "the mailbox does not exist",
    diagnosticCode: ["smtp; 550 5.1.1 no such user"],
  });
  expect(bounceOf({ kind: "bounced", phase: "rcpt", reply: { code: 552, text: "mailbox is full" } })).toEqual({
    type: "Transient",
    subType: "MailboxFull",
    message: "mailbox is full",
    diagnosticCode: ["smtp; 552 mailbox is full"],
  });
  expect(bounceOf({ kind: "bounced", phase: "route", reason: "5.1.10 the domain takes no mail (null MX)" })).toEqual({
    type: "Permanent",
    subType: "General",
    message: "5.1.10 the domain takes no mail (null MX)",
    diagnosticCode: [],
  });
  expect(bounceOf({ kind: "bounced" })).toMatchObject({ type: "Undetermined", diagnosticCode: [] });
});

test("a sender that is refused in words for an address is not a hard bounce", () => {
  expect(bounceOf(bounced("mail 550 5.1.1 no such user"))).toMatchObject({ type: "Transient", subType: "General" });
});
