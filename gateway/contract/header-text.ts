/**
 * Header fields as text: what may be in them, and how it is written so that it survives every relay.
 *
 * Invariant: nothing that passes `isSafeHeaderValue` can end a header, and nothing written here has a line
 * beyond 76 characters but for a single word that cannot be broken (RFC 5322 §2.1.1 allows 998).
 */

/** Fields that the service itself writes, or that would lie about the message: customers may not set them. */
const RESERVED = new Set([
  "from", "sender", "to", "cc", "bcc", "subject", "date", "message-id", "reply-to", "return-path", "received",
  "mime-version", "dkim-signature", "authentication-results", "arc-seal", "arc-message-signature", "arc-authentication-results",
]); // prettier-ignore

const LINE_LENGTH = 76;
/** RFC 2047 §2. */
const ENCODED_WORD_LENGTH = 75;
const utf8 = new TextEncoder();

export const isReservedHeader = (name: string): boolean => {
  const lower = name.toLowerCase();
  return RESERVED.has(lower) || lower.startsWith("content-") || lower.startsWith("resent-");
};

/** RFC 5322 §2.2: printable ASCII but the colon. */
export const isSafeHeaderName = (name: string): boolean => /^[\x21-\x39\x3b-\x7e]{1,76}$/.test(name);

/** No line break, no control character but the tab, no half of a surrogate pair. */
export const isSafeHeaderValue = (value: string): boolean => {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i);
    if ((unit < 0x20 && unit !== 0x09) || unit === 0x7f || unit === 0x2028 || unit === 0x2029 || unit === 0x85) return false;
  }
  return value.isWellFormed();
};
