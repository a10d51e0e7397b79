/**
 * The desk for bounces and complaints: return-path addresses, and the addresses for everybody at the bounce domain.
 *
 * A return-path is known by its form; whether its mac is right the gateway says, after DATA, for any domain, since
 * domains may have a return-path of their own and only the token proves anything. A letter of a person is refused, so
 * that they learn that nobody reads here.
 */
import type { Logger } from "pino";
import { parseReturnPath } from "#contract/return-path.ts";
import { classifyInbound, type InboundMessage } from "./inbound-message.ts";
import type { Desk, InboundAddress, InboundDelivery, SmtpReply } from "./reception.ts";
import type { ReportPost, Told } from "./report-post.ts";

/** RFC 2142 §2 and §5; `fbl` is what feedback loops are asked to write to. */
const FOR_EVERYBODY = new Set(["abuse", "fbl", "postmaster"]);
/** Reports stand at the beginning of a mail, and no more of it is opened. */
const WANTED_BYTES = 256 * 1024;
/** A report speaks of one mail: it comes to one return-path, or to a few when a server gathers. */
const RECIPIENTS = 10;

export type ReportDeskOptions = { bounceDomain: string; post: Pick<ReportPost, "tell">; log: Logger };

export const createReportDesk = ({ bounceDomain, post, log }: ReportDeskOptions): Desk => {
  const read = createReportReader({ post, log });
  return {
    owns: async (address) => (isOurs(address, bounceDomain) ? "yes" : "no"),
    wanted: { bytes: WANTED_BYTES, beyond: "cut" },
    recipients: RECIPIENTS,
    take: async (delivery) => {
      const told = await read(delivery);
      if (told !== "other" && told !== "auto-reply") return replyToReport(told);
      // RFC 5321 §4.5.5: to a null sender there is nobody to be told.
      return told === "auto-reply" || delivery.mailFrom === "" ? TAKEN : NO_REPORT;
    },
  };
};

/** What the gateway says of a report; or what a message is that is none, and of which nobody was told. */
export type ReportReader = (delivery: InboundDelivery) => Promise<Told | "auto-reply" | "other">;

export const createReportReader = ({ post, log }: Pick<ReportDeskOptions, "post" | "log">): ReportReader => {
  /** By the bytes of a message, which are the same for all its recipients. */
  const opened = new WeakMap<Uint8Array, Promise<InboundMessage>>();
  return async ({ bytes, mailFrom, recipient }) => {
    const opening = opened.get(bytes) ?? classifyInbound(bytes, mailFrom);
    opened.set(bytes, opening);
    const message = await opening;
    if (message.kind === "auto-reply" || message.kind === "other") {
      log.info({ event: "inbound.no-report", kind: message.kind });
      return message.kind;
    }
    const verdict = await post.tell({ recipient, report: message });
    const account = parseReturnPath(localPartOf(recipient))?.account;
    log.info({ event: "inbound.report", kind: message.kind, verdict, account });
    return verdict;
  };
};

const isOurs = ({ localPart, domain }: InboundAddress, bounceDomain: string): boolean =>
  parseReturnPath(localPart) !== undefined ||
  (FOR_EVERYBODY.has(localPart) && domain === bounceDomain) ||
  // RFC 5321 §4.1.1.3.
  (localPart === "postmaster" && domain === "");

const TAKEN: SmtpReply = { code: 250, text: "2.0.0 Taken" };
const NO_REPORT: SmtpReply = { code: 550, text: "5.7.1 Only reports of bounces and abuse are read here" };

export const replyToReport = (verdict: Told): SmtpReply => {
  switch (verdict) {
    case "recorded":
    case "known":
    case "gone":
    case "ignored":
    case "unclear":
    case "unproved":
      return TAKEN;
    case "forged":
    case "expired":
      return { code: 550, text: `5.7.1 The address is ${verdict}` };
    case "failed":
    case "unavailable":
      return { code: 451, text: "4.3.0 The report cannot be kept now, try again later" };
  }
};

const localPartOf = (address: string): string => address.slice(0, Math.max(0, address.lastIndexOf("@")));
