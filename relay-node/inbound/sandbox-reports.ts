/**
 * The reports that the sandbox's recipients send of a mail they took, made as large providers make theirs.
 *
 * They go the way of real ones, so what is shown works for those too: the complaint names nobody and proves itself by
 * the returned header's Feedback-ID (RFC 5965), the bounce comes to the return-path (RFC 3464).
 */

export type SandboxReport = { recipient: string; mailFrom: string; bytes: Uint8Array };

type Taken = { mailFrom: string; rcptTo: string; raw: Uint8Array };

/** `bounceDomain`: whose `fbl@` the complaint goes to. `undefined`: this recipient is content. */
export const sandboxReport = (taken: Taken, bounceDomain: string): SandboxReport | undefined => {
  const name = taken.rcptTo.slice(0, Math.max(0, taken.rcptTo.lastIndexOf("@"))).toLowerCase();
  if (name === "complained" || name.startsWith("complained+"))
    return { recipient: `fbl@${bounceDomain}`, mailFrom: "feedback@sandbox.test", bytes: complaint(taken) };
  if (name === "bounced+later") return { recipient: taken.mailFrom, mailFrom: "", bytes: bounce(taken) };
  return undefined;
};

const HEADER_BYTES = 64 * 1024;

/** What the mail said of itself; its body is nobody's business. */
const headerOf = (raw: Uint8Array): string => {
  const text = Buffer.from(raw.buffer, raw.byteOffset, Math.min(raw.byteLength, HEADER_BYTES)).toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  return end < 0 ? text : text.slice(0, end + 2);
};

const BOUNDARY = "=_sandbox_report";

const report = (type: string, subject: string, words: string, [partType, fields]: [string, string], raw: Uint8Array) =>
  Buffer.from(
    `From: <MAILER-DAEMON@sandbox.test>\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\n` +
      `Content-Type: multipart/report; report-type=${type}; boundary="${BOUNDARY}"\r\n\r\n` +
      `--${BOUNDARY}\r\nContent-Type: text/plain\r\n\r\n${words}\r\n` +
      `--${BOUNDARY}\r\nContent-Type: ${partType}\r\n\r\n${fields}\r\n` +
      `--${BOUNDARY}\r\nContent-Type: text/rfc822-headers\r\n\r\n${headerOf(raw)}\r\n--${BOUNDARY}--\r\n`,
    "latin1",
  );

const complaint = ({ raw }: Taken): Uint8Array =>
  report(
    "feedback-report",
    "Complaint",
    "A recipient of the sandbox says that this is spam.",
    ["message/feedback-report", "Feedback-Type: abuse\r\nUser-Agent: Hikyaku-Sandbox/1.0\r\nVersion: 1\r\n"],
    raw,
  );

const bounce = ({ rcptTo, raw }: Taken): Uint8Array =>
  report(
    "delivery-status",
    "Undelivered Mail Returned to Sender",
    `The sandbox took the mail for ${rcptTo} and could not deliver it.`,
    [
      "message/delivery-status",
      `Reporting-MTA: dns; sandbox.test\r\n\r\nFinal-Recipient: rfc822; ${rcptTo}\r\nAction: failed\r\n` +
        "Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 The sandbox has no such user\r\n",
    ],
    raw,
  );
