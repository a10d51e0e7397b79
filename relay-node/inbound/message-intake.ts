/**
 * One message after DATA: read within its bounds, handed to the desk of each recipient, answered.
 *
 * Invariant: a message that did not come to its dot is handed to nobody.
 */
import type { Readable } from "node:stream";
import type { MessageBytes } from "./message-bytes.ts";
import { combineReplies, type Desk, type InboundDelivery, type SmtpReply, tooLarge } from "./reception.ts";

export type Recipient = { address: string; desk: Desk };
type Stream = Readable & { sizeExceeded: boolean };

/** `too-large`: its dot was not waited for. `gone`: the client went before the dot. */
export type Taken = { kind: "replied"; reply: SmtpReply } | { kind: "too-large" } | { kind: "gone" };

export const wantedBytes = (recipients: readonly Recipient[]): number =>
  Math.max(0, ...recipients.map(({ desk }) => desk.wanted.bytes));

export const takeMessage = async (
  stream: Stream,
  message: MessageBytes,
  recipients: readonly Recipient[],
  envelope: Omit<InboundDelivery, "recipient" | "recipients" | "bytes" | "isCut">,
): Promise<Taken> => {
  try {
    const end = await read(stream, message);
    if (end !== "whole") return { kind: end };
    const { bytes, countedBytes } = message;
    if (!bytes) return { kind: "replied", reply: { code: 452, text: "4.3.1 No room for it now, try again later" } };
    const headFor = oneHeadADesk(bytes);
    const replies: SmtpReply[] = [];
    for (const { address: recipient, desk } of recipients) {
      const isCut = countedBytes > desk.wanted.bytes;
      replies.push(
        isCut && desk.wanted.beyond === "refuse"
          ? tooLarge(desk.wanted.bytes)
          : await desk.take({
              ...{ ...envelope, recipient, bytes: headFor(desk), isCut },
              recipients: recipients.filter((other) => other.desk === desk).map(({ address }) => address),
            }),
      );
    }
    return { kind: "replied", reply: combineReplies(replies) };
  } finally {
    message.drop();
  }
};

const read = async (stream: Stream, message: MessageBytes): Promise<"whole" | "too-large" | "gone"> => {
  try {
    for await (const chunk of stream) {
      message.add(chunk);
      if (stream.sizeExceeded) return "too-large";
    }
    return "whole";
  } catch {
    // The stream breaks off with the connection, and by nothing else.
    return "gone";
  }
};

/** The same object each time: by it a desk knows what it has made of the message. */
const oneHeadADesk = (bytes: Uint8Array): ((desk: Desk) => Uint8Array) => {
  const heads = new Map<Desk, Uint8Array>();
  return (desk) => {
    const head = heads.get(desk) ?? bytes.subarray(0, desk.wanted.bytes);
    heads.set(desk, head);
    return head;
  };
};
