/**
 * The desk for DMARC aggregate reports: the addresses at the bounce domain that domains name in `rua` (RFC 9990 §3.5).
 *
 * A report is unpacked and read here, one at a time and within bounds, and handed over as facts; whether its address is
 * ours the gateway says. 2xx means that the account has it. Anything else that comes to these addresses is refused.
 */
import type { Logger } from "pino";
import { parseReportAddress } from "#contract/dmarc-report-address.ts";
import { boundReport, type MailedReportVerdict } from "#contract/dmarc-report.ts";
import { MOST_FILE_BYTES, readReport, type ReportResult } from "#reports/read-report.ts";
import type { DmarcPost } from "./dmarc-post.ts";
import type { Desk, SmtpReply } from "./reception.ts";

/** Of the XML inside: what the largest receivers send is below it, and the relay carries mail meanwhile. */
const MOST_XML_BYTES = 8_000_000;
/** Reports that wait to be read; who comes then comes again. */
const MOST_WAITING = 20;

export type DmarcDeskOptions = { bounceDomain: string; post: DmarcPost; log: Logger };

export const createDmarcDesk = ({ bounceDomain, post, log }: DmarcDeskOptions): Desk => {
  const readers = { waiting: 0, last: Promise.resolve() };
  /** By the bytes of a message, which are the same for all its recipients. */
  const opened = new WeakMap<Uint8Array, Promise<ReportResult>>();
  const read = async (bytes: Uint8Array): Promise<ReportResult> => {
    readers.waiting += 1;
    const reading = readers.last.then(() => readReport(bytes, MOST_XML_BYTES));
    const done = (): void => void (readers.waiting -= 1);
    readers.last = reading.then(done, done);
    return reading;
  };
  return {
    owns: async ({ localPart, domain }) =>
      domain === bounceDomain && parseReportAddress(localPart) !== undefined ? "yes" : "no",
    wanted: { bytes: MOST_FILE_BYTES, beyond: "refuse" },
    take: async ({ recipient, bytes }) => {
      const known = opened.get(bytes);
      if (!known && readers.waiting >= MOST_WAITING) return LATER;
      const reading = known ?? read(bytes);
      opened.set(bytes, reading);
      const result = await reading;
      if (result.kind === "refused") {
        log.info({ event: "inbound.no-dmarc-report", problem: result.problem });
        return NO_REPORT;
      }
      const verdict = await post(recipient, boundReport(result.report));
      const account = parseReportAddress(recipient.slice(0, recipient.lastIndexOf("@")))?.account;
      log.info({ event: "inbound.dmarc-report", verdict, account });
      return replyTo(verdict);
    },
  };
};

const LATER: SmtpReply = { code: 451, text: "4.3.0 The report cannot be kept now, try again later" };
const NO_REPORT: SmtpReply = { code: 550, text: "5.6.0 Only DMARC aggregate reports are read here" };

const replyTo = (verdict: MailedReportVerdict | "unavailable"): SmtpReply => {
  switch (verdict) {
    case "stored":
    case "known":
      return { code: 250, text: "2.0.0 Taken" };
    case "forged":
    case "no-domain":
      return { code: 550, text: "5.1.1 There is no such address here" };
    case "other-domain":
      return { code: 550, text: "5.7.1 The report is about another domain" };
    case "full":
      return { code: 452, text: "4.2.2 There is no room for it now" };
    case "unavailable":
      return LATER;
  }
};
