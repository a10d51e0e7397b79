/**
 * `hikyaku dns reports`: DMARC aggregate reports read from files, and what they say of each source, the worst first.
 *
 * Files are taken as they came: XML, gzip, zip, a whole mail; `-` is stdin. Exit status: mail that fails DMARC is a no,
 * a file or a record that cannot be read is unknown.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { styleText } from "node:util";
import type { Listed } from "#dns/dmarc-report-sources.ts";
import { type DomainSummary, type JudgedSource, summarizeReports } from "#dns/dmarc-report-summary.ts";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import type { FindingStatus } from "#dns/finding.ts";
import { MOST_FILE_BYTES, readReport, type ReportResult } from "#reports/read-report.ts";
import { table } from "./show.ts";
import { faint } from "./dns-report.ts";
import { EXIT, type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

/** In words; `--json` has all. */
const SHOWN_SOURCES = 100;

export const reports = async (
  files: readonly string[],
  options: { json?: boolean },
  around: Surroundings,
): Promise<Exit> => {
  const results: { name: string; result: ReportResult }[] = [];
  // One at a time: each may take 64 MB.
  // oxlint-disable-next-line no-await-in-loop
  for (const name of files) results.push({ name, result: await readReport(readFile(name, around)) });
  const read = results.flatMap(({ result }) => (result.kind === "report" ? [result.report] : []));
  const unreadable = results.flatMap(({ name, result }) =>
    result.kind === "refused" ? [{ name, problem: result.problem, text: result.text }] : [],
  );
  for (const { name, text } of unreadable) around.err(`hikyaku: ${name} ${text}`);
  const domains = summarizeReports(read, PUBLIC_SUFFIXES);
  const colours = around.colours === true;
  if (options.json === true) around.out(JSON.stringify({ domains, unreadable }));
  else if (domains.length > 0) around.out(domains.map((domain) => describe(domain, colours)).join("\n\n\n"));
  if (domains.some(({ messages, passed }) => passed < messages)) return EXIT.no;
  const isUnknown = domains.some(({ leftOut, readiness }) => leftOut > 0 || readiness.word === "unknown");
  return unreadable.length > 0 || isUnknown ? EXIT.unknown : EXIT.done;
};

/** No more than one byte over what may be read: so much shows that it is too large. */
const readFile = (name: string, { cwd }: Surroundings): Uint8Array => {
  const bytes = new Uint8Array(MOST_FILE_BYTES + 1);
  let length = 0;
  try {
    const file = name === "-" ? 0 : openSync(resolve(cwd, name), "r");
    for (let more = 1; more > 0 && length < bytes.length; length += more)
      more = readSync(file, bytes, length, bytes.length - length, null);
    if (file !== 0) closeSync(file);
  } catch (error) {
    throw new WrongUse(`${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return bytes.subarray(0, length);
};

const describe = (summary: DomainSummary, colours: boolean): string => {
  const { domain, published, reports: count, doubles, leftOut, organizations, sources, readiness } = summary;
  const shownSources = sources.slice(0, SHOWN_SOURCES);
  const left = sources.length - shownSources.length;
  return [
    [
      `${domain}: p=${published.policy}, ${count} report${count === 1 ? "" : "s"}, ${day(summary.beginSeconds)} to ${day(summary.endSeconds)}`,
      `from ${organizations.join(", ")}`,
      ...(doubles > 0 ? [`${doubles} came more often and were counted once`] : []),
      ...(leftOut > 0 ? [`${leftOut} records could not be understood and were left out`] : []),
    ].join("\n"),
    `next stage: ${readiness.word}. ${readiness.text}`,
    sourceTable(shownSources),
    ...shownSources.filter(({ verdict }) => verdict.status !== "pass").map((source) => describeSource(source, colours)),
    ...(left > 0 ? [`${left} more sources: see --json`] : []),
  ].join("\n\n");
};

const day = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(0, 10);

const sourceTable = (sources: readonly JudgedSource[]): string =>
  table(
    ["SOURCE", "MESSAGES", "PASS", "DKIM", "SPF", "SPAM", "REFUSED", "VERDICT"],
    sources.map(({ sender, messages, passed, byDkim, bySpf, dispositions, verdict }) => [
      sender.name,
      ...[messages, passed, byDkim, bySpf, dispositions.quarantined, dispositions.rejected].map(String),
      verdict.code,
    ]),
  );

const describeSource = (source: JudgedSource, colours: boolean): string => {
  const { sender, verdict, addresses, headerFrom, envelopeFrom, dkim, spf, overrides } = source;
  const seen: readonly (readonly [string, Listed])[] = [
    ["from", headerFrom],
    ["return-path", envelopeFrom],
    ["dkim", dkim],
    ["spf", spf],
    ["addresses", addresses],
    ["overrides", overrides],
  ];
  return [
    `${word(verdict.status, colours)}  ${verdict.code}  ${sender.name}`,
    `  ${verdict.text}`,
    ...seen
      .filter(([, { count }]) => count > 0)
      .map(([what, listed]) => faint(`  ${what}: ${listedText(listed)}`, colours)),
    faint(`  ${verdict.rfc}`, colours),
  ].join("\n");
};

const listedText = ({ count, first }: Listed): string =>
  first.join(", ") + (count > first.length ? `, and ${count - first.length} more` : "");

const COLOUR = {
  pass: "green",
  warn: "yellow",
  fail: "red",
  indeterminate: "magenta",
  not_applicable: "gray",
} as const;

const word = (status: FindingStatus, colours: boolean): string => {
  const text = status === "indeterminate" ? "unknown" : status;
  return colours ? styleText(COLOUR[status], text, { validateStream: false }) : text;
};
