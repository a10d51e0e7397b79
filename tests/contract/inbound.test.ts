/** Reports as they cross from relay to gateway: bounded, and what a recipient's part of one means. */
import { expect, test } from "vitest";
import { bounceTypeOfRecipient, type BouncedRecipient, InboundReport } from "#contract/inbound.ts";

const check = (recipient: BouncedRecipient, expected: string | undefined): void => {
  const verdict = bounceTypeOfRecipient(recipient);
  expect(verdict && `${verdict.type} ${verdict.subType}`).toBe(expected);
};

const to = "bob@example.net";

test("what a recipient's part means", () => {
  check({ final_recipient: to, action: "failed", status: "5.1.1" }, "Permanent General");
  check({ original_recipient: to, action: "failed", status: "5.1.1" }, "Permanent General");
  check({ action: "failed", status: "5.1.1" }, "Permanent NoEmail");
  check({ action: "failed", status: "5.2.2" }, "Transient MailboxFull");
  check({ final_recipient: to, action: "failed", status: "4.4.7" }, "Transient General");
  check(
    { final_recipient: to, action: "failed", status: "5.0.0", diagnostic: "smtp; no such user" },
    "Permanent General",
  );
  check({ final_recipient: to, action: "failed" }, "Undetermined Undetermined");
  check({ final_recipient: to, action: "delayed", status: "5.1.1" }, "Transient General");
  check({ final_recipient: to, action: "delayed", status: "4.2.2" }, "Transient MailboxFull");
  for (const action of ["delivered", "relayed", "expanded"] as const) check({ action, status: "5.1.1" }, undefined);
});

test("a report is bounded, and newer fields do no harm", () => {
  const recipients = [{ action: "failed", final_recipient: to, status: "5.1.1", colour: "red" }];
  const report = { kind: "bounce", format: "rfc3464", recipients, original_headers: {} };
  const whole = { recipient: to, report };
  expect(InboundReport.safeParse(whole).success).toBe(true);
  const refuse = (change: object): void =>
    expect(InboundReport.safeParse({ ...whole, report: { ...report, ...change } }).success).toBe(false);
  refuse({ recipients: [] });
  refuse({ recipients: Array.from({ length: 101 }, () => recipients[0]) });
  refuse({ recipients: [{ ...recipients[0], diagnostic: "x".repeat(2001) }] });
  refuse({ recipients: [{ ...recipients[0], action: "lost" }] });
  refuse({ kind: "auto-reply" });
});
