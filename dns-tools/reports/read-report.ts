/**
 * DMARC aggregate reports from the files they came in, or the reason why one cannot be read.
 *
 * Whatever the bytes are, the answer is a value, within bounds of memory and time. Nothing is stored or fetched.
 */
import type { AggregateReport } from "#dns/dmarc-report.ts";
import { readFeedback } from "./feedback.ts";
import { type Refusal, refused, unpack } from "./unpack.ts";

/** Of a file as it came: what receivers send is far below it. */
export const MOST_FILE_BYTES = 10_000_000;
/** Of the XML inside. */
export const MOST_XML_BYTES = 64_000_000;

export type ReportResult = { kind: "report"; report: AggregateReport } | Refusal;

export const readReport = async (bytes: Uint8Array, mostXmlBytes = MOST_XML_BYTES): Promise<ReportResult> => {
  const { result } = await readWithin(bytes, mostXmlBytes);
  return result;
};

/** One after the other, with `mostXmlBytes` for all of them: what the ones before took is gone. */
export const readReports = async (
  files: readonly { name: string; bytes: () => Promise<Uint8Array> }[],
  mostXmlBytes: number,
): Promise<{ name: string; result: ReportResult }[]> => {
  const results: { name: string; result: ReportResult }[] = [];
  let left = mostXmlBytes;
  for (const { name, bytes } of files) {
    // In turn: the memory of one is free again before the next takes its own.
    // oxlint-disable-next-line no-await-in-loop
    const { result, xmlBytes } = await readWithin(await bytes(), left);
    left -= xmlBytes;
    results.push({ name, result });
  }
  return results;
};

/** `xmlBytes` is what was taken of the limit: all of it, where it was met. */
const readWithin = async (
  bytes: Uint8Array,
  mostXmlBytes: number,
): Promise<{ result: ReportResult; xmlBytes: number }> => {
  if (bytes.length > MOST_FILE_BYTES)
    return { result: refused("too-large", `is larger than ${MOST_FILE_BYTES / 1_000_000} MB`), xmlBytes: 0 };
  const unpacked = await unpack(bytes, mostXmlBytes);
  if (unpacked.kind === "refused")
    return { result: unpacked, xmlBytes: unpacked.problem === "too-large" ? mostXmlBytes : 0 };
  const read = readFeedback(unpacked.text);
  const result = read.kind === "report" ? read : refused("malformed", `is no DMARC aggregate report: ${read.reason}`);
  return { result, xmlBytes: unpacked.text.length };
};
