/**
 * The field by which a complaint finds its email (`#contract/feedback-id.ts`), put among the content's header fields.
 *
 * A customer's own Feedback-ID is kept, for they read Gmail's figures by it and a second one would make Gmail ignore
 * both; ours then has a name of its own. Either way nobody can make one that proves something: it carries our mac.
 */
import type { KeyObject } from "node:crypto";
import {
  FEEDBACK_FIELD,
  feedbackSignedText,
  type FeedbackToken,
  formatFeedbackId,
  OWN_FEEDBACK_FIELD,
} from "#contract/feedback-id.ts";
import type { EmailContent, LeasedDelivery, LeasedEmail } from "#contract/relay-protocol.ts";
import { returnPathMac } from "./gateway-store.ts";

/** `delivery`: whose alone the message is; absent when all recipients of the email share it. */
export const withFeedbackId = (
  content: EmailContent,
  account: string,
  { k, meta }: LeasedEmail,
  delivery: LeasedDelivery | undefined,
  returnPathKey: KeyObject,
): EmailContent => {
  const token: FeedbackToken = delivery ? { of: "delivery", account, k: delivery.k } : { of: "email", account, k };
  const mac = returnPathMac(returnPathKey, feedbackSignedText(token));
  const theirs = Object.entries(content.headers ?? {}).filter(([name]) => !isNamed(name, OWN_FEEDBACK_FIELD));
  const field = theirs.some(([name]) => isNamed(name, FEEDBACK_FIELD)) ? OWN_FEEDBACK_FIELD : FEEDBACK_FIELD;
  const ours = [field, formatFeedbackId(token, mac, meta.stream ?? "transactional")] as const;
  return { ...content, headers: Object.fromEntries([...theirs, ours]) };
};

const isNamed = (name: string, field: string): boolean => name.toLowerCase() === field.toLowerCase();
