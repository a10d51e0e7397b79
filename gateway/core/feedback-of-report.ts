/**
 * What a proved report makes of a delivery: bounced after all, complained about, or nothing.
 *
 * The proof says which delivery it is; the report is only asked what became of it. A bounce takes the address off all
 * later mail only when it speaks of that very person: a dead member of a list, or a dead forward to somewhere else,
 * says nothing of the address that we know. Pure: it writes nothing down.
 */
import type { EventData } from "#contract/event.ts";
import {
  type BouncedRecipient,
  bounceTypeOfRecipient,
  type InboundBounce,
  type InboundComplaint,
} from "#contract/inbound.ts";
import { isSandboxAddress } from "#contract/sandbox.ts";

export type ReportFeedback =
  | { kind: "bounced"; isHard: boolean; data: EventData }
  | { kind: "complained" | "unsubscribed"; data: EventData };

/** `undefined`: the delivery stands as it is; the report is a receipt, or news of a delay. */
export const feedbackOfBounce = (bounce: InboundBounce, rcpt: string): ReportFeedback | undefined => {
  const told = recipientFor(bounce.recipients, rcpt);
  const verdict = told && bounceTypeOfRecipient(told);
  // RFC 3464 §2.3.3: while it is delayed it is still being tried.
  if (!verdict || told.action !== "failed") return undefined;
  const { diagnostic, remote_mta } = told;
  return {
    kind: "bounced",
    isHard: verdict.type === "Permanent" && isAbout(told, rcpt) && !isSandboxAddress(rcpt),
    data: {
      by_mail: true,
      bounce: {
        ...verdict,
        message: diagnostic ?? "The recipient's side took the message and returned it later.",
        diagnosticCode: diagnostic === undefined ? [] : [diagnostic],
      },
      ...(diagnostic === undefined ? {} : { reason: diagnostic }),
      ...(remote_mta === undefined ? {} : { route: { host: remote_mta } }),
    },
  };
};

export const feedbackOfComplaint = ({ feedback_type, user_agent }: InboundComplaint): ReportFeedback => ({
  // RFC 5965 §7.3: it asks to be taken off the list, and calls nothing abuse.
  kind: feedback_type === "opt-out" ? "unsubscribed" : "complained",
  data: { by_mail: true, complaint: { feedback_type, ...(user_agent === undefined ? {} : { user_agent }) } },
});

/** One that names the address itself, else the first that failed, else the first. */
const recipientFor = (recipients: readonly BouncedRecipient[], rcpt: string): BouncedRecipient | undefined =>
  recipients.find(({ final_recipient }) => isSame(final_recipient, rcpt)) ??
  recipients.find(({ action }) => action === "failed") ??
  recipients[0];

/** Many systems write the address with a host of theirs inside: the local part then stays, and the domain's end. */
const isAbout = ({ final_recipient, original_recipient }: BouncedRecipient, rcpt: string): boolean => {
  const named = final_recipient ?? original_recipient;
  if (named === undefined) return true;
  const [one, other] = [named.toLowerCase(), rcpt.toLowerCase()];
  return localPartOf(one) === localPartOf(other) && isOneHouse(domainOf(one), domainOf(other));
};

/** The same domain, or one under the other. Another one is where the mail was forwarded to. */
const isOneHouse = (one: string, other: string): boolean =>
  one === other || one.endsWith(`.${other}`) || other.endsWith(`.${one}`);

const isSame = (named: string | undefined, rcpt: string): boolean => named?.toLowerCase() === rcpt.toLowerCase();
const localPartOf = (address: string): string => address.slice(0, Math.max(0, address.lastIndexOf("@")));
const domainOf = (address: string): string => address.slice(address.lastIndexOf("@") + 1);
