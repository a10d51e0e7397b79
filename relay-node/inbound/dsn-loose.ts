/**
 * Bounces in the words of mail systems that send no RFC 3464 report.
 *
 * Only a machine's mail in a format of the table counts. The recipients are the addresses that begin a line of the
 * report, each with the words up to the next; the codes are sought in these words. What has no code keeps none, so
 * that `bounce-type.ts` calls it undetermined unless the words are plain. It reads no further than the report.
 */
import { type BouncedRecipient, type InboundBounce, REPORT_LIST_LIMIT } from "#contract/inbound.ts";
import { cleanText } from "./field-groups.ts";
import { type InboundMail, isFromMachine } from "./inbound-mail.ts";
import { recognise } from "./loose-formats.ts";
import { originalHeaders, quotedHeaders } from "./original-headers.ts";
import { findStatus } from "./quoted-status.ts";

const REPORT_LENGTH = 16_000;
const LINES_LIMIT = 500;
const LINE_LENGTH = 2000;

export const readLooseBounce = (mail: InboundMail): InboundBounce | undefined => {
  // RFC 2369 §3.2: no bounce can be unsubscribed from, a newsletter with a null sender can.
  const isBulk = mail.headers.has("list-unsubscribe") || mail.headers.has("list-id");
  const recognised = isFromMachine(mail) && !isBulk ? recognise(mail) : undefined;
  if (!recognised) return undefined;
  const { format, start } = recognised;
  const { report, rest } = cutReport(mail.text.slice(start));
  const named = addressesIn(mail.headers.get("x-failed-recipients") ?? "");
  const failures = named.length > 0 ? sortByAddress(named, report) : readFailures(report);
  const recipients = failures.map(({ address, words }): BouncedRecipient => {
    const found = findStatus(words);
    // A report on one address may have said why before it named it.
    const { status, code } = failures.length === 1 && Object.keys(found).length === 0 ? findStatus(report) : found;
    const diagnostic = cleanText(failures.length === 1 && words.trim() === "" ? report : words);
    return {
      action: format.action,
      ...(address === undefined ? {} : { final_recipient: address }),
      ...(status === undefined ? {} : { status }),
      ...(code === undefined ? {} : { code }),
      ...(diagnostic === "" ? {} : { diagnostic }),
    };
  });
  const original_headers = { ...quotedHeaders(rest), ...originalHeaders(mail.parts) };
  return { kind: "bounce", format: format.name, recipients, original_headers };
};

/** Where the returned message begins: what follows are its own addresses and words. */
const RETURNED =
  /^[ \t>]*(?:-{2,} ?(?:below this line is a copy|this is a copy of|(?:the )?original message|message header|forwarded message|included is a copy|unsent message|returned message|header of the original|the header of the)|original message headers?:?|message headers? follows?|below is (?:a copy|the (?:header|message))|the (?:header|text) of the original message|received: |return-path: |dkim-signature: )/im;

const cutReport = (text: string): { report: string; rest: string } => {
  const end = RETURNED.exec(text)?.index ?? text.length;
  return { report: text.slice(0, Math.min(end, REPORT_LENGTH)), rest: text.slice(end) };
};

type Failure = { address: string | undefined; words: string };

const LOCAL = String.raw`[^\s"'<>()[\],;:@\\]{1,64}`;
const DOMAIN = String.raw`[\p{L}\p{N}][\p{L}\p{N}.-]{0,250}[\p{L}\p{N}]`;
const ADDRESS = new RegExp(`${LOCAL}@${DOMAIN}`, "gu");
/** An address that begins a line, in whatever brackets, and the rest of the line. */
const ADDRESS_LINE = new RegExp(String.raw`^[\s"'<*•-]{0,40}(${LOCAL}@${DOMAIN})(?=$|[\s>"':,;.(<])(.*)$`, "u");
/** `couldn't be delivered to bob@example.com`, where no line begins with an address. */
const IN_PROSE = new RegExp(
  String.raw`(?:deliver(?:ed|y)?(?: your (?:message|mail))? to|unknown user ?:|user ?:|message to|failed address:|recipient:?)[ \t]{1,4}["'<]?(${LOCAL}@${DOMAIN})`,
  "iu",
);

const addressesIn = (text: string): string[] =>
  Array.from(new Set(text.match(ADDRESS) ?? [])).slice(0, REPORT_LIST_LIMIT);

/** Addresses in their order, each with the words behind it; one that is named again adds to its words. */
const readFailures = (report: string): Failure[] => {
  const words = new Map<string, string>();
  let current: string | undefined;
  for (const line of report.split("\n", LINES_LIMIT)) {
    const [, address, rest = ""] = ADDRESS_LINE.exec(line.slice(0, LINE_LENGTH)) ?? [];
    if (address !== undefined) current = address;
    if (current === undefined || (!words.has(current) && words.size >= REPORT_LIST_LIMIT)) continue;
    words.set(
      current,
      `${words.get(current) ?? ""}${address === undefined ? line.slice(0, LINE_LENGTH) : afterAddress(rest)}\n`,
    );
  }
  if (words.size > 0) return Array.from(words, ([address, text]) => ({ address, words: text }));
  return [{ address: IN_PROSE.exec(report)?.[1], words: report }];
};

/** `<mailto:bob@example.com>` and closing brackets say nothing. */
const afterAddress = (rest: string): string => rest.replace(/^(?:<mailto:[^>]*>|[>"':,;.\s])+/, "");

/** The addresses that a header names, with the words that the report has for each. */
const sortByAddress = (addresses: readonly string[], report: string): Failure[] => {
  const failures = new Map(readFailures(report).map(({ address = "", words }) => [address.toLowerCase(), words]));
  return addresses.map((address) => ({
    address,
    words: failures.get(address.toLowerCase()) ?? (addresses.length === 1 ? report : ""),
  }));
};
