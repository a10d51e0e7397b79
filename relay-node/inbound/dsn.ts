/**
 * Delivery status notifications after RFC 3464, with the addresses of RFC 6533.
 *
 * Read strictly: a field that is not of its grammar is as if it were not there, a group that names neither an action
 * nor a status is no recipient. Whether the report is true is not asked here: only the token it came to proves it.
 */
import { type BouncedRecipient, DsnAction, type InboundBounce, REPORT_LIST_LIMIT } from "#contract/inbound.ts";
import { type Fields, firstOf, readFieldGroups } from "./field-groups.ts";
import { type InboundMail, isFromMachine } from "./inbound-mail.ts";
import { originalHeaders } from "./original-headers.ts";
import { findStatus } from "./quoted-status.ts";

const STATUS_PARTS = new Set(["message/delivery-status", "message/global-delivery-status"]);

/** `undefined`: it has no report that names a recipient and what became of it. */
export const readDsn = (mail: InboundMail): InboundBounce | undefined => {
  // RFC 6522 §3. Some systems wrap the report into a mixed message, whose sender must then speak for it.
  const isReport = mail.type === "multipart/report" && (mail.reportType ?? "delivery-status") === "delivery-status";
  if (!isReport && !isFromMachine(mail)) return undefined;
  const groups = mail.parts.filter(({ type }) => STATUS_PARTS.has(type)).flatMap(({ text }) => readFieldGroups(text));
  const recipients = groups.map(toRecipient).filter((recipient) => recipient !== undefined);
  if (recipients.length === 0) return undefined;
  const reportingMta = typed(firstOf(groups[0], "reporting-mta"))?.value;
  return {
    kind: "bounce",
    format: "rfc3464",
    recipients: recipients.slice(0, REPORT_LIST_LIMIT),
    ...(reportingMta === undefined ? {} : { reporting_mta: reportingMta }),
    original_headers: originalHeaders(mail.parts),
  };
};

const toRecipient = (fields: Fields): BouncedRecipient | undefined => {
  const diagnostic = firstOf(fields, "diagnostic-code");
  const quoted = findStatus(diagnostic ?? "");
  const written = STATUS.exec(firstOf(fields, "status") ?? "")?.[1];
  const status = written === undefined || isVague(written) ? sharper(written, quoted.status) : written;
  const action = actionOf(firstOf(fields, "action"), status);
  if (action === undefined) return undefined;
  const final = addressOf(firstOf(fields, "final-recipient"));
  const original = addressOf(firstOf(fields, "original-recipient"));
  const remoteMta = typed(firstOf(fields, "remote-mta"))?.value;
  return {
    ...(final === undefined ? {} : { final_recipient: final }),
    ...(original === undefined ? {} : { original_recipient: original }),
    action,
    ...(status === undefined ? {} : { status }),
    ...(quoted.code === undefined ? {} : { code: quoted.code }),
    ...(diagnostic === undefined ? {} : { diagnostic }),
    ...(remoteMta === undefined ? {} : { remote_mta: remoteMta }),
  };
};

/** RFC 3464 §2.3.4, perhaps with a comment. */
const STATUS = /^\(?([245]\.\d{1,3}\.\d{1,3})(?![\d.])/;

/** RFC 3463 §3.1: undefined status. */
const isVague = (status: string): boolean => status.endsWith(".0.0");

/** What the server said, if it says more and of the same class. */
const sharper = (written: string | undefined, quoted: string | undefined): string | undefined =>
  quoted !== undefined && (written === undefined || written[0] === quoted[0]) ? quoted : written;

/** RFC 3464 §2.3.3. One that is missing shows in the class of the status (RFC 3463 §2). */
const actionOf = (written: string | undefined, status: string | undefined): DsnAction | undefined => {
  const word = /^[a-z]+/i.exec(written ?? "")?.[0].toLowerCase();
  const action = DsnAction.safeParse(word);
  return action.success ? action.data : ACTION_OF_CLASS.get(status?.slice(0, 1) ?? "");
};

const ACTION_OF_CLASS: ReadonlyMap<string, DsnAction> = new Map([
  ["5", "failed"],
  ["4", "delayed"],
  ["2", "delivered"],
]);

/** `rfc822; a@example.com`: RFC 3464 §2.1.2. Without a type it is not of the grammar, and read all the same. */
const typed = (field: string | undefined): { type: string; value: string } | undefined => {
  if (field === undefined) return undefined;
  const [, type = "", value = field] = /^([\w-]{1,40})\s*;\s*(.*)$/.exec(field) ?? [];
  return value === "" ? undefined : { type: type.toLowerCase(), value };
};

const addressOf = (field: string | undefined): string | undefined => {
  const parsed = typed(field);
  if (!parsed) return undefined;
  const bare = parsed.value.replace(/^<(.*)>$/, "$1");
  const address = parsed.type === "utf-8" ? decodeUtf8Address(bare) : decodeXtext(bare);
  return address === "" ? undefined : address;
};

/**
 * RFC 3461 §4 xtext, as some leave it from ORCPT. Only the two characters that an address may have and xtext must
 * write: `bob+20@example.com` is an address like any other.
 */
const decodeXtext = (text: string): string => text.replaceAll("+2B", "+").replaceAll("+3D", "=");

/** RFC 6533 §3: `\x{5B89}`. Control characters and halves of pairs stay as they are written. */
const decodeUtf8Address = (text: string): string =>
  text.replaceAll(/\\x\{([0-9A-F]{2,6})\}/gi, (written, hex: string) => {
    const point = Number.parseInt(hex, 16);
    if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point > 0x10ffff) return written;
    const char = String.fromCodePoint(point);
    return char.isWellFormed() ? char : written;
  });
