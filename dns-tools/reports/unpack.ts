/**
 * The XML inside of what reports come in: gzip, zip, a whole mail, or nothing at all (RFC 9990 §3.5.2).
 *
 * What it is shows in its first octets; names and media types lie. Inflating stops at the limit, so a bomb fills nothing,
 * and an archive within an archive is refused. Of a zip or a mail the first part that can be a report is taken.
 */
import { Gunzip, Unzip, UnzipInflate } from "fflate";
import PostalMime from "postal-mime";
import { crc32 } from "./crc32.ts";

export type Refusal = {
  kind: "refused";
  problem: "empty" | "too-large" | "unknown-format" | "damaged" | "no-report-inside" | "nested" | "malformed";
  /** A sentence without its subject: `is empty`. */
  text: string;
};
export type Unpacked = { kind: "xml"; text: string } | Refusal;

export const refused = (problem: Refusal["problem"], text: string): Refusal => ({ kind: "refused", problem, text });

type Format = "gzip" | "zip" | "xml" | "mail";

const formatOf = (bytes: Uint8Array): Format | undefined => {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  if (bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4) return "zip";
  const head = new TextDecoder().decode(bytes.subarray(0, 1_000));
  if (/^[\s\0]*</.test(head)) return "xml";
  return /^\s*(From .*\r?\n)?[!-9;-~]+:[ \t]*\S/.test(head) ? "mail" : undefined;
};

/** `mostBytes` is of the XML. */
export const unpack = async (bytes: Uint8Array, mostBytes: number): Promise<Unpacked> => {
  if (bytes.length === 0) return refused("empty", "is empty");
  const format = formatOf(bytes);
  if (format !== "mail") return unpackPart(bytes, format, mostBytes);
  const [part] = await partsOfMail(bytes);
  if (part === undefined) return refused("no-report-inside", "is a mail without a report attached");
  return unpackPart(part, formatOf(part), mostBytes);
};

const unpackPart = (bytes: Uint8Array, format: Format | undefined, mostBytes: number): Unpacked => {
  switch (format) {
    case "gzip":
      return textOf(inflateGzip(bytes, mostBytes), mostBytes);
    case "zip":
      return textOf(inflateZip(bytes, mostBytes), mostBytes);
    case "xml":
      return textOf({ kind: "bytes", bytes }, mostBytes);
    case "mail":
    case undefined:
      return refused("unknown-format", "is neither XML nor gzip, zip or a mail with one of them");
  }
};

type Inflated = { kind: "bytes"; bytes: Uint8Array } | Refusal;

const textOf = (inflated: Inflated, mostBytes: number): Unpacked => {
  if (inflated.kind === "refused") return inflated;
  const { bytes } = inflated;
  if (bytes.length > mostBytes) return tooLarge;
  if (bytes.length === 0) return refused("empty", "has nothing inside");
  const format = formatOf(bytes);
  if (format === "gzip" || format === "zip") return refused("nested", "is an archive within an archive");
  if (format !== "xml") return refused("no-report-inside", "has something else than XML inside");
  return { kind: "xml", text: new TextDecoder().decode(bytes) };
};

const tooLarge = refused("too-large", "is larger inside than what can be read at once");
const damaged = refused("damaged", "is damaged or cut off: fetch it again");

/**
 * Deflate grows a thousandfold at most, so a step makes no more than 4 MB. `DecompressionStream` is no choice: that of
 * workerd inflates all it was given, whether or not anybody reads.
 */
const STEP_BYTES = 4_096;

const inflateGzip = (bytes: Uint8Array, mostBytes: number): Inflated => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const gunzip = new Gunzip((chunk) => {
    chunks.push(chunk);
    length += chunk.length;
  });
  try {
    for (let at = 0; at < bytes.length && length <= mostBytes; at += STEP_BYTES)
      gunzip.push(bytes.subarray(at, at + STEP_BYTES), at + STEP_BYTES >= bytes.length);
  } catch {
    return damaged;
  }
  if (length > mostBytes) return tooLarge;
  const whole = joined(chunks, length);
  // RFC 1952 §2.3.1: the CRC of the one member stands eight octets before the end.
  const trailer = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isWhole = bytes.length >= 18 && trailer.getUint32(bytes.length - 8, true) === crc32(whole);
  return isWhole ? { kind: "bytes", bytes: whole } : damaged;
};

/** The sizes that a zip declares are not looked at: they may lie. */
const inflateZip = (bytes: Uint8Array, mostBytes: number): Inflated => {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let found = false;
  let end: "finished" | "failed" | undefined;
  const unzip = new Unzip((file) => {
    if (found || !/\.xml$/i.test(file.name)) return;
    found = true;
    file.ondata = (error, chunk, final) => {
      if (error !== null) end = "failed";
      else {
        chunks.push(chunk);
        length += chunk.length;
        if (final) end ??= "finished";
      }
    };
    file.start();
  });
  unzip.register(UnzipInflate);
  try {
    for (let at = 0; at < bytes.length && end === undefined && length <= mostBytes; at += STEP_BYTES)
      unzip.push(bytes.subarray(at, at + STEP_BYTES), at + STEP_BYTES >= bytes.length);
  } catch {
    return damaged;
  }
  if (length > mostBytes) return tooLarge;
  if (!found) return refused("no-report-inside", "is a zip without an .xml file");
  return end === "finished" ? { kind: "bytes", bytes: joined(chunks, length) } : damaged;
};

const joined = (chunks: readonly Uint8Array[], length: number): Uint8Array => {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
};

/** Attachments that can be a report, in their order. */
const partsOfMail = async (bytes: Uint8Array): Promise<Uint8Array[]> => {
  try {
    const { attachments } = await PostalMime.parse(bytes, { attachmentEncoding: "arraybuffer", maxNestingDepth: 20 });
    return attachments
      .map(({ content }) => (typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content)))
      .filter((content) => ["gzip", "zip", "xml"].includes(formatOf(content) ?? ""));
  } catch {
    // It throws on what is nested too deep.
    return [];
  }
};
