/** What a proved report makes of a delivery, as tables: bounces by whom they name, complaints by their type. */
import { expect, test } from "vitest";
import type { BouncedRecipient, InboundBounce, InboundComplaint } from "#contract/inbound.ts";
import { feedbackOfBounce, feedbackOfComplaint } from "../../../gateway/core/feedback-of-report.ts";

const RCPT = "Ann@inbox.test";
const ann: BouncedRecipient = { final_recipient: "ann@inbox.test", action: "failed", status: "5.1.1" };

const bounce = (recipients: BouncedRecipient[]): InboundBounce => ({
  ...{ kind: "bounce", format: "rfc3464", recipients, original_headers: {} },
});

test("a bounce: whether it counts, whether it is hard, and in which words", () => {
  const check = (recipients: BouncedRecipient[], expected: string, rcpt = RCPT): void => {
    const feedback = feedbackOfBounce(bounce(recipients), rcpt);
    const told =
      feedback?.kind === "bounced" ? `${feedback.isHard ? "hard" : "soft"} ${feedback.data.bounce?.type}` : "nothing";
    expect(told).toBe(expected);
  };
  check([ann], "hard Permanent");
  check([{ ...ann, status: "5.2.2" }], "soft Transient");
  check([{ ...ann, status: "4.4.7" }], "soft Transient");
  check([{ action: "failed" }], "soft Undetermined");
  // The token says whose it is.
  check([{ action: "failed", status: "5.1.1" }], "hard Permanent");
  for (const action of ["delayed", "delivered", "relayed", "expanded"] as const) check([{ ...ann, action }], "nothing");
  // A domain of the system's own inside; a forward; a dead member of a list.
  check([{ ...ann, final_recipient: "ann@store7.inbox.test" }], "hard Permanent");
  check([ann], "hard Permanent", "ann@store7.inbox.test");
  check([{ ...ann, final_recipient: "ann.smith@elsewhere.test" }], "soft Permanent");
  check([{ ...ann, final_recipient: "ann@elsewhere.test" }], "soft Permanent");
  check([{ ...ann, final_recipient: "ann@notinbox.test" }], "soft Permanent");
  check([ann], "soft Permanent", "ann@notinbox.test");
  check([{ ...ann, final_recipient: "bob@inbox.test", original_recipient: "ann@inbox.test" }], "soft Permanent");
  check([{ action: "failed", status: "5.1.1", original_recipient: "ann@inbox.test" }], "hard Permanent");
  // Of several the one that names the address; else one that failed.
  check(
    [
      { ...ann, final_recipient: "bob@x.test" },
      { ...ann, action: "delivered" },
    ],
    "nothing",
  );
  check(
    [
      { ...ann, final_recipient: "bob@x.test", action: "relayed" },
      { ...ann, final_recipient: "c@x.test" },
    ],
    "soft Permanent",
  );
  // The sandbox bounces as often as it is asked to.
  check([{ ...ann, final_recipient: "bounced+later@sandbox.test" }], "soft Permanent", "bounced+later@sandbox.test");
});

test("a bounce says what the server said, and that it came by mail", () => {
  const said = { ...ann, diagnostic: "smtp; 550 5.1.1 no such user", remote_mta: "mx.inbox.test" };
  expect(feedbackOfBounce(bounce([said]), RCPT)?.data).toEqual({
    by_mail: true,
    reason: "smtp; 550 5.1.1 no such user",
    route: { host: "mx.inbox.test" },
    bounce: {
      ...{ type: "Permanent", subType: "General", message: "smtp; 550 5.1.1 no such user" },
      diagnosticCode: ["smtp; 550 5.1.1 no such user"],
    },
  });
  expect(feedbackOfBounce(bounce([ann]), RCPT)?.data.bounce).toMatchObject({
    message: expect.stringMatching(/returned it later/),
    diagnosticCode: [],
  });
});

const complaint = (fields: Partial<InboundComplaint> = {}): InboundComplaint => ({
  ...{ kind: "complaint", feedback_type: "abuse", original_recipients: [], original_headers: {}, ...fields },
});

test("a complaint, and a wish to be taken off", () => {
  expect(feedbackOfComplaint(complaint({ user_agent: "Loop/1" }))).toEqual({
    kind: "complained",
    data: { by_mail: true, complaint: { feedback_type: "abuse", user_agent: "Loop/1" } },
  });
  expect(feedbackOfComplaint(complaint({ feedback_type: "opt-out" })).kind).toBe("unsubscribed");
});
