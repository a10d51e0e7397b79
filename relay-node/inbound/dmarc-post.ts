/**
 * A DMARC report on its way to the gateway: `POST /relay/inbound/dmarc`.
 *
 * One try: what cannot be kept now is `unavailable`, and the server that sent the mail comes again. Never rejects.
 */
import type { Logger } from "pino";
import { type MailedReport, MailedReportReply, type MailedReportVerdict } from "#contract/dmarc-report.ts";

export type DmarcPostOptions = { gatewayUrl: string; token: string; log: Logger };

/** `recipient`: the address that the report came to. */
export type DmarcPost = (recipient: string, report: MailedReport) => Promise<MailedReportVerdict | "unavailable">;

const TIMEOUT_MS = 20_000;

export const createDmarcPost =
  ({ gatewayUrl, token, log }: DmarcPostOptions): DmarcPost =>
  async (recipient, report) => {
    try {
      const response = await fetch(new URL("/relay/inbound/dmarc", gatewayUrl), {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ recipient, report }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      if (response.ok) return MailedReportReply.parse(JSON.parse(text)).verdict;
      log.warn({ event: "inbound.dmarc-not-told", status: response.status });
    } catch (error) {
      log.warn({ event: "inbound.dmarc-not-told", error: String(error) });
    }
    return "unavailable";
  };
