/**
 * A mail that came in, opened as far as a report needs it: header fields, the words for people, the parts.
 *
 * Invariant: whatever the bytes are, the work is bounded. Only the head of a mail is opened (reports stand before the
 * message they return), to a depth and a number of parts; the message inside is never parsed, so a bounce that was
 * forwarded is not a bounce. A mail beyond the bounds is `undefined`. It does not ask what the mail means.
 */
import PostalMime, { type Attachment, type Email } from "postal-mime";
import { cleanText } from "./field-groups.ts";
import { htmlText } from "./html-text.ts";

export type MailPart = { type: string; text: string };

export type InboundMail = {
  /** The envelope sender; empty: `<>`. */
  mailFrom: string;
  /** The first field of each lower-case name, unfolded. */
  headers: ReadonlyMap<string, string>;
  subject: string;
  /** The address in From, lower case; empty when there is none. */
  from: string;
  /** `multipart/report`; of the whole mail. */
  type: string;
  /** RFC 6522 §3. */
  reportType: string | undefined;
  /** What people read; of HTML its text. */
  text: string;
  /** All but what people read, in their order. */
  parts: readonly MailPart[];
};

/** Reports have some 10 KiB before the message they return, Exchange's HTML perhaps 60. */
const HEAD_BYTES = 128 * 1024;
const HEADER_BYTES = 64 * 1024;
/** postal-mime keeps each line by itself: 128 KiB of line feeds cost it five seconds, this many a tenth of one. */
const HEAD_LINES = 3000;
/** Lines that may be boundaries (RFC 2046 §5.1.1); a report has three parts. */
const BOUNDARY_LINES = 300;
const DEPTH = 10;
const TEXT_LIMIT = 64 * 1024;

export const openMail = async (bytes: Uint8Array, mailFrom: string): Promise<InboundMail | undefined> => {
  let email: Email;
  try {
    email = await PostalMime.parse(headOf(bytes), {
      maxRfc822NestingDepth: 0,
      maxNestingDepth: DEPTH,
      maxHeadersSize: HEADER_BYTES,
    });
  } catch {
    // It throws for what is beyond its limits, with nothing but words to tell that from anything else.
    return undefined;
  }
  const headers = new Map<string, string>();
  for (const { key, value } of email.headers) if (!headers.has(key)) headers.set(key, cleanText(value));
  const contentType = headers.get("content-type") ?? "";
  return {
    mailFrom,
    headers,
    subject: cleanText(email.subject ?? ""),
    from: cleanText(email.from?.address ?? "").toLowerCase(),
    type: /^[\w.+-]+\/[\w.+-]+/.exec(contentType)?.[0].toLowerCase() ?? "text/plain",
    reportType: /;\s*report-type\s*=\s*"?([\w-]+)/i.exec(contentType)?.[1]?.toLowerCase(),
    text: (email.text ?? htmlText(email.html ?? "")).slice(0, TEXT_LIMIT).replaceAll("\r\n", "\n"),
    parts: email.attachments.map(toPart),
  };
};

/** The bytes up to the first bound. A multipart that ends early is read as far as it goes. */
const headOf = (bytes: Uint8Array): Uint8Array => {
  const head = bytes.subarray(0, HEAD_BYTES);
  let boundaries = 0;
  let at = -1;
  for (let lines = 0; lines < HEAD_LINES && boundaries < BOUNDARY_LINES; lines++) {
    at = head.indexOf(LF, at + 1);
    if (at < 0) return head;
    if (head[at + 1] === HYPHEN && head[at + 2] === HYPHEN) boundaries += 1;
  }
  return head.subarray(0, at);
};

const LF = 0x0a;
const HYPHEN = 0x2d;

const utf8 = new TextDecoder();

/** Reports are ASCII, or UTF-8 (RFC 6533 §3). */
const toPart = ({ mimeType, content }: Attachment): MailPart => ({
  type: mimeType.toLowerCase(),
  text: typeof content === "string" ? content : utf8.decode(content),
});

/** The local part of whoever writes in the name of a mail system. */
const MACHINE =
  /^(?:mailer-daemon|mail-daemon|mdaemon|postmaster|mail\.?delivery|microsoftexchange[0-9a-f]{32})(?:[+@]|$)/;

/** Null sender, or the name of a mail system: what every bounce has, and no letter of a person (RFC 3464 §2). */
export const isFromMachine = ({ mailFrom, from }: InboundMail): boolean =>
  mailFrom === "" || MACHINE.test(mailFrom.toLowerCase()) || MACHINE.test(from);
