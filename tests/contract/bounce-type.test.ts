/** Resend's words for a refusal, row by row; and that nothing but the address itself makes a hard bounce. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { bounceTypeOf } from "#contract/bounce-type.ts";

/** `550 5.1.1 text` → `Permanent General`; `-` for a code that is not there. */
const check = (reply: string, expected: string): void => {
  const [, code = "", enhanced = "", text = ""] = /^(\S+) (\S+) ?(.*)$/.exec(reply) ?? [];
  const { type, subType } = bounceTypeOf({
    code: code === "-" ? undefined : Number(code),
    enhanced: enhanced === "-" ? undefined : enhanced,
    text,
  });
  expect(`${reply}: ${type} ${subType}`).toBe(`${reply}: ${expected}`);
};

test("the address itself", () => {
  for (const status of ["5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10", "5.2.1", "5.4.310"])
    check(`550 ${status}`, "Permanent General");
  check("556 -", "Permanent General");
  // The code is exact: its text cannot change it.
  check("550 5.1.1 your spam is not wanted", "Permanent General");
});

test("this mail, or we, and not the address", () => {
  check("552 5.2.2", "Transient MailboxFull");
  check("552 -", "Transient MailboxFull");
  check("552 5.3.4", "Transient MessageTooLarge");
  check("552 5.2.3", "Transient MessageTooLarge");
  check("554 5.6.0", "Transient ContentRejected");
  check("550 5.6.7", "Transient General");
  check("550 5.1.8 Sender address rejected: user unknown", "Transient General");
  check("550 5.1.7", "Transient General");
  check("550 5.3.2", "Transient General");
  check("550 5.4.7", "Transient General");
  check("550 5.5.3", "Transient General");
  check("550 5.7.26", "Transient General");
  check("550 5.7.1 spam", "Transient ContentRejected");
  check("550 5.7.1 this attachment is not allowed", "Transient AttachmentRejected");
  check("550 5.7.1 your IP is on a block list", "Transient General");
  check("550 5.7.1 Relaying denied", "Transient General");
});

test("class 4 is never hard, whichever code says so", () => {
  check("450 4.1.1 user unknown", "Transient General");
  check("- 4.2.2", "Transient MailboxFull");
  check("- 4.4.7", "Transient General");
  check("450 5.1.1", "Transient General");
  check("550 4.1.1", "Transient General");
  check("452 - mailbox is full", "Transient MailboxFull");
  check("421 -", "Transient General");
});

test("a vague code: plain words tell, everything else is undetermined", () => {
  for (const text of [
    "No such user here",
    "<bob@example.net>: Recipient address rejected: User unknown",
    "unknown user account",
    "Mailbox not found",
    "Unknown recipient",
    "invalid mailbox",
    "The email account that you tried to reach does not exist",
    "mailbox is disabled",
    "Sorry, no mailbox here by that name",
    "This user doesn't have an account here",
    "User bob (bob@example.net) not listed in the directory",
    "Domain example.org does not accept mail (nullMX)",
    "Host not found",
    "spam@example.com: User unknown",
  ])
    for (const codes of ["550 -", "550 5.0.0", "550 5.1.0", "550 5.4.1", "550 5.4.4", "- -"])
      check(`${codes} ${text}`, "Permanent General");
  for (const text of [
    "",
    "Requested action not taken: mailbox unavailable",
    "Recipient address rejected: Access denied",
    "Transaction failed",
    "the mailbox may not exist",
    "Possible reasons: user unknown",
    "service unavailable",
  ])
    for (const codes of ["550 -", "550 5.0.0", "550 5.4.1", "- -"])
      check(`${codes} ${text}`, "Undetermined Undetermined");
});

test("words against us stand above words against the address", () => {
  check("550 - user unknown, or your IP is blacklisted", "Transient General");
  check("550 5.0.0 Message rejected as spam: no such user", "Transient ContentRejected");
  check("550 5.0.0 Mailbox full, user unknown", "Transient MailboxFull");
  check("550 - SPF check failed: address not found", "Transient General");
  check("550 5.1.0 Sender address rejected: Domain not found", "Transient General");
  check("550 5.0.0 temporary failure: user unknown", "Transient General");
});

test("total, and never hard for a code of class 4", () => {
  const anyStatus = fc.tuple(fc.constantFrom(2, 4, 5), fc.nat(9), fc.nat(400)).map((parts) => parts.join("."));
  const anyWord = fc.constantFrom(
    "user",
    "unknown",
    "mailbox",
    "not",
    "found",
    "full",
    "spam",
    "does",
    "exist",
    "\u0000",
  );
  const anyText = fc.array(fc.oneof(anyWord, fc.string()), { maxLength: 8 }).map((words) => words.join(" "));
  fc.assert(
    fc.property(
      fc.option(fc.integer({ min: 200, max: 599 }), { nil: undefined }),
      fc.option(fc.oneof(anyStatus, fc.string()), { nil: undefined }),
      anyText,
      (code, enhanced, text) => {
        const { type } = bounceTypeOf({ code, enhanced, text });
        const isTemporary =
          /^4\.\d{1,3}\.\d{1,3}$/.test(enhanced ?? "") || (code !== undefined && code >= 400 && code < 500);
        if (isTemporary) expect(type).toBe("Transient");
      },
    ),
  );
});

test("a text without end is cut", () => {
  expect(bounceTypeOf({ text: `${"sender ".repeat(300_000)} user unknown` }).type).toBe("Undetermined");
});
