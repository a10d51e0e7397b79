/**
 * Records of reports added up by who sent the messages: how many, what became of them, and why they pass or fail.
 *
 * What is listed of a source is bounded; how much there was is counted. Nothing is judged here.
 */
import { type Cause, traceRecord, type Sender } from "./dmarc-report-cause.ts";
import { passes, type ReportRecord } from "./dmarc-report.ts";
import type { PublicSuffixes } from "./public-suffix.ts";

const LISTED = 10;

/** Different texts, in the order in which they came: how many there are, and the first ones. */
export type Listed = { count: number; first: readonly string[] };

export type Source = {
  sender: Sender;
  messages: number;
  /** Of them, those that pass DMARC; by DKIM and by SPF, which may be both. */
  passed: number;
  byDkim: number;
  bySpf: number;
  dispositions: { delivered: number; quarantined: number; rejected: number };
  /** Messages by why they pass or fail. */
  causes: readonly { cause: Cause; messages: number }[];
  addresses: Listed;
  headerFrom: Listed;
  envelopeFrom: Listed;
  /** Each signature as `domain selector: result`. */
  dkim: Listed;
  /** Each check as `domain: result`. */
  spf: Listed;
  /** Of what fails: the names that passed, but are not those that were needed. */
  otherNames: Listed;
  overrides: Listed;
};

type Tally = {
  sender: Sender;
  numbers: Record<"messages" | "passed" | "byDkim" | "bySpf" | "delivered" | "quarantined" | "rejected", number>;
  causes: Map<Cause, number>;
  texts: Record<TextKey, Set<string>>;
};
type TextKey = "addresses" | "headerFrom" | "envelopeFrom" | "dkim" | "spf" | "otherNames" | "overrides";

/** In the order in which the sources came. */
export const addUp = (records: Iterable<ReportRecord>, suffixes: PublicSuffixes): Source[] => {
  const tallies = new Map<string, Tally>();
  for (const record of records) {
    const { cause, sender, otherNames } = traceRecord(record, suffixes);
    const key = `${sender.kind} ${sender.name}`;
    const tally = tallies.get(key) ?? emptyTally(sender);
    tallies.set(key, tally);
    add(tally, record, cause, otherNames);
  }
  return [...tallies.values()].map(sourceOf);
};

const emptyTally = (sender: Sender): Tally => ({
  sender,
  numbers: { messages: 0, passed: 0, byDkim: 0, bySpf: 0, delivered: 0, quarantined: 0, rejected: 0 },
  causes: new Map(),
  texts: {
    addresses: new Set(),
    headerFrom: new Set(),
    envelopeFrom: new Set(),
    dkim: new Set(),
    spf: new Set(),
    otherNames: new Set(),
    overrides: new Set(),
  },
});

const BECAME = { none: "delivered", pass: "delivered", quarantine: "quarantined", reject: "rejected" } as const;

const add = (
  { numbers, causes, texts }: Tally,
  record: ReportRecord,
  cause: Cause,
  otherNames: readonly string[],
): void => {
  const { messages } = record;
  numbers.messages += messages;
  if (passes(record)) numbers.passed += messages;
  if (record.dkim === "pass") numbers.byDkim += messages;
  if (record.spf === "pass") numbers.bySpf += messages;
  numbers[BECAME[record.disposition]] += messages;
  causes.set(cause, (causes.get(cause) ?? 0) + messages);
  texts.addresses.add(record.sourceIp);
  texts.headerFrom.add(record.headerFrom);
  if (record.envelopeFrom !== undefined) texts.envelopeFrom.add(record.envelopeFrom);
  for (const { domain, selector, result } of record.dkimResults)
    texts.dkim.add(`${domain}${selector === undefined ? "" : ` ${selector}`}: ${result}`);
  for (const { domain, result } of record.spfResults) texts.spf.add(`${domain}: ${result}`);
  if (!passes(record)) for (const domain of otherNames) texts.otherNames.add(domain);
  for (const { type, comment } of record.reasons)
    texts.overrides.add(comment === undefined ? type : `${type}: ${comment}`);
};

const listed = (texts: ReadonlySet<string>): Listed => ({ count: texts.size, first: [...texts].slice(0, LISTED) });

const sourceOf = ({ sender, numbers, causes, texts }: Tally): Source => {
  const { messages, passed, byDkim, bySpf, ...dispositions } = numbers;
  return {
    sender,
    messages,
    passed,
    byDkim,
    bySpf,
    dispositions,
    causes: [...causes].map(([cause, number]) => ({ cause, messages: number })),
    addresses: listed(texts.addresses),
    headerFrom: listed(texts.headerFrom),
    envelopeFrom: listed(texts.envelopeFrom),
    dkim: listed(texts.dkim),
    spf: listed(texts.spf),
    otherNames: listed(texts.otherNames),
    overrides: listed(texts.overrides),
  };
};
