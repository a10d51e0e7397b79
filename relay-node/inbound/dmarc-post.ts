/**
 * A DMARC report on its way to the gateway: `POST /relay/inbound/dmarc`.
 *
 * One try: what cannot be kept now is `unavailable`, and the server that sent the mail comes again. Never rejects.
 */
import type { Logger } from "pino";
import { MailedReportReply, type MailedReportVerdict, type PostedReport } from "#contract/dmarc-report.ts";

export type DmarcPostOptions = { gatewayUrl: string; token: string; log: Logger };

export type DmarcPost = (posted: PostedReport) => Promise<MailedReportVerdict | "unavailable">;

const TIMEOUT_MS = 20_000;

export const createDmarcPost =
  ({ gatewayUrl, token, log }: DmarcPostOptions): DmarcPost =>
  async (posted) => {
    try {
      const response = await fetch(new URL("/relay/inbound/dmarc", gatewayUrl), {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(posted),
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
