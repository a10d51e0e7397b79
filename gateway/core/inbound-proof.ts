/**
 * Which delivery a report is about, by proof alone: a token with our mac in the address it came to, or in what it
 * returns. Nothing else in a report is believed, and no object is asked before the proof holds.
 *
 * A bounce is proved by its own address only: nobody sends one anywhere else. A complaint may come to an address that
 * is for everybody and prove itself by the return-path or the Feedback-ID of the mail it is about.
 */
import { parseFeedbackId, feedbackSignedText } from "#contract/feedback-id.ts";
import { base32, kToMs } from "#contract/ids.ts";
import { type InboundReport, PROOF_DAYS } from "#contract/inbound.ts";
import { parseReturnPath, returnPathSignedText } from "#contract/return-path.ts";
import { accountMac } from "./return-path-key.ts";
import { sameText } from "./token.ts";

/** `delivery`: k is that of one recipient. `email`: k is an email's, whose recipients may be several. */
export type Proof =
  | { kind: "delivery" | "email"; account: string; k: number }
  | { kind: "forged" | "expired" | "unproved" };

const PROOF_MS = PROOF_DAYS * 24 * 3600 * 1000;

export const proofOf = async (
  masterKey: string,
  { recipient, report }: InboundReport,
  nowMs: number,
): Promise<Proof> => {
  const own = parseReturnPath(localPartOf(recipient));
  if (own) return prove("delivery", masterKey, own, returnPathSignedText(own), nowMs);
  if (report.kind === "bounce") return { kind: "unproved" };
  const { original_headers: headers, original_mail_from } = report;
  for (const field of [headers["return-path"], original_mail_from]) {
    const token = parseReturnPath(localPartOf(addressIn(field ?? "")));
    const proof = token && (await prove("delivery", masterKey, token, returnPathSignedText(token), nowMs));
    if (proof && proof.kind !== "forged") return proof;
  }
  // A customer may have set a Feedback-ID of their own: ours is beside it then.
  for (const field of [headers["x-hikyaku-feedback-id"], headers["feedback-id"]]) {
    const token = parseFeedbackId(field ?? "");
    const proof = token && (await prove(token.of, masterKey, token, feedbackSignedText(token), nowMs));
    if (proof && proof.kind !== "forged") return proof;
  }
  return { kind: "unproved" };
};

const prove = async (
  kind: "delivery" | "email",
  masterKey: string,
  { account, k, mac }: { account: string; k: number; mac: string },
  signedText: string,
  nowMs: number,
): Promise<Proof> => {
  const wanted = base32(await accountMac(masterKey, account, signedText), mac.length);
  if (!sameText(mac, wanted)) return { kind: "forged" };
  return nowMs - kToMs(k) > PROOF_MS ? { kind: "expired" } : { kind, account, k };
};

const localPartOf = (address: string): string => address.slice(0, Math.max(0, address.lastIndexOf("@")));

/** Of `<local@domain>`, as Return-Path has it, or without the brackets. */
const addressIn = (field: string): string => /<([^<>\s]+)>/.exec(field)?.[1] ?? field.trim();
