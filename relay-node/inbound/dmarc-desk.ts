/**
 * The desk for DMARC aggregate reports: the addresses at the bounce domain that domains name in `rua` (RFC 9990 §3.5).
 *
 * A report is unpacked and read here, one at a time and within bounds, and handed over as facts, with the domain in its
 * From and those that its mail is proved to be of; whether its address is ours and its author proved the gateway says.
 * 2xx means that the account has it. Anything else that comes to these addresses is refused.
 */
import type { Logger } from "pino";
import { parseReportAddress } from "#contract/dmarc-report-address.ts";
import { boundReport, type MailedReportVerdict } from "#contract/dmarc-report.ts";
import type { AggregateReport } from "#dns/dmarc-report.ts";
import { MOST_FILE_BYTES, readReport, type ReportResult } from "#reports/read-report.ts";
import type { Refusal } from "#reports/unpack.ts";
import type { DmarcPost } from "./dmarc-post.ts";
import type { MailVerdicts } from "./mail-verdicts.ts";
import type { Authenticate } from "./received-authentication.ts";
import { outlineOf } from "./received-outline.ts";
import type { Desk, InboundDelivery, SmtpReply } from "./reception.ts";

/** Of the XML inside: what the largest receivers send is below it, and the relay carries mail meanwhile. */
const MOST_XML_BYTES = 8_000_000;
/** Reports that wait to be read; who comes then comes again. */
const MOST_WAITING = 20;
/** A report is about one domain, which has one address. */
const RECIPIENTS = 10;

export type DmarcDeskOptions = { bounceDomain: string; authenticate: Authenticate; post: DmarcPost; log: Logger };

type Opened = Refusal | { kind: "report"; report: AggregateReport; verdicts: MailVerdicts };

export const createDmarcDesk = ({ bounceDomain, authenticate, post, log }: DmarcDeskOptions): Desk => {
  const readers = { waiting: 0, last: Promise.resolve() };
  /** By the bytes of a message, which are the same for all its recipients. */
  const opened = new WeakMap<Uint8Array, Promise<Opened>>();
  const read = async (bytes: Uint8Array): Promise<ReportResult> => {
    readers.waiting += 1;
    const reading = readers.last.then(() => readReport(bytes, MOST_XML_BYTES));
    const done = (): void => void (readers.waiting -= 1);
    readers.last = reading.then(done, done);
    return reading;
  };
  const open = async (delivery: InboundDelivery): Promise<Opened> => {
    const result = await read(delivery.bytes);
    if (result.kind === "refused") return result;
    // Not in turn: the DNS of one author keeps no other's report waiting.
    return { ...result, verdicts: await authenticate(delivery, outlineOf(delivery.bytes)?.top ?? delivery.bytes) };
  };
  return {
    owns: async ({ localPart, domain }) =>
      domain === bounceDomain && parseReportAddress(localPart) !== undefined ? "yes" : "no",
    wanted: { bytes: MOST_FILE_BYTES, beyond: "refuse" },
    recipients: RECIPIENTS,
    take: async (delivery) => {
      const { recipient, bytes } = delivery;
      const known = opened.get(bytes);
      if (!known && readers.waiting >= MOST_WAITING) return LATER;
      const opening = known ?? open(delivery);
      opened.set(bytes, opening);
      const result = await opening;
      if (result.kind === "refused") {
        log.info({ event: "inbound.no-dmarc-report", problem: result.problem });
        return NO_REPORT;
      }
      const { report, verdicts } = result;
      const { from, proved } = verdicts;
      const verdict = await post({
        ...{ recipient, report: boundReport(report), authenticated: proved },
        ...(from !== undefined && { from }),
      });
      const account = parseReportAddress(recipient.slice(0, recipient.lastIndexOf("@")))?.account;
      log.info({ event: "inbound.dmarc-report", verdict, account });
      return verdict === "unauthenticated" && isUnsure(verdicts) ? LATER : replyTo(verdict);
    },
  };
};

const LATER: SmtpReply = { code: 451, text: "4.3.0 The report cannot be kept now, try again later" };
const NO_REPORT: SmtpReply = { code: 550, text: "5.6.0 Only DMARC aggregate reports are read here" };

/** What could not be found out might have proved it. */
const isUnsure = ({ authentication: { spf, dkim, results } }: MailVerdicts): boolean =>
  [spf, dkim].includes("temperror") || results.some((entry) => /^(spf|dkim)=temperror/.test(entry));

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
    case "unauthenticated":
      // RFC 7372 §3.3.
      return { code: 550, text: "5.7.26 Neither SPF nor DKIM proves the mail to be of the domain in its From" };
    case "full":
      return { code: 452, text: "4.2.2 There is no room for it now" };
    case "unavailable":
      return LATER;
  }
};
