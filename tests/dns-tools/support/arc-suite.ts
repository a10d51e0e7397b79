/**
 * The ARC test suite's validations, read out of its YAML: messages, the results they shall have, and the zone of each
 * scenario.
 *
 * The reader knows the few forms that the suite is written in, and throws at any other. Of tests under one name the
 * last counts, as YAML readers of the suite have it. What is skipped: descriptions, comments, references.
 */
import type { RecordedZone } from "#resolvers/recorded.ts";

export type ArcTest = {
  name: string;
  /** With CRLF. */
  message: string;
  /** `none`, `pass`, `fail`; empty where the suite leaves it open. */
  result: string;
};
export type ArcScenario = { tests: ArcTest[]; zone: RecordedZone };

export const parseArcSuite = (yaml: string): ArcScenario[] => yaml.split(/^--- *$/m).map(parseScenario);

/** What follows a key: the rest of its line, and the lines that stand deeper. */
type Entry = { key: string; head: string; lines: string[] };

const parseScenario = (text: string): ArcScenario => {
  const sections = byKey(entriesOf(text.split("\n")));
  const tests = entriesOf(linesOf(sections, "tests")).map(testOf);
  const records = entriesOf(linesOf(sections, "txt-records"));
  return {
    tests: [...new Map(tests.map((test) => [test.name, test])).values()],
    zone: Object.fromEntries(records.map((record) => [record.key, { TXT: [folded(record)] }])),
  };
};

const INDENT = 2;

/** The keys of a mapping; what is below each comes with one step of indent less. */
const entriesOf = (lines: readonly string[]): Entry[] => {
  const entries: Entry[] = [];
  for (const line of lines) {
    const [, key, head = ""] = /^([^\s:]+): *(.*?) *$/.exec(line) ?? [];
    const last = entries.at(-1);
    if (key !== undefined) entries.push({ key, head, lines: [] });
    else if (last && line.slice(0, INDENT).trim() === "") last.lines.push(line.slice(INDENT));
    else if (line.trim() !== "") throw new Error(`neither a key nor below one: ${line}`);
  }
  return entries;
};

const byKey = (entries: readonly Entry[]): Map<string, Entry> => new Map(entries.map((entry) => [entry.key, entry]));

const entryAt = (entries: ReadonlyMap<string, Entry>, key: string): Entry => {
  const entry = entries.get(key);
  if (!entry) throw new Error(`no ${key} beside ${[...entries.keys()].join(", ")}`);
  return entry;
};

const linesOf = (entries: ReadonlyMap<string, Entry>, key: string): string[] => {
  const { head, lines } = entryAt(entries, key);
  if (head !== "") throw new Error(`${key} is no mapping: ${head}`);
  return lines;
};

const testOf = ({ key: name, head, lines }: Entry): ArcTest => {
  if (head !== "") throw new Error(`${name} is no mapping: ${head}`);
  const fields = byKey(entriesOf(lines));
  const cv = entryAt(fields, "cv");
  const result = cv.head === "|" ? literal(cv).trim() : cv.head;
  if (!["None", "Pass", "Fail", ""].includes(result)) throw new Error(`${name} has the result ${result}`);
  const message = literal(entryAt(fields, "message")).replaceAll("\n", "\r\n");
  return { name, message, result: result.toLowerCase() };
};

/** A block scalar `|`: its lines as they are, with one line end behind the last that is not empty. */
const literal = ({ key, head, lines }: Entry): string => {
  if (head !== "|") throw new Error(`${key} is no literal block: ${head}`);
  const text = lines.join("\n").replace(/\n*$/, "");
  return text === "" ? "" : `${text}\n`;
};

/** A block scalar `>-`: its lines with a space between. Empty lines would mean more: there are none. */
const folded = ({ key, head, lines }: Entry): string => {
  const kept = lines.join("\n").replace(/\n*$/, "").split("\n");
  if (head !== ">-" || kept.some((line) => /^ |^$/.test(line))) throw new Error(`${key} is no plain folded block`);
  return kept.join(" ");
};
