/**
 * What a refusal says, in Resend's words, and whether it says that the recipient's address itself is no good.
 *
 * Only that takes an address off all later mail, so whatever could be about us, this mail, a policy or our own look-ups
 * never does: the recipient's server must have said it, of the recipient, in words or codes for an address that is not
 * there (`bounce-type.ts`). Gateway and relay decide by this same function. It writes nothing down.
 */
import { bounceTypeOf, type BounceVerdict, type Refusal } from "./bounce-type.ts";
import type { Outcome } from "./outcome.ts";
import { isSandboxAddress } from "./sandbox.ts";

/** What is told of an attempt, as far as it counts here. */
export type Refused = Pick<Outcome, "kind" | "phase" | "reply" | "reason">;

/** `message` is a sentence for people, `diagnosticCode` what the server said (RFC 3464 §2.3.6), if there was one. */
export type BounceTold = BounceVerdict & { message: string; diagnosticCode: string[] };

/** For an outcome of kind `bounced`. */
export const bounceOf = ({ phase, reply, reason }: Refused): BounceTold => {
  const verdict = bounceTypeOf(reply ?? ownWords(reason));
  // MAIL names the sender: "no such user" is not about the recipient there.
  const told: BounceVerdict =
    phase === "mail" && verdict.type === "Permanent" ? { type: "Transient", subType: "General" } : verdict;
  return {
    ...told,
    message: reason ?? reply?.text ?? "The recipient's server refused the message.",
    diagnosticCode: reply ? [`smtp; ${[reply.code, reply.enhanced, reply.text].filter(Boolean).join(" ")}`] : [],
  };
};

/** Whether no mail should go to this recipient any more: the address itself was refused for good. */
export const refusesAddress = (recipient: string, outcome: Refused): boolean => {
  const { kind, phase, reply } = outcome;
  // What our own look-up of the domain says (`route`) may be our resolver's fault, and costs no server anything.
  if (kind !== "bounced" || reply === undefined || phase === undefined || !OF_RECIPIENT.has(phase)) return false;
  // RFC 3463 §3.8: security and policy, whatever the words.
  if (reply.enhanced?.startsWith("5.7.")) return false;
  // The sandbox plays a bounce as often as it is asked to.
  return bounceTypeOf(reply).type === "Permanent" && !isSandboxAddress(recipient);
};

/** Where a refusal answers the recipient, who is the only one of the transaction. */
const OF_RECIPIENT: ReadonlySet<Outcome["phase"]> = new Set(["rcpt", "data", "dot"]);

/** Our own reasons begin with the code that fits, `5.1.10 the domain takes no mail`. */
const ownWords = (reason = ""): Refusal => {
  const [, enhanced, text] = /^(5\.\d{1,3}\.\d{1,3}) (.*)$/.exec(reason) ?? [];
  return { enhanced, text: text ?? reason };
};
