/** Feedback reports: read back as they were written, with or without addresses; and those in which nobody complains. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { read, reportMail } from "./inbound-scene.ts";

const report = (fields: string): string => reportMail("message/feedback-report", `${fields}\r\n`);

/** Fields of a report → what is read of it. */
const check = async (fields: string, expected: object): Promise<void> =>
  expect(await read(report(fields)), fields).toEqual(expected);

const complaint = (found: object): object => ({
  kind: "complaint",
  feedback_type: "abuse",
  original_recipients: [],
  original_headers: {},
  ...found,
});

const anyAddress = fc
  .tuple(fc.stringMatching(/^[a-z0-9._%+-]{1,20}$/), fc.stringMatching(/^[a-z0-9-]{1,20}\.example$/))
  .map((parts) => parts.join("@"));

test("read back as they were written", async () => {
  const anyReport = fc.record(
    {
      feedback_type: fc.constantFrom("abuse", "fraud", "virus", "opt-out", "other"),
      user_agent: fc.stringMatching(/^[A-Za-z]{1,20}\/[0-9]\.[0-9]$/),
      original_mail_from: anyAddress,
      original_recipients: fc.array(anyAddress, { maxLength: 5 }),
      source_ip: fc.oneof(
        fc.ipV4(),
        fc.ipV6().filter((ip) => /^[0-9a-f:]+$/i.test(ip)),
      ),
      arrival_date: fc.date({ min: new Date(0), max: new Date(2 ** 40), noInvalidDate: true }).map((date) => {
        date.setUTCMilliseconds(0);
        return date.toISOString();
      }),
    },
    { requiredKeys: ["feedback_type", "original_recipients"] },
  );
  await fc.assert(
    fc.asyncProperty(anyReport, async (written) => {
      const lines = [
        `Feedback-Type: ${written.feedback_type}`,
        "Version: 1",
        ...(written.user_agent === undefined ? [] : [`User-Agent: ${written.user_agent}`]),
        ...(written.original_mail_from === undefined ? [] : [`Original-Mail-From: <${written.original_mail_from}>`]),
        ...written.original_recipients.map((address) => `Original-Rcpt-To: ${address}`),
        ...(written.source_ip === undefined ? [] : [`Source-IP: ${written.source_ip}`]),
        ...(written.arrival_date === undefined
          ? []
          : [`Arrival-Date: ${new Date(written.arrival_date).toUTCString()}`]),
      ];
      await check(lines.join("\r\n"), { kind: "complaint", original_headers: {}, ...written });
    }),
    { numRuns: 60 },
  );
});

test("redacted and broken fields are not there", async () => {
  await check("Feedback-Type: abuse\r\nOriginal-Mail-From: <>\r\nOriginal-Rcpt-To: redacted", complaint({}));
  await check("Feedback-Type: abuse\r\nArrival-Date: soon\r\nSource-IP: unknown", complaint({}));
  await check(
    "Feedback-Type: ABUSE (comment)\r\nArrival-Date: Tue, 24 Nov 2026 09:00:01 +0000 (UTC)",
    complaint({ arrival_date: "2026-11-24T09:00:01.000Z" }),
  );
  await check(
    "Feedback-Type: abuse\r\nOriginal-Rcpt-To: <a@b.example>, rfc822;c@d.example",
    complaint({ original_recipients: ["a@b.example", "c@d.example"] }),
  );
  const many = Array.from({ length: 500 }, (_, at) => `Original-Rcpt-To: u${at}@b.example`).join("\r\n");
  const message = await read(report(`Feedback-Type: abuse\r\n${many}`));
  expect(message.kind === "complaint" && message.original_recipients.length).toBe(100);
});

test("nobody complains", async () => {
  for (const type of ["not-spam", "auth-failure", "Not-Spam", "dkim-failure"])
    await check(`Feedback-Type: ${type}\r\nVersion: 1`, { kind: "other" });
});
