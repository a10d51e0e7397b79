/**
 * A received message on its way to the gateway: `PUT /relay/inbound/messages/:key`, its line and then its octets.
 *
 * One try: what cannot be kept now is `unavailable`, and the server that sent the mail comes again. By its key the
 * gateway knows what it has already. Never rejects.
 */
import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { type ReceivedMail, ReceivedReply, type ReceivedVerdict } from "#contract/received.ts";

export type ReceivedPostOptions = { gatewayUrl: string; token: string; log: Logger };

/** `bytes`: what is kept, in pieces. */
export type Post = (
  account: string,
  key: string,
  mail: ReceivedMail,
  bytes: readonly Uint8Array[],
) => Promise<ReceivedVerdict | "unavailable">;

const TIMEOUT_MS = 2 * 60_000;
const PIECE_BYTES = 256 * 1024;

export const createReceivedPost =
  ({ gatewayUrl, token, log }: ReceivedPostOptions): Post =>
  async (account, key, mail, bytes) => {
    try {
      const response = await fetch(new URL(`/relay/inbound/messages/${key}?account=${account}`, gatewayUrl), {
        method: "PUT",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" },
        body: ReadableStream.from(piecesOf(`${JSON.stringify(mail)}\n`, bytes)),
        duplex: "half",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      if (response.ok) return ReceivedReply.parse(JSON.parse(text)).verdict;
      log.warn({ event: "received.not-kept", account, status: response.status });
    } catch (error) {
      log.warn({ event: "received.not-kept", account, error: String(error) });
    }
    return "unavailable";
  };

/** The same for the same mail to the same people, whoever brings it again. */
export const receivedKey = (mailFrom: string, recipients: readonly string[], bytes: Uint8Array): string =>
  createHash("sha256")
    .update(`${JSON.stringify([mailFrom, recipients.toSorted()])}\n`)
    .update(bytes)
    .digest("hex");

const piecesOf = function* (line: string, bytes: readonly Uint8Array[]): Generator<Uint8Array> {
  yield Buffer.from(line);
  for (const part of bytes)
    for (let at = 0; at < part.length; at += PIECE_BYTES) yield part.subarray(at, at + PIECE_BYTES);
};
