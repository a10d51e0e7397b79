/**
 * Which recipients get no mail, and the words in which each is told why: the account's own list first, then the
 * operator's. Who stands there by address and by domain is told by address.
 */
import type { SuppressionOrigin } from "#contract/suppression.ts";
import { suppressedNamesOf } from "./suppressed-address.ts";

/** What the event of a delivery that was not made says, in Resend's words. */
export type Suppressed = { type: string; reason: string; message: string };

/** `origins`: the account's own rows by address; `byOperator`: names on the operator's list. */
export const blockedOf = (
  recipients: readonly string[],
  origins: ReadonlyMap<string, SuppressionOrigin>,
  byOperator: ReadonlySet<string>,
): ReadonlyMap<string, Suppressed> => {
  const blocked = new Map<string, Suppressed>();
  for (const recipient of recipients) {
    const names = suppressedNamesOf(recipient);
    const own = names.find((name) => origins.has(name));
    const origin = own === undefined ? undefined : origins.get(own);
    const others = names.find((name) => byOperator.has(name));
    if (own !== undefined && origin !== undefined) blocked.set(recipient, byAccount(own, origin));
    else if (others !== undefined) blocked.set(recipient, byTheOperator(others));
  }
  return blocked;
};

const REASONS: Record<SuppressionOrigin, readonly [reason: string, text: string]> = {
  bounce: ["previous_bounce", "mail to it has bounced for good before"],
  complaint: ["previous_complaint", "its owner has reported mail as spam"],
  unsubscribe: ["unsubscribed", "its owner has unsubscribed"],
  manual: ["manual", "it was put there by hand"],
};

const byAccount = (name: string, origin: SuppressionOrigin): Suppressed => {
  const [reason, text] = REASONS[origin];
  return {
    type: "OnAccountSuppressionList",
    reason,
    message: `${name} is on the account's suppression list: ${text}.`,
  };
};

const byTheOperator = (name: string): Suppressed => ({
  type: "Suppressed",
  reason: "operator",
  message: `${name} is on this service's list of addresses that never exist.`,
});
