/**
 * What is written as a zone file is read back as the same records: by a strict reader of RFC 1035 §5.1 here, and by
 * BIND's `named-checkzone` where it is installed.
 */
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatName, formatRecord, formatZoneFile } from "#dns/export/zone-file.ts";
import type { Edit, MailRecord } from "#dns/zone.ts";
import { HOSTILE, SAMPLE } from "./sample-plan.ts";

const SOA = "d.test. 3600 IN SOA ns.d.test. root.d.test. 1 7200 3600 1209600 3600\nd.test. 3600 IN NS ns.other.test.\n";

type Read = { name: string; ttlSeconds: number; type: string; data: (string | number[])[] };

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

const readZone = (text: string): Read[] =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith(";"))
    .map(readLine);

const asRead = ({ name, ...record }: MailRecord): Read => ({
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
const edits = fc.uniqueArray(
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
const sorted = (records: Read[]): string[] => records.map((record) => JSON.stringify(record)).toSorted();

test("read back by a strict reader", () => {
  fc.assert(
    fc.property(edits, (changes) => {
      expect(readZone(formatZoneFile(changes))).toEqual(changes.map(({ to }) => asRead(to)));
    }),
  );
});

const hasBind = spawnSync("named-checkzone", ["-v"]).status === 0;
if (!hasBind) console.info("skipped: named-checkzone is not installed (Debian: bind9-utils)");

test.skipIf(!hasBind)("read back by named-checkzone", { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(edits, (changes) => {
      const zone = `${SOA}${formatZoneFile(changes)}`;
      const bind = spawnSync("named-checkzone", ["-q", "-D", "-k", "ignore", "-i", "none", "-o", "-", "d.test", "-"], {
        input: zone,
        encoding: "utf8",
      });
      expect(bind.status, bind.stdout + zone).toBe(0);
      const read = readZone(bind.stdout).filter(({ type }) => type !== "SOA" && type !== "NS");
      expect(sorted(read)).toEqual(sorted(changes.map(({ to }) => asRead(to))));
    }),
    { numRuns: 40 },
  );
});

test.skipIf(!hasBind)("the sample is a zone for named-checkzone", () => {
  const zone = `${SOA}${formatZoneFile(SAMPLE)}`;
  const bind = spawnSync("named-checkzone", ["-k", "ignore", "-i", "none", "d.test", "-"], {
    input: zone,
    encoding: "utf8",
  });
  expect(bind.stdout).toContain("OK");
});

test("the sample", async () => {
  await expect(formatZoneFile(SAMPLE)).toMatchFileSnapshot("../../../vectors/export/sample.zone");
});

test("any record's text is printable ASCII on one line", () => {
  const everyOctet = Uint8Array.from({ length: 256 }, (_, octet) => octet);
  const record: MailRecord = {
    name: "d.test",
    type: "TXT",
    data: [everyOctet.subarray(0, 128), everyOctet.subarray(128)],
  };
  expect(formatRecord(record)).toMatch(/^[ -~]+$/);
  expect(formatRecord(HOSTILE)).toMatch(/^[ -~]+$/);
  expect(formatName('a b.\n\u2028é;".test')).toBe("a\\032b.\\010\\226\\128\\168\\195\\169\\059\\034.test.");
  expect(formatName("*.A-1._b.test")).toBe("*.A-1._b.test.");
  expect(formatName(".")).toBe(".");
});
