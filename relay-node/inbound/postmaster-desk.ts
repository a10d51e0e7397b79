/**
 * The desk for the operator's own mail: postmaster and abuse of the bounce domain and of this relay (RFC 5321 §4.5.1,
 * RFC 2142), when there is somebody to read it.
 *
 * Reports that are proved to be of a delivery of ours are told to the gateway, as at the desk for reports. All other mail
 * goes to the operator, whoever sends it.
 */
import type { LetterForward } from "./letter-forward.ts";
import { type Desk, tooLarge } from "./reception.ts";
import { replyToReport, type ReportReader } from "./report-desk.ts";

export type PostmasterDeskOptions = {
  /** The bounce domain, and what this relay calls itself. */
  domains: readonly string[];
  read: ReportReader;
  forward: LetterForward;
};

const NAMES: ReadonlySet<string> = new Set(["abuse", "postmaster"]);
/** Larger is no letter to a postmaster. */
const LETTER_BYTES = 5_000_000;

export const createPostmasterDesk = ({ domains, read, forward }: PostmasterDeskOptions): Desk => ({
  owns: async ({ localPart, domain }) =>
    (NAMES.has(localPart) && domains.includes(domain)) ||
    // RFC 5321 §4.1.1.3.
    (localPart === "postmaster" && domain === "")
      ? "yes"
      : "no",
  // What a complaint proves itself by stands at its beginning.
  wanted: { bytes: LETTER_BYTES, beyond: "cut" },
  recipients: 1,
  take: async (delivery) => {
    const told = await read(delivery);
    if (told !== "other" && told !== "auto-reply" && told !== "unproved") return replyToReport(told);
    return delivery.isCut === true ? tooLarge(LETTER_BYTES) : forward(delivery);
  },
});
