/**
 * Header fields as text: what may be in them, and how it is written so that it survives every relay.
 *
 * Invariant: nothing that passes `isSafeHeaderValue` can end a header, and no line written here is beyond
 * 76 characters but for a single word that cannot be broken, itself under 998 (RFC 5322 §2.1.1).
 */
import type { Mailbox } from "./address.ts";

/** Fields that the service itself writes, or that would lie about the message: customers may not set them. */
const RESERVED = new Set(
  `from to cc bcc subject date message-id reply-to return-path received mime-version dkim-signature
  authentication-results received-spf delivered-to arc-seal arc-message-signature arc-authentication-results`.split(
    /\s+/,
  ),
);

const LINE_LENGTH = 76;
/** A word longer than this goes as encoded words, which can be broken. */
const WORD_LENGTH = 900;
const QUOTED_LENGTH = 200;
/** Bytes in one encoded word: `=?UTF-8?B?` and `?=` leave 63 of 75 characters (RFC 2047 §2). */
const ENCODED_BYTES = 45;
/** Behind it a line has no room for one character in an encoded word. */
const LONGEST_COLUMN = LINE_LENGTH - 12 - 8;
const utf8 = new TextEncoder();

export const isReservedHeader = (name: string): boolean => {
  const lower = name.toLowerCase();
  return RESERVED.has(lower) || lower.startsWith("content-") || lower.startsWith("resent-");
};

/** RFC 5322 §2.2: printable ASCII but the colon. */
export const isSafeHeaderName = (name: string): boolean => /^[\x21-\x39\x3b-\x7e]{1,76}$/.test(name);

/** No line break, no control character but the tab, no half of a surrogate pair. */
export const isSafeHeaderValue = (value: string): boolean => {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if ((unit < 0x20 && unit !== 0x09) || unit === 0x7f || unit === 0x85 || unit === 0x2028 || unit === 0x2029)
      return false;
  }
  return value.isWellFormed();
};

/** What may stand between the angle brackets of Content-ID: printable ASCII, no space (RFC 2392 §2). */
export const isSafeContentId = (id: string): boolean => /^[\x21-\x3b\x3d\x3f-\x7e]{1,255}$/.test(id);

/** An unstructured field (RFC 5322 §2.2.1), with its line end. */
export const unstructuredField = (name: string, value: string): string => {
  assertSafe(name, value);
  if (value === "") return `${name}:\r\n`;
  if (!isPlain(value)) return `${name}: ${encodedWords(value, name.length + 2)}\r\n`;
  return `${fold(`${name}: ${value}`)}\r\n`;
};

/** A field of mailboxes (RFC 5322 §3.6.3), broken after commas. */
export const mailboxField = (name: string, mailboxes: readonly Mailbox[]): string => {
  let text = `${name}:`;
  let lineLength = text.length;
  for (const [index, mailbox] of mailboxes.entries()) {
    const written = formatMailbox(mailbox, index === 0 ? name.length + 2 : 1);
    const comma = index < mailboxes.length - 1 ? "," : "";
    const firstLine = written.indexOf("\r\n");
    const head = firstLine < 0 ? written.length : firstLine;
    if (lineLength + 1 + head + comma.length > LINE_LENGTH && lineLength > name.length + 1) {
      text += "\r\n";
      lineLength = 0;
    }
    text += ` ${written}${comma}`;
    lineLength =
      firstLine < 0 ? lineLength + 1 + written.length + comma.length : written.length - written.lastIndexOf("\r\n");
  }
  return `${text}\r\n`;
};

/** `Name <local@domain>`; names beyond ASCII become encoded words, which may hold a line break of their own. */
export const formatMailbox = ({ name, address }: Mailbox, column = 0): string => {
  assertSafe("mailbox", name + address);
  if (name === "") return address;
  const phrase = formatPhrase(name, column);
  const lineEnd = phrase.lastIndexOf("\r\n");
  const lastLine = lineEnd < 0 ? column + phrase.length : phrase.length - lineEnd - 2;
  const broken = phrase.startsWith("=?") && lastLine + address.length + 4 > LINE_LENGTH;
  return `${phrase}${broken ? "\r\n " : " "}<${address}>`;
};

