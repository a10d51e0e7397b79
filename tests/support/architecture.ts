/**
 * The rules of ARCHITECTURE.md that a machine can see, as a function over sources: `path → text` in, faults out.
 *
 * The scan leans on oxfmt: statements begin at the start of a line, specifiers stand in double quotes. It reads
 * imports, not the language; what a template literal holds should be indented.
 */
import { posix } from "node:path";

export type Sources = Map<string, string>;

export type Fault = {
  rule:
    | "floor"
    | "house"
    | "cycle"
    | "barrel"
    | "default-export"
    | "extension"
    | "length"
    | "name"
    | "package"
    | "purity";
  path: string;
  detail: string;
};

/** Rooms and their floors; the longest prefix that fits is a file's room. Imports go down, or stay in the room. */
const FLOORS: readonly (readonly [room: string, floor: number])[] = [
  ["dns-tools/lib/", 0],
  ["gateway/contract/", 1],
  ["gateway/core/", 2],
  ["relay-node/smtp/", 2],
  // The one file of the SMTP client that owns sockets.
  ["relay-node/smtp/connection.ts", 3],
  ["gateway/objects/", 3],
  ["relay-node/", 3],
  // Below the objects, which look at their domains again by them; not pure, so not on floor 2.
  ["dns-tools/resolvers/", 2.5],
  // The same: relays unpack what comes by mail with it.
  ["dns-tools/reports/", 2.5],
  // What launcher and command line both know of the data directory and the port.
  ["gateway/selfhost/data-directory.ts", 3],
  ["gateway/selfhost/listen-port.ts", 3],
  ["gateway/http/", 4],
  ["gateway/console/", 4],
  ["gateway/cli/", 4],
  ["gateway/cli.ts", 5],
  ["dns-tools/wizard/", 4],
  ["dns-tools/wizard/main.ts", 5],
  ["dns-tools/cli.ts", 4],
  ["gateway/index.ts", 5],
  ["gateway/selfhost/", 5],
  ["relay-node/main.ts", 5],
  ["tests/", 6],
];

/** A house is entered from outside by its `#` name only. */
const HOUSES = ["gateway/contract/", "gateway/", "relay-node/", "dns-tools/", "tests/"];
const DOORS: readonly (readonly [name: string, directory: string])[] = [
  ["#contract/", "gateway/contract/"],
  ["#dns/", "dns-tools/lib/"],
  ["#resolvers/", "dns-tools/resolvers/"],
  ["#reports/", "dns-tools/reports/"],
  ["#wizard/", "dns-tools/wizard/"],
];

