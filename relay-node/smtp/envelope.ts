/**
 * The commands that name a mail's sender and recipient, and whether this server can take it at all.
 *
 * Invariant: an address can never end its command or add parameters to it. It does not validate addresses
 * beyond that; the gateway did.
 */
import type { Capabilities } from "./capabilities.ts";
import type { Transaction } from "./transaction.ts";

/** Without line ends. `refused` is our own verdict: the server was not asked. `otherHostMay`: another MX may be able to. */
export type Envelope =
  | { kind: "envelope"; mail: string; rcpt: string }
  | { kind: "refused"; reason: string; otherHostMay: boolean };

export const formatEnvelope = (transaction: Transaction, eightBit: boolean, capabilities: Capabilities): Envelope => {
  const { mailFrom, rcptTo } = transaction;
  const sizeOctets = transaction.message.length;
  if (!fitsInPath(mailFrom)) return { kind: "refused", reason: "5.1.7 malformed sender address", otherHostMay: false };
  if (!fitsInPath(rcptTo)) return { kind: "refused", reason: "5.1.3 malformed recipient address", otherHostMay: false };

  const { sizeLimitOctets } = capabilities;
  // RFC 1870 §6.1: no use in sending what the server has said it refuses.
  if (sizeLimitOctets !== undefined && sizeOctets > sizeLimitOctets) {
    const reason = `5.3.4 the message has ${sizeOctets} octets, the server takes ${sizeLimitOctets}`;
    return { kind: "refused", reason, otherHostMay: false };
  }
  // RFC 6531 §3.1, with the code of §3.5.
  const smtpUtf8 = transaction.needsSmtpUtf8 || !isAscii(mailFrom) || !isAscii(rcptTo);
  if (smtpUtf8 && !capabilities.smtpUtf8)
    return { kind: "refused", reason: "5.6.7 the server does not offer SMTPUTF8", otherHostMay: true };

  let mail = `MAIL FROM:<${mailFrom}>`;
  if (capabilities.size) mail += ` SIZE=${sizeOctets}`;
  // RFC 6152 §3 would have us re-encode for a server without it. Such servers pass 8 bits in practice, and
  // re-encoding breaks the DKIM signature for certain.
  if (eightBit && capabilities.eightBitMime) mail += " BODY=8BITMIME";
  if (smtpUtf8) mail += " SMTPUTF8";
  return { kind: "envelope", mail, rcpt: `RCPT TO:<${rcptTo}>` };
};

/** No control character anywhere; space and angle brackets only inside a quoted local part (RFC 5321 §4.1.2). */
const fitsInPath = (address: string): boolean => {
  let quoted = false;
  for (let i = 0; i < address.length; i++) {
    const char = address.charCodeAt(i);
    if (char < 0x20 || char === 0x7f) return false;
    if (char === 0x22) quoted = !quoted;
    else if (char === 0x5c && quoted) i++;
    else if (!quoted && (char === 0x20 || char === 0x3c || char === 0x3e)) return false;
  }
  return !quoted;
};

const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
};
