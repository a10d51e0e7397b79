/** Mails for the tests of what comes in: a report from its fields, and what is made of it. */
import { classifyInbound, type InboundMessage } from "../../../relay-node/inbound/inbound-message.ts";

const utf8 = new TextEncoder();

export const MACHINE = "From: MAILER-DAEMON@mx.example.net\r\nSubject: failure notice\r\n";

/** A `multipart/report` with one part of this type; `body` follows its blank line. */
export const reportMail = (partType: string, body: string, fields = ""): string => {
  const reportType = partType === "message/feedback-report" ? "feedback-report" : "delivery-status";
  return (
    `${MACHINE}MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=${reportType}; boundary="=_b"\r\n\r\n` +
    `--=_b\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n` +
    `--=_b\r\nContent-Type: ${partType}\r\n${fields}\r\n${body}\r\n--=_b--\r\n`
  );
};

export const read = (mail: string | Uint8Array, mailFrom = ""): Promise<InboundMessage> =>
  classifyInbound(typeof mail === "string" ? utf8.encode(mail) : mail, mailFrom);