/** Pure floors: what they may import beside each other, and what they may not read. */
const PURE_PACKAGES = [[], ["zod"], ["zod"]];
const IMPURE =
  /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bperformance\.now\(|\bprocess\.|\bconsole\.|\bfetch\(|\bsetTimeout\(|\bsetInterval\(|\bgetRandomValues\(|\brandomUUID\(|\brandomBytes\(/;

const DRAWERS = "util utils helper helpers common shared misc types interfaces manager service services base".split(
  " ",
);
const LONGEST_FILE_LINES = 300;
const MAY_EXPORT_DEFAULT = /^gateway\/index\.ts$|\.config\.ts$/;
const MAY_RE_EXPORT = "gateway/index.ts";

const IMPORT = /^import\s+(?:type\s+)?(?:[\w*{][^;"']*?\sfrom\s+)?"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;
const RE_EXPORT = /^export\s+(?:type\s+)?(\*|\{[^}]*\})(?:\s+as\s+\w+)?\s+from\s+"([^"]+)"/gm;
const DEFAULT_EXPORT = /^export\s+default\b|^export\s+\{[^}]*\bas default\b/m;

/** Every fault in a tree, in the order of its paths. */
export const findFaults = (sources: Sources): Fault[] => {
  const faults: Fault[] = [];
  for (const [path, source] of sources) {
    const add = (rule: Fault["rule"], detail: string): number => faults.push({ rule, path, detail });
    checkName(path, add);
    checkText(path, source, add);
    for (const specifier of importsOf(source)) checkImport(path, specifier, add);
  }
  return [...faults, ...findCycles(sources)];
};

type Add = (rule: Fault["rule"], detail: string) => void;

const checkName = (path: string, add: Add): void => {
  if (roomOf(path) === undefined) add("floor", "is in no room of the table");
  const file = posix.basename(path);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.config|\.d)?\.tsx?$/.test(file)) add("name", `${file} is not kebab-case`);
  for (const part of path.split("/"))
    for (const word of part.split(/[-.]/)) if (DRAWERS.includes(word)) add("name", `${part} is a drawer, not an idea`);
};

const checkText = (path: string, source: string, add: Add): void => {
  const code = codeLines(source);
  if (code.length > LONGEST_FILE_LINES) add("length", `has ${code.length} lines of code`);
  if (DEFAULT_EXPORT.test(source) && !MAY_EXPORT_DEFAULT.test(path)) add("default-export", "exports a default");
  for (const [statement, what] of source.matchAll(RE_EXPORT))
    if (what === "*" || path !== MAY_RE_EXPORT) add("barrel", statement);
  if ((roomOf(path)?.floor ?? 9) <= 2) for (const line of code) if (IMPURE.test(line)) add("purity", line.trim());
};

const checkImport = (path: string, specifier: string, add: Add): void => {
  const target = resolveImport(path, specifier);
  const from = roomOf(path);
  if (target === undefined) {
    const allowed = PURE_PACKAGES[from?.floor ?? 9];
    if (allowed && !allowed.includes(specifier)) add("package", `imports ${specifier}`);
    return;
  }
  if (!/\.tsx?$/.test(specifier)) add("extension", `imports ${specifier}`);
  const to = roomOf(target);
  if (from && to && to.floor >= from.floor && to.room !== from.room)
    add("floor", `imports ${target}, which is not below it`);
  const sameHouse = houseOf(path) === houseOf(target);
  if (specifier.startsWith("#")) {
    if (sameHouse && houseOf(path) !== "tests/" && roomOf(path)?.room === to?.room)
      add("house", `imports ${specifier} from within: relative, please`);
  } else if (!sameHouse && houseOf(path) !== "tests/")
    add("house", `imports the inside of another house, ${specifier}`);
};

/** One fault for each cycle, at the file where the walk met it. */
const findCycles = (sources: Sources): Fault[] => {
  const faults: Fault[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      faults.push({ rule: "cycle", path, detail: [...trail.slice(start), path].join(" → ") });
      return;
    }
    const source = sources.get(path);
    if (done.has(path) || source === undefined) return;
    for (const specifier of importsOf(source)) {
      const target = resolveImport(path, specifier);
      if (target !== undefined) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return faults;
};

const importsOf = (source: string): string[] => [
  ...Array.from(source.matchAll(IMPORT), (match) => match[1] ?? match[2] ?? ""),
  ...Array.from(source.matchAll(RE_EXPORT), (match) => match[2] ?? ""),
];

/** The path in this tree that a specifier means; undefined for a package or a built-in module. */
const resolveImport = (path: string, specifier: string): string | undefined => {
  if (specifier.startsWith(".")) return posix.join(posix.dirname(path), specifier);
  for (const [name, directory] of DOORS)
    if (specifier.startsWith(name)) return directory + specifier.slice(name.length);
  return undefined;
};

const roomOf = (path: string): { room: string; floor: number } | undefined => {
  const [found] = FLOORS.filter(([room]) => path.startsWith(room)).toSorted(([a], [b]) => b.length - a.length);
  return found && { room: found[0], floor: found[1] };
};

const houseOf = (path: string): string => HOUSES.find((house) => path.startsWith(house)) ?? "";

/** Lines that are neither blank nor only comment. */
const codeLines = (source: string): string[] =>
  source
    .replaceAll(/^\s*\/\*[\s\S]*?\*\//gm, "")
    .split("\n")
    .filter((line) => !/^\s*(\/\/.*)?$/.test(line));