const formatPhrase = (name: string, column: number): string => {
  // A quoted string cannot be broken: long ones go as encoded words, which can.
  if (!isPlain(name) || name.length > QUOTED_LENGTH) return encodedWords(name, column);
  if (/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+$/.test(name)) return name;
  return `"${name.replaceAll(/["\\]/g, "\\$&")}"`;
};

/** A parameter such as `filename`, each piece on a line of its own when it needs RFC 2231; starts with `;`. */
export const parameter = (name: string, value: string): string => {
  assertSafe(name, value);
  if (isPlain(value) && value.length <= 60) return `;\r\n ${name}="${value.replaceAll(/["\\]/g, "\\$&")}"`;
  // RFC 2231 §4: percent-encoded, §3: continued in numbered pieces.
  let pieces = "";
  let piece = "UTF-8''";
  let number = 0;
  const flush = (): void => {
    pieces += `;\r\n ${name}*${number}*=${piece}`;
    number += 1;
    piece = "";
  };
  for (const byte of utf8.encode(value)) {
    const char = String.fromCharCode(byte);
    piece += /[A-Za-z0-9._-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    if (piece.length > 50) flush();
  }
  if (piece !== "") flush();
  return pieces;
};

/** Whether text can stand as it is: printable ASCII that no decoder takes for something else and no folding changes. */
const isPlain = (value: string): boolean => {
  let wordLength = 0;
  let before = 0x20;
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if (unit < 0x20 || unit > 0x7e) return false;
    if (unit === 0x20 && before === 0x20) return false;
    if (unit === 0x3f && before === 0x3d) return false; // "=?" opens an encoded word
    wordLength = unit === 0x20 ? 0 : wordLength + 1;
    if (wordLength > WORD_LENGTH) return false;
    before = unit;
  }
  return before !== 0x20;
};

/** RFC 2047 §2: lines with encoded words have at most 76 characters; the first begins at `column`. As many words as are needed, on lines of their own, none of them cutting a character. */
const encodedWords = (value: string, column: number): string => {
  // A name so long leaves no room for a word behind it; an empty word is none (RFC 2047 §2).
  if (column > LONGEST_COLUMN) return `\r\n ${encodedWords(value, 1)}`;
  const words: string[] = [];
  let word = "";
  let bytes = 0;
  for (const char of value) {
    const size = utf8Length(char);
    const room = words.length > 0 ? ENCODED_BYTES : Math.floor((LINE_LENGTH - 12 - column) / 4) * 3;
    if (bytes + size > Math.min(ENCODED_BYTES, room)) {
      words.push(word);
      word = "";
      bytes = 0;
    }
    word += char;
    bytes += size;
  }
  words.push(word);
  return words.map((part) => `=?UTF-8?B?${base64Of(part)}?=`).join("\r\n ");
};

const utf8Length = (char: string): number => {
  const point = char.codePointAt(0) ?? 0;
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
};

const base64Of = (text: string): string => btoa(String.fromCharCode(...utf8.encode(text)));

/** Breaks before a space that a word follows (RFC 5322 §2.2.3). */
const fold = (line: string): string => {
  const afterName = line.indexOf(":") + 1;
  let folded = "";
  let start = 0;
  while (line.length - start > LINE_LENGTH) {
    let cut = line.lastIndexOf(" ", start + LINE_LENGTH);
    // The space after the field's name is no place to break: it would leave a line with a name alone.
    if (cut <= start || cut === afterName) cut = line.indexOf(" ", start + LINE_LENGTH);
    if (cut < 0) break;
    folded += `${line.slice(start, cut)}\r\n`;
    start = cut;
  }
  return folded + line.slice(start);
};

/** The API has refused these long before; if one comes here it is a bug, and no mail may carry it. */
const assertSafe = (name: string, value: string): void => {
  if (!isSafeHeaderName(name) || !isSafeHeaderValue(value))
    throw new Error(`unsafe text for the header ${JSON.stringify(name)}`);
};
