/**
 * A strict reader of zone files (RFC 1035 §5.1), and the edits whose zone files are read back: random names, and texts
 * of any octets.
 */
import fc from "fast-check";
import type { Edit, MailRecord } from "#dns/zone.ts";

export type Read = { name: string; ttlSeconds: number; type: string; data: (string | number[])[] };

/** Strings as octets, words as they are. Nothing but spaces and tabs between them, nothing unquoted that is special. */
const readLine = (line: string): Read => {
  const [, name = "", ttl = "", type = "", rest = ""] =
    /^(\S+)[ \t]+(\d+)[ \t]+IN[ \t]+([A-Z]+)[ \t]+(.*)$/.exec(line) ?? [];
  const data: Read["data"] = [];
  for (let left = rest; left !== "";) {
    const [token = "", string, word = ""] =
      /^(?:"((?:[^"\\]|\\\d{3}|\\[^\d])*)"|([^\s"();\\]+))(?:[ \t]+|$)/.exec(left) ?? [];
    if (token === "") throw new Error(`not a zone file's line: ${JSON.stringify(line)}`);
    data.push(string === undefined ? word : octetsOf(string));
    left = left.slice(token.length);
  }
  return { name, ttlSeconds: Number(ttl), type, data };
};

const octetsOf = (string: string): number[] =>
  Array.from(string.matchAll(/\\(\d{3})|\\?(.)/g), ([, code, character = ""]) =>
    code === undefined ? character.charCodeAt(0) : Number(code),
  );

export const readZone = (text: string): Read[] =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith(";"))
    .map(readLine);

export const asRead = ({ name, ...record }: MailRecord): Read => ({
  name: `${name}.`,
  ttlSeconds: 3600,
  type: record.type,
  data:
    record.type === "TXT"
      ? record.data.map((octets) => [...octets])
      : record.type === "MX"
        ? [String(record.data.preference), `${record.data.exchange}.`]
        : [`${record.data}.`],
});

const label = fc.stringMatching(/^[a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?$/);
const strings = fc.array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 4 });
export const edits = fc.uniqueArray(
  fc
    .record({ label, strings, preference: fc.nat(65_535), isMx: fc.boolean() })
    .map(({ label, strings, preference, isMx }): Edit => ({
      kind: "add",
      purpose: "SPF",
      to: isMx
        ? { name: `${label}.d.test`, type: "MX", data: { preference, exchange: `${label}.other.test` } }
        : { name: `${label}.d.test`, type: "TXT", data: strings },
      beside: [],
    })),
  { selector: ({ to }) => to.name, minLength: 1, maxLength: 6 },
);
