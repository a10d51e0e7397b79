/** RFC 3464 reports: read back as they were written, and what is not of the grammar. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { DsnAction } from "#contract/inbound.ts";
import { read, reportMail } from "./inbound-scene.ts";

const anyAddress = fc
  .tuple(fc.stringMatching(/^[a-z0-9._%-]{1,20}$/), fc.stringMatching(/^[a-z0-9-]{1,20}\.example$/))
  .map((parts) => parts.join("@"));
const anyUtf8Address = fc
  .tuple(fc.stringMatching(/^[a-zäöüß漢字и]{1,10}$/u), fc.stringMatching(/^[a-z漢字]{1,10}\.example$/u))
  .map((parts) => parts.join("@"));
const anyStatus = fc
  .tuple(fc.constantFrom(2, 4, 5), fc.integer({ min: 1, max: 7 }), fc.nat(999))
  .map((parts) => parts.join("."));
const anyRecipient = fc.record(
  {
    final_recipient: fc.oneof(anyAddress, anyUtf8Address),
    action: fc.constantFrom(...DsnAction.options),
    status: anyStatus,
    original_recipient: anyAddress,
    remote_mta: fc.stringMatching(/^[a-z0-9-]{1,20}\.example$/),
    diagnostic: fc.stringMatching(/^smtp; [a-z ]{0,300}[a-z]$/).map((text) => text.replaceAll(/ +/g, " ")),
  },
  { requiredKeys: ["final_recipient", "action", "status"] },
);
type Written = typeof anyRecipient extends fc.Arbitrary<infer T> ? T : never;

const isAscii = (text: string): boolean => /^[ -~]*$/.test(text);
/** RFC 6533 §3, `\x{…}` for what is beyond ASCII. */
const escaped = (text: string): string =>
  Array.from(text, (char) =>
    isAscii(char) ? char : `\\x{${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`,
  ).join("");

const format = (recipient: Written, escape: boolean): string => {
  const { final_recipient, original_recipient, action, status, remote_mta, diagnostic } = recipient;
  const type = isAscii(final_recipient) ? "rfc822" : "utf-8";
  return [
    `Final-Recipient: ${type}; ${escape ? escaped(final_recipient) : final_recipient}`,
    ...(original_recipient === undefined ? [] : [`Original-Recipient: rfc822;${original_recipient}`]),
    `Action: ${action}`,
    `Status: ${status}`,
    ...(remote_mta === undefined ? [] : [`Remote-MTA: dns; ${remote_mta}`]),
    // Folded wherever there is a space (RFC 5322 §2.2.3).
    ...(diagnostic === undefined ? [] : [`Diagnostic-Code: ${diagnostic.replaceAll(" ", "\r\n ")}`]),
    "",
    "",
  ].join("\r\n");
};

test("read back as they were written", async () => {
  const anyRecipients = fc.array(anyRecipient, { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(anyRecipients, fc.boolean(), async (recipients, escape) => {
      const groups = recipients.map((recipient) => format(recipient, escape)).join("");
      const message = await read(
        reportMail("message/global-delivery-status", `Reporting-MTA: dns; mx.example.net\r\n\r\n${groups}`),
      );
      expect(message).toEqual({
        kind: "bounce",
        format: "rfc3464",
        recipients,
        reporting_mta: "mx.example.net",
        original_headers: {},
      });
    }),
    { numRuns: 60 },
  );
});

/** One group of fields → what is read of it. */
const check = async (fields: string, expected: object): Promise<void> => {
  const message = await read(reportMail("message/delivery-status", `Reporting-MTA: dns; x\r\n\r\n${fields}\r\n`));
  expect(message.kind === "bounce" && message.recipients[0], fields).toEqual(expected);
};

test("xtext and UTF-8 addresses", async () => {
  const rest = { action: "failed", status: "5.1.1" };
  const end = "\r\nAction: failed\r\nStatus: 5.1.1";
  await check(`Final-Recipient: rfc822;bob+2Bx@a.example${end}`, { final_recipient: "bob+x@a.example", ...rest });
  await check(`Final-Recipient: rfc822;bob+20@a.example${end}`, { final_recipient: "bob+20@a.example", ...rest });
  await check(`Final-Recipient: utf-8;j\\x{FC}r@a.example${end}`, { final_recipient: "jür@a.example", ...rest });
  await check(`Final-Recipient: utf-8;\\x{0D}\\x{0A}\\x{D800}\\x{FFFFFF}@a.example${end}`, {
    final_recipient: "\\x{0D}\\x{0A}\\x{D800}\\x{FFFFFF}@a.example",
    ...rest,
  });
  // Only where the type says so.
  await check(`Final-Recipient: rfc822;j\\x{FC}r@a.example${end}`, { final_recipient: "j\\x{FC}r@a.example", ...rest });
  await check(`Final-Recipient: bob@a.example${end}`, { final_recipient: "bob@a.example", ...rest });
});

test("the status: its own, or a sharper one of its class in the diagnosis", async () => {
  const diagnosed = async (status: string, diagnostic: string, expected: object): Promise<void> =>
    check(`Action: failed\r\n${status}Diagnostic-Code: smtp; ${diagnostic}`, {
      action: "failed",
      diagnostic: `smtp; ${diagnostic}`,
      ...expected,
    });
  await diagnosed("Status: 5.0.0\r\n", "550 5.1.1 no", { status: "5.1.1", code: 550 });
  await diagnosed("Status: 5.0.0\r\n", "450 4.2.2 full", { status: "5.0.0", code: 450 });
  await diagnosed("Status: 5.2.1\r\n", "550 5.1.1 no", { status: "5.2.1", code: 550 });
  await diagnosed("Status: 5.2\r\n", "550 5.1.1 no", { status: "5.1.1", code: 550 });
  await diagnosed("Status: 9.1.1\r\n", "no", {});
  await diagnosed("", "550 5.1.1 no", { status: "5.1.1", code: 550 });
  await diagnosed("Status: 5.1.1 (bad mailbox)\r\n", "no", { status: "5.1.1" });
});

test("an action that is missing or unknown shows in the class", async () => {
  await check("Status: 5.1.1", { action: "failed", status: "5.1.1" });
  await check("Action: lost\r\nStatus: 4.1.1", { action: "delayed", status: "4.1.1" });
  await check("Status: 2.1.5", { action: "delivered", status: "2.1.5" });
  await check("Action: RELAYED (to somewhere)", { action: "relayed" });
});

test("a report that names nobody and nothing is not read as one", async () => {
  const message = await read(
    reportMail("message/delivery-status", "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822;a@b\r\n"),
  );
  // Its subject says that it is a bounce; nothing says whose, or why.
  expect(message).toMatchObject({ kind: "bounce", format: "generic", recipients: [{ action: "failed" }] });
});
