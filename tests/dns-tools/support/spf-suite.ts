/**
 * The openspf test suite for RFC 7208: read out of its YAML, its zones served through our port by its driver's rules.
 *
 * The reader knows the few forms that the suite is written in, and throws at any other. What is skipped: descriptions,
 * comments, references.
 */
import type { Answer, RecordData, RecordType, Resolve } from "#dns/resolver.ts";

export type SuiteTest = {
  name: string;
  helo: string;
  host: string;
  mailfrom: string;
  /** The first is preferred. */
  results: string[];
};
type SuiteRecord = { type: string; values: string[] };
export type SuiteZone = Map<string, SuiteRecord[]>;
export type Scenario = { tests: SuiteTest[]; zone: SuiteZone };

export const parseSuite = (yaml: string): Scenario[] => yaml.split(/^---$/m).slice(1).map(parseScenario);

const parseScenario = (text: string): Scenario => {
  const tests: { name: string; fields: Map<string, string> }[] = [];
  const zone: SuiteZone = new Map();
  let section = "";
  let records: SuiteRecord[] = [];
  for (const line of text.split("\n")) {
    const [, indent = "", rest = ""] = /^( *)(.*)$/.exec(line) ?? [];
    if (rest === "") continue;
    if (indent === "") section = rest.replace(/:.*$/, "");
    else if (section === "tests" && indent.length === 2) tests.push({ name: keyOf(rest), fields: new Map() });
    else if (section === "tests" && indent.length === 4) {
      const [, key = "", value = ""] = /^([a-z]+): *(.*)$/.exec(rest) ?? [];
      tests.at(-1)?.fields.set(key, value);
    } else if (section === "zonedata" && indent.length === 2) {
      records = [];
      zone.set(keyOf(rest).toLowerCase(), records);
    } else if (section === "zonedata") records.push(recordOf(rest));
    // Deeper lines of tests go on with a description.
  }
  return { tests: tests.map(({ name, fields }) => testOf(name, fields)), zone };
};

const keyOf = (text: string): string => {
  if (!text.endsWith(":")) throw new Error(`not a key: ${text}`);
  return scalar(text.slice(0, -1));
};

const recordOf = (text: string): SuiteRecord => {
  const [, type = "", value] = /^- ([A-Z]+)(?:: *(.*))?$/.exec(text) ?? [];
  if (type === "") throw new Error(`not a record: ${text}`);
  return { type, values: value === undefined ? [] : listOf(value) };
};

const testOf = (name: string, fields: ReadonlyMap<string, string>): SuiteTest => {
  const field = (key: string): string => {
    const value = fields.get(key);
    if (value === undefined) throw new Error(`${name} has no ${key}`);
    return value;
  };
  return {
    name,
    helo: scalar(field("helo")),
    host: scalar(field("host")),
    mailfrom: scalar(field("mailfrom")),
    results: listOf(field("result")),
  };
};

const listOf = (text: string): string[] => {
  if (!text.startsWith("[")) return [scalar(text)];
  const inside = text.slice(1, -1).trim();
  return inside === "" ? [] : Array.from(inside.matchAll(/"[^"]*"|'[^']*'|[^,]+/g), ([item]) => scalar(item.trim()));
};

const scalar = (text: string): string => {
  if (text.startsWith("'")) return text.slice(1, -1);
  if (!text.startsWith('"')) return text;
  return text.slice(1, -1).replaceAll(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex: string | undefined, char: string) => {
    if (hex === undefined && char !== "0") throw new Error(`not an escape: \\${char}`);
    return String.fromCharCode(hex === undefined ? 0 : Number.parseInt(hex, 16));
  });
};

/** The texts of the TXT records at a name: those of type SPF count, unless there is a TXT entry beside them. */
export const suiteTexts = (records: readonly SuiteRecord[]): string[] =>
  textsOf(records).map((parts) => parts.join(""));

const textsOf = (records: readonly SuiteRecord[]): string[][] => {
  const txt = records.filter(({ type }) => type === "TXT");
  const texts = (txt.length > 0 ? txt : records.filter(({ type }) => type === "SPF")).map(({ values }) => values);
  return texts.filter((values) => values.join("") !== "NONE");
};

const LONGEST_CHAIN = 8;

/** The zone through our port. The suite's characters are bytes. */
export const suiteResolver = (zone: SuiteZone): Resolve => {
  const resolve: Resolve = async <T extends RecordType>(name: string, type: T): Promise<Answer<T>> => {
    const aliases: string[] = [];
    let owner = name.toLowerCase().replace(/\.$/, "");
    for (; aliases.length < LONGEST_CHAIN; aliases.push(owner)) {
      const entries = zone.get(owner);
      if (!entries) return owner.startsWith("error.") ? TIMEOUT : { kind: "nxdomain" };
      const records: RecordData[T][] = READERS[type](entries);
      if (records.length > 0) return { kind: "records", records, ttlSeconds: 60, authenticated: false, aliases };
      if (entries.some((entry) => entry.type === "TIMEOUT")) return TIMEOUT;
      const alias = entries.find((entry) => entry.type === "CNAME")?.values[0];
      if (alias === undefined) return { kind: "nodata" };
      owner = alias.toLowerCase().replace(/\.$/, "");
    }
    return { kind: "servfail", reason: "the name's CNAMEs go in a circle" };
  };
  return resolve;
};

const TIMEOUT = { kind: "timeout", reason: "the suite says so" } as const;

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const firsts =
  (type: string) =>
  (records: readonly SuiteRecord[]): string[] =>
    records.filter((record) => record.type === type).map(({ values }) => values[0] ?? "");
const none = (): never[] => [];

const READERS: { [T in RecordType]: (records: readonly SuiteRecord[]) => RecordData[T][] } = {
  A: firsts("A"),
  AAAA: firsts("AAAA"),
  CNAME: firsts("CNAME"),
  PTR: firsts("PTR"),
  MX: (records) =>
    records
      .filter(({ type }) => type === "MX")
      .map(({ values: [preference, exchange = ""] }) => ({
        preference: Number(preference),
        exchange: exchange === "" ? "." : exchange,
      })),
  TXT: (records) => textsOf(records).map((parts) => parts.map(bytes)),
  CAA: none,
  NS: none,
  SOA: none,
  SPF: none,
  TLSA: none,
};
