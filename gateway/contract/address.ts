/**
 * Mailboxes as API users write them: `a@b.c`, `Name <a@b.c>`, `"Last, First" <a@b.c>`, with any letters of the world.
 *
 * What passes is one mailbox, fit for an envelope and a header: no line breaks, the domain in A-labels, lengths
 * within RFC 5321 §4.5.3.1. However it is written, it comes out in one spelling, or suppressions and duplicates would be
 * missed. Refused, because nobody means them here: groups, comments, lists, address literals.
 */
import { parseDomain } from "#dns/domain.ts";

export type Mailbox = {
  /** Display name as text, without quotes; empty when there is none. */
  name: string;
  local: string;
  /** A-labels, lower case. */
  domain: string;
  /** `local@domain`, as the envelope has it. */
  address: string;
  /** The local part has letters beyond ASCII: only SMTPUTF8 servers can take it (RFC 6531). */
  utf8: boolean;
};

export type MailboxResult = { kind: "mailbox"; mailbox: Mailbox } | { kind: "invalid"; reason: string };

/** RFC 5321 §4.5.3.1.1 and §4.5.3.1.3 (256 with the angle brackets). */
const LOCAL_OCTETS = 64;
const ADDRESS_OCTETS = 254;
const NAME_LENGTH = 500;
/** Longer texts are refused unread: matched against the expressions below, megabytes would overflow the stack. */
const TEXT_LENGTH = 2000;

/** RFC 5322 §3.2.3 dot-atom, with the UTF-8 that RFC 6532 §3.2 adds. */
const DOT_ATOM =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+)*$/u;
/** Spaces beyond ASCII come from copying, and would make a mail undeliverable. */
const FOREIGN_SPACE = /[^\P{Z} ]/u;
/** RFC 5321 §4.1.2 Quoted-string. */
const QUOTED_LOCAL = /^"([\x20-\x21\x23-\x5b\x5d-\x7e\u0080-\u{10ffff}]|\\[\x20-\x7e])*"$/u;
const FORM = "it must be `email@example.com` or `Name <email@example.com>`";

const invalid = (reason: string): MailboxResult => ({ kind: "invalid", reason });

export const parseMailbox = (text: string): MailboxResult => {
  if (text.length > TEXT_LENGTH) return invalid(`it is longer than ${TEXT_LENGTH} characters`);
  if (hasControl(text)) return invalid("it has line breaks or control characters");
  const trimmed = text.trim();
  if (!trimmed.endsWith(">")) return parseAddress("", trimmed);
  const open = trimmed.lastIndexOf("<");
  if (open < 0) return invalid(FORM);
  const name = parseName(trimmed.slice(0, open).trim());
  if (name === undefined || name.length > NAME_LENGTH)
    return invalid(`the name before the address is not readable; ${FORM}`);
  return parseAddress(name, trimmed.slice(open + 1, -1).trim());
};

/** A bare word or a quoted string; `undefined` when it is neither. */
const parseName = (written: string): string | undefined => {
  if (written.startsWith('"')) {
    if (written.length < 2 || !written.endsWith('"')) return undefined;
    const inner = written.slice(1, -1);
    // Every quote inside must be escaped.
    return /^([^"\\]|\\.)*$/u.test(inner) ? inner.replaceAll(/\\(.)/gu, "$1") : undefined;
  }
  // People write commas, dots and the like in bare names; what would change the meaning of the whole is refused.
  // An address and a comma is a list: taken for a name, the mail of its first would be lost in silence.
  if (written.includes("@") && /[,;]/.test(written)) return undefined;
  return /[<>"]/.test(written) ? undefined : written;
};

const parseAddress = (name: string, address: string): MailboxResult => {
  const at = address.lastIndexOf("@");
  if (at < 1) return invalid(FORM);
  const local = parseLocal(address.slice(0, at));
  const domain = parseDomain(address.slice(at + 1));
  if (domain.kind === "invalid") return invalid(`the part after the @ is not a domain name; ${FORM}`);
  if (local === undefined) return invalid(`the part before the @ is not valid; ${FORM}`);
  const utf8 = !isAscii(local);
  const whole = `${local}@${domain.domain}`;
  if (octets(local) > LOCAL_OCTETS) return invalid(`the part before the @ is longer than ${LOCAL_OCTETS} octets`);
  if (octets(whole) > ADDRESS_OCTETS) return invalid(`the address is longer than ${ADDRESS_OCTETS} octets`);
  return { kind: "mailbox", mailbox: { name, local, domain: domain.domain, address: whole, utf8 } };
};

/**
 * `"bob"` and `"b\ob"` are `bob` (RFC 5321 §4.1.2); letters are composed (RFC 6532 §3.1). Quotes that are needed stay,
 * with nothing escaped inside that need not be.
 */
const parseLocal = (written: string): string | undefined => {
  const isQuoted = QUOTED_LOCAL.test(written);
  // First unquoted: composed with its mark, an escaped letter would be beyond what a backslash may stand before.
  const text = (isQuoted ? written.slice(1, -1).replaceAll(/\\(.)/gu, "$1") : written).normalize("NFC");
  if (FOREIGN_SPACE.test(text)) return undefined;
  if (DOT_ATOM.test(text)) return text;
  return isQuoted ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : undefined;
};

const hasControl = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || unit === 0x7f || (unit >= 0x80 && unit < 0xa0) || unit === 0x2028 || unit === 0x2029)
      return true;
  }
  // A lone surrogate is no character: it would not survive UTF-8.
  return !text.isWellFormed();
};

const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
};

const octets = (text: string): number => (isAscii(text) ? text.length : new TextEncoder().encode(text).length);
