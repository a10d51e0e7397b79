/**
 * Content transfer encodings (RFC 2045 §6): text becomes 7-bit lines of at most 76 characters, or of at most
 * 990 where it is plain ASCII anyway. Never 8bit: the bytes then pass every server, and the signature holds.
 */
const utf8 = new TextEncoder();

export type Encoded = { encoding: "7bit" | "quoted-printable" | "base64"; body: string | Uint8Array };

const LINE_LIMIT = 990;
const QP_LINE = 75;
const [CR, LF, SPACE, TAB, EQUALS] = [13, 10, 32, 9, 61];

/** Encodes text; its line ends become CRLF, and it ends with one. */
export const encodeText = (text: string): Encoded => {
  const lines = toCrlf(text);
  const bytes = utf8.encode(lines);
  const { plain, special } = survey(bytes);
  // A line that looks like one of our boundaries must not stand in the clear, nor one that mail stores change.
  if (plain && !lines.includes("--=_") && !lines.startsWith("From ") && !lines.includes("\nFrom "))
    return { encoding: "7bit", body: bytes };
  // Quoted-printable costs two more bytes each special one, base64 a third of all.
  if (special * 2 <= bytes.length / 3) return { encoding: "quoted-printable", body: quotedPrintable(bytes) };
  return { encoding: "base64", body: wrapBase64(base64(bytes)) };
};

/** Base64 text in lines of 76 (RFC 2045 §6.8), without decoding it. Throws when it is not: it could hold a boundary. */
export const wrapBase64 = (text: string): string => {
  if (/[^A-Za-z0-9+/=]/.test(text)) throw new Error("an attachment is not base64");
  const lines: string[] = [];
  for (let start = 0; start < text.length; start += 76) lines.push(text.slice(start, start + 76));
  return `${lines.join("\r\n")}\r\n`;
};

/** All of CRLF, CR and LF become CRLF; text that has only CRLF is returned as it is. */
const toCrlf = (text: string): string => {
  const bare = text.includes("\n") || text.includes("\r");
  const lines = bare ? text.replaceAll(/\r\n|\r|\n/g, "\r\n") : text;
  return lines.endsWith("\r\n") ? lines : `${lines}\r\n`;
};

/** Whether the bytes may stand as they are, and how many of them quoted-printable would have to write as `=XX`. */
const survey = (bytes: Uint8Array): { plain: boolean; special: number } => {
  let special = 0;
  let equals = 0;
  let lineLength = 0;
  let longest = 0;
  for (const byte of bytes) {
    if (byte === LF) lineLength = 0;
    else if (++lineLength > longest) longest = lineLength;
    if (byte > 126 || (byte < SPACE && byte !== TAB && byte !== CR && byte !== LF)) special += 1;
    else if (byte === EQUALS) equals += 1;
  }
  return { plain: special === 0 && longest <= LINE_LIMIT, special: special + equals };
};

const HEX = utf8.encode("0123456789ABCDEF");

/** RFC 2045 §6.7; `bytes` has CRLF line ends only. */
const quotedPrintable = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(bytes.length * 3 + Math.ceil((bytes.length * 3) / (QP_LINE - 2)) * 3);
  let length = 0;
  let lineStart = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === CR && bytes[i + 1] === LF) {
      out[length++] = CR;
      out[length++] = LF;
      lineStart = length;
      i += 1;
      continue;
    }
    const atLineEnd = bytes[i + 1] === CR && bytes[i + 2] === LF;
    const blank = byte === SPACE || byte === TAB;
    // White space at the end of a line would be lost on the way: rule 3.
    const literal = blank ? !atLineEnd : byte > SPACE && byte < 127 && byte !== EQUALS && !isFromLine(bytes, i);
    if (length - lineStart + (literal ? 1 : 3) > QP_LINE) {
      out[length++] = EQUALS;
      out[length++] = CR;
      out[length++] = LF;
      lineStart = length;
    }
    if (literal) out[length++] = byte;
    else {
      out[length++] = EQUALS;
      out[length++] = HEX[byte >> 4] ?? 0;
      out[length++] = HEX[byte & 15] ?? 0;
    }
  }
  return out.subarray(0, length);
};

/** `From ` at the start of a line becomes `>From ` in mbox stores, which breaks signatures (RFC 4155). */
const isFromLine = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 70 &&
  (at === 0 || bytes[at - 1] === LF) &&
  bytes[at + 1] === 114 &&
  bytes[at + 2] === 111 &&
  bytes[at + 3] === 109 &&
  bytes[at + 4] === SPACE;

const base64 = (bytes: Uint8Array): string => {
  let binary = "";
  for (let start = 0; start < bytes.length; start += 0x2000)
    binary += String.fromCharCode(...bytes.subarray(start, start + 0x2000));
  return btoa(binary);
};
