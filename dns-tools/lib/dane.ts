/**
 * TLSA records as senders use them for mail (RFC 7672 §3): which of them they can use, and as text.
 *
 * Whether one fits the certificate that the host shows is not known here: nobody asks the host.
 */
import type { RecordData } from "./resolver.ts";

export type Tlsa = RecordData["TLSA"];

/** RFC 6698 §2.1.3: SHA-256 and SHA-512. */
const DIGEST_OCTETS = new Map([
  [1, 32],
  [2, 64],
]);

/** Why senders skip a record, as a clause; `undefined`: they use it. */
export const tlsaProblem = ({ usage, selector, matchingType, certificate }: Tlsa): string | undefined => {
  // RFC 7672 §3.1.3: these ask for a public authority, and senders of mail have no list of those in common.
  if (usage < 2) return `its usage is ${usage}, which is for web servers; mail knows 2 and 3`;
  if (usage > 3) return `its usage is ${usage}, and there are only 2 and 3 for mail`;
  if (selector > 1) return `its selector is ${selector}, and there are only 0 and 1`;
  const digestOctets = DIGEST_OCTETS.get(matchingType);
  if (digestOctets === undefined && matchingType !== 0)
    return `its matching type is ${matchingType}, and there are only 0, 1 and 2`;
  const { byteLength } = certificate;
  if (byteLength === (digestOctets ?? byteLength) && byteLength > 0) return undefined;
  return `it has ${byteLength} octets where ${digestOctets ?? "those of a certificate"} belong`;
};

/** RFC 6698 §2.2. */
export const formatTlsa = ({ usage, selector, matchingType, certificate }: Tlsa): string => {
  const hex = Array.from(certificate, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return `${usage} ${selector} ${matchingType} ${hex}`;
};
