/**
 * A plan as lines of a zone file (RFC 1035 §5), and the text of records in that form, which other exports build on.
 *
 * Whatever octets a record holds, its text is printable ASCII on one line, so that it may stand in any file's comments
 * too. Names are whole, so the lines go into any zone that they belong to; what is to be deleted stands in comments.
 */
import { isEdit, type Change, type Edit, type MailRecord } from "../zone.ts";

/** The TTL of what is published: an hour, so that a mistake does not last. */
export const PUBLISHED_TTL_SECONDS = 3600;

/** One string of a TXT record without quotes around it: `decimal` as in zone files, `octal` as Route 53 has it. */
export const escapeOctets = (octets: Uint8Array, base: "decimal" | "octal" = "decimal"): string =>
  Array.from(octets, (octet) => {
    const character = String.fromCharCode(octet);
    if (character === '"' || character === "\\") return `\\${character}`;
    // RFC 1035 §5.1: `\DDD`, three digits.
    return octet >= 0x20 && octet <= 0x7e
      ? character
      : `\\${octet.toString(base === "octal" ? 8 : 10).padStart(3, "0")}`;
  }).join("");

/** A text from elsewhere on one line. */
const escapeText = (text: string): string => escapeOctets(new TextEncoder().encode(text));

/** A name with the dot at its end; characters that mean something in a zone file are escaped. */
export const formatName = (name: string): string => {
  const escaped = name.replaceAll(/[^A-Za-z0-9._*-]+/g, (others) =>
    Array.from(new TextEncoder().encode(others), (octet) => `\\${String(octet).padStart(3, "0")}`).join(""),
  );
  return escaped.endsWith(".") ? escaped : `${escaped}.`;
};

/** A name as it stands in the file of a domain's zone; `apex` for the domain itself. */
export const relativeName = (name: string, domain: string, apex: string): string =>
  name === domain ? apex : name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : `${name}.`;

/** What stands behind the type: `10 mail.example.`, `"v=spf1 " "-all"`. */
export const formatData = (record: MailRecord): string => {
  switch (record.type) {
    case "CNAME":
      return formatName(record.data);
    case "MX":
      return `${record.data.preference} ${formatName(record.data.exchange)}`;
    case "TXT":
      return record.data.map((octets) => `"${escapeOctets(octets)}"`).join(" ");
  }
};

/** A record without its TTL. */
export const formatRecord = (record: MailRecord): string =>
  `${formatName(record.name)} IN ${record.type} ${formatData(record)}`;

/** For comments, a line each: what an edit takes away. */
export const formatRemovals = (edit: Edit): string[] => (edit.kind === "replace" ? edit.from.map(formatRecord) : []);
/** For comments, a line each: what an export lacks, and what stays broken beside it. */
export const formatNotes = (changes: readonly Change[]): string[] =>
  changes.flatMap((change) => {
    switch (change.kind) {
      case "unknown":
        return [`Not known, so left out: ${change.type} of ${formatName(change.name)} (${escapeText(change.reason)})`];
      case "conflict":
        return [`Conflict, so left out: ${change.type} of ${formatName(change.name)} (${escapeText(change.text)})`];
      case "keep":
      case "add":
      case "replace":
        return change.caution === undefined ? [] : [`Caution: ${escapeText(change.caution)}`];
    }
  });

/** The records to put into the zone. */
export const formatZoneFile = (changes: readonly Change[]): string => {
  const lines = changes
    .filter(isEdit)
    .flatMap((edit) => [
      ...formatRemovals(edit).map((removal) => `; Delete: ${removal}`),
      `${formatName(edit.to.name)} ${PUBLISHED_TTL_SECONDS} IN ${edit.to.type} ${formatData(edit.to)}`,
    ]);
  return [...lines, ...formatNotes(changes).map((note) => `; ${note}`)].map((line) => `${line}\n`).join("");
};
