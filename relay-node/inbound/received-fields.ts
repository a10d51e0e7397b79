/**
 * What the header of a received message and of its parts say: addresses and words for people, file names, encodings.
 *
 * postal-mime reads header blocks, never bodies: its work is bounded by what a block may have. Everything that comes
 * out is one line without control characters, within the bounds of the contract.
 */
import PostalMime, { type Address, type Email } from "postal-mime";
import { decoderOf } from "#contract/mime/transfer-decoding.ts";
import { ADDRESSES_LIMIT, type ReceivedBody, type ReceivedHead, type ReceivedPart } from "#contract/received.ts";
import { cleanText } from "./field-groups.ts";
import type { Leaf, Outline } from "./received-outline.ts";

export type ReceivedFields = Omit<ReceivedHead, "received_for" | "authentication"> & ReceivedBody;

const ADDRESS_LENGTH = 320;
const MESSAGE_ID_LENGTH = 500;
const NAME_LENGTH = 255;
const WORD_LENGTH = 100;
/** Between two looks at whatever else waits. */
const PIECE_BYTES = 1024 * 1024;

/** `outline` is of `bytes`; `shift`: octets that will stand before them where they are kept. */
export const readFields = async (bytes: Uint8Array, outline: Outline, shift: number): Promise<ReceivedFields> => {
  const top = await readHeader(outline.top);
  const fields: ReceivedFields = {
    from: addressesOf(top.from ? [top.from] : [])[0] ?? "",
    to: addressesOf(top.to),
    cc: addressesOf(top.cc),
    bcc: addressesOf(top.bcc),
    reply_to: addressesOf(top.replyTo),
    subject: cleanText(top.subject ?? ""),
    message_id: cut(top.messageId ?? "", MESSAGE_ID_LENGTH),
    headers: firstOfEach(top.headers),
    ...{ text: [], html: [], attachments: [] },
  };
  for (const leaf of outline.leaves) {
    const { kind, part } = await readPart(bytes, leaf);
    fields[kind].push({ ...part, start: leaf.start + shift, end: leaf.end + shift });
  }
  return fields;
};

/** A header alone, as a message without a body. */
const readHeader = async (header: Uint8Array): Promise<Email> => {
  try {
    // Reports and messages inside of messages are attachments, as they are.
    return await PostalMime.parse(header, { forceRfc822Attachments: true, maxRfc822NestingDepth: 0 });
  } catch {
    // It throws for what is beyond its limits.
    return { headers: [], headerLines: [], attachments: [] };
  }
};

type Kind = "text" | "html" | "attachments";

const readPart = async (bytes: Uint8Array, leaf: Leaf): Promise<{ kind: Kind; part: ReceivedPart }> => {
  // The blank line makes postal-mime see a part, not a message that ends in its header.
  const { headers, attachments } = await readHeader(Buffer.concat([leaf.header, Buffer.from("\r\n")]));
  const valueOf = (name: string): string => headers.find(({ key }) => key === name)?.value ?? "";
  const [attachment] = attachments;
  const typeField = valueOf("content-type");
  const type = attachment?.mimeType ?? (/^\s*text\/html\b/i.test(typeField) ? "text/html" : "text/plain");
  const encoding = encodingOf(valueOf("content-transfer-encoding"));
  const charset = /;\s*charset\s*=\s*"?([\w.:+-]{1,100})/i.exec(typeField)?.[1] ?? null;
  return {
    kind: attachment ? "attachments" : type === "text/html" ? "html" : "text",
    part: {
      type: cut(type, NAME_LENGTH),
      encoding,
      charset,
      filename: orNull(cut(attachment?.filename ?? "", NAME_LENGTH)),
      // RFC 2392 §2: without its brackets, as `cid:` has it.
      content_id: orNull(cut(attachment?.contentId?.replaceAll(/^\s*<|>\s*$/g, "") ?? "", NAME_LENGTH)),
      content_disposition: orNull(cut(attachment?.disposition ?? "", WORD_LENGTH)),
      ...{ start: leaf.start, end: leaf.end },
      size: await decodedSize(bytes.subarray(leaf.start, leaf.end), encoding),
    },
  };
};

const encodingOf = (field: string): ReceivedPart["encoding"] => {
  if (/\bbase64\b/i.test(field)) return "base64";
  return /\bquoted-printable\b/i.test(field) ? "quoted-printable" : "none";
};

const decodedSize = async (content: Uint8Array, encoding: ReceivedPart["encoding"]): Promise<number> => {
  if (encoding === "none") return content.length;
  const decoder = decoderOf(encoding);
  let size = 0;
  for (let at = 0; at < content.length; at += PIECE_BYTES) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    size += decoder.add(content.subarray(at, at + PIECE_BYTES)).length;
  }
  return size + decoder.end().length;
};

/** `Name <address>`, or the address; the members of groups stand alone. */
const addressesOf = (list: readonly Address[] | undefined): string[] =>
  (list ?? [])
    .flatMap((entry) => entry.group ?? [entry])
    .slice(0, ADDRESSES_LIMIT)
    .map(({ name, address }) => {
      const bare = cut(address, ADDRESS_LENGTH);
      const shown = cut(name, ADDRESS_LENGTH - '"" <>'.length);
      if (shown === "") return bare;
      return /^[\w .!#$%&'*+/=?^`{|}~-]+$/.test(shown)
        ? `${shown} <${bare}>`
        : `"${shown.replaceAll(/["\\]/g, "'")}" <${bare}>`;
    })
    .filter((text) => text !== "");

/** The first of each name: what stands on top was put there last (RFC 5321 §4.4). */
const firstOfEach = (headers: Email["headers"]): Record<string, string> => {
  const first = new Map<string, string>();
  for (const { key, value } of headers) {
    const name = cut(key, WORD_LENGTH);
    // RFC 5322 §2.2: what has another name is no field.
    if (/^[!-9;-~]+$/.test(name) && !first.has(name)) first.set(name, cleanText(value));
  }
  return Object.fromEntries(first);
};

const cut = (text: string, length: number): string => cleanText(text.slice(0, length)).slice(0, length).toWellFormed();
const orNull = (text: string): string | null => (text === "" ? null : text);
