/**
 * Who may be written to at this relay, and who takes what comes: the desks behind the inbound SMTP server.
 *
 * The server knows SMTP and its limits, not what mail means. Each desk says of an address whether it is its own,
 * before DATA, and what is replied to a message for it, after. A message has one reply for all its recipients
 * (RFC 5321 §4.1.1.4), so whatever desks do must bear to be done again.
 */
import { parseDomain } from "#dns/domain.ts";

/** Code and text; the enhanced code (RFC 3463) is the first word of the text. */
export type SmtpReply = { code: number; text: string };

/** Who is on the other side. */
export type InboundClient = { ip: string; helo: string; isSecure: boolean };

/** One message for one recipient, without dot-stuffing. */
export type InboundDelivery = {
  /** As RCPT had it. */
  recipient: string;
  /** All whom the message comes to at this desk; absent: only the one. */
  recipients?: readonly string[];
  /** Empty: `<>`. */
  mailFrom: string;
  /** The same object for all recipients of a message at a desk. */
  bytes: Uint8Array;
  /** More came than the desk wants, and `bytes` is its beginning. */
  isCut?: boolean;
  client: InboundClient;
};

/** Both in lower case, the domain in A-labels; without one it is `postmaster` (RFC 5321 §4.1.1.3). */
export type InboundAddress = { localPart: string; domain: string };

export type Desk = {
  /** `unknown`: cannot be found out now, the sender is to ask again. */
  owns: (address: InboundAddress) => Promise<"yes" | "no" | "unknown">;
  /** Octets of a message that are wanted. Of a longer one the rest is cut off, or it is refused. */
  wanted: { bytes: number; beyond: "cut" | "refuse" };
  /** Of one message; absent: as many as it may have at all. Who writes to more of them sends it again for the others. */
  recipients?: number;
  /** 2xx only when what it is about is durable. */
  take: (delivery: InboundDelivery) => Promise<SmtpReply>;
};

/** The first desk whose address it is, or the refusal. */
export const findDesk = async (
  desks: readonly Desk[],
  address: string,
): Promise<{ kind: "desk"; desk: Desk } | { kind: "refused"; reply: SmtpReply }> => {
  const parsed = parseAddress(address);
  for (const desk of parsed ? desks : []) {
    const answer = parsed && (await desk.owns(parsed));
    if (answer === "yes") return { kind: "desk", desk };
    if (answer === "unknown") return { kind: "refused", reply: { code: 451, text: "4.4.3 Not to be found out now" } };
  }
  return { kind: "refused", reply: { code: 550, text: "5.1.1 There is no such address here" } };
};

/** smtp-server hands domains over in Unicode. */
const parseAddress = (address: string): InboundAddress | undefined => {
  const at = address.lastIndexOf("@");
  if (at < 0) return { localPart: address.toLowerCase(), domain: "" };
  const domain = parseDomain(address.slice(at + 1));
  return domain.kind === "domain"
    ? { localPart: address.slice(0, at).toLowerCase(), domain: domain.domain }
    : undefined;
};

/**
 * One reply for all recipients: to be tried again if one of them is, else taken if one of them has it. A refusal would
 * say to the sender that nobody has the message.
 */
export const combineReplies = (replies: readonly SmtpReply[]): SmtpReply =>
  replies.find(({ code }) => code >= 400 && code < 500) ??
  replies.find(({ code }) => code < 400) ??
  replies[0] ?? { code: 451, text: "4.3.0 Try again later" };

export const tooLarge = (bytes: number): SmtpReply => ({ code: 552, text: `5.3.4 It has more than ${bytes} octets` });
