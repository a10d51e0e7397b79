/**
 * What every mail says of itself, so that a complaint finds its delivery when its reporter has blacked out all
 * addresses: `Feedback-ID: <e|d><k>.<mac>:<stream>:<account>:hikyaku`, k of the email or of the delivery in base 36.
 *
 * A message that all recipients of an email share can name the email only; one that is made for its recipient names
 * the delivery. The mac is HMAC-SHA256 over a text of its own with the account's return-path key, so this is no return-path. The last field is the same in all our mail, as Gmail's feedback loop wants it. Computing the mac is the
 * caller's, as for return-paths.
 */
import { base32, isAccountId } from "./ids.ts";

export type FeedbackToken = { of: "email" | "delivery"; account: string; k: number };

/** The field, when the customer has not set one; and ours beside theirs, when they have. */
export const FEEDBACK_FIELD = "Feedback-ID";
export const OWN_FEEDBACK_FIELD = "X-Hikyaku-Feedback-ID";

const MAC_LENGTH = 16;
const FORM = /^([ed])([0-9a-z]{1,11})\.([0-9a-z]{16}):[a-z]{1,20}:([0-9a-z]{12}):hikyaku$/;

/** The text that the mac is computed over. */
export const feedbackSignedText = ({ of, account, k }: FeedbackToken): string =>
  `feedback ${of} ${account}.${k.toString(36)}`;

export const formatFeedbackId = (token: FeedbackToken, hmacSha256: Uint8Array, stream: string): string =>
  `${token.of[0]}${token.k.toString(36)}.${base32(hmacSha256, MAC_LENGTH)}:${stream}:${token.account}:hikyaku`;

/** `mac` is still to be compared with `base32(hmac, 16)` in constant time. */
export const parseFeedbackId = (value: string): (FeedbackToken & { mac: string }) | undefined => {
  const [, of, k = "", mac = "", account = ""] = FORM.exec(value.trim().toLowerCase()) ?? [];
  const token = { of: of === "e" ? "email" : "delivery", account, k: Number.parseInt(k, 36), mac } as const;
  return isAccountId(account) && Number.isSafeInteger(token.k) ? token : undefined;
};
