/**
 * Parts of a received message, decoded: as a stream, as text, as images inside of HTML.
 *
 * Total: an unknown charset is read as UTF-8, octets that are no text become U+FFFD. What is read into memory is
 * bounded, a stream has one piece at a time.
 */
import { decoderOf } from "#contract/mime/transfer-decoding.ts";
import type { ReceivedPart } from "#contract/received.ts";
import { Base64Stream } from "./base64-stream.ts";

/** Octets `start` to `end` of the message; `undefined`: it is gone. */
export type ReadBytes = (start: number, end: number) => Promise<Uint8Array | undefined>;

export type EncodedPart = Pick<ReceivedPart, "encoding" | "start" | "end">;

const PIECE_BYTES = 2 * 1024 * 1024;
/** Encoded octets of all that is read as text of one kind, and decoded ones of all images. */
const TEXT_BYTES = 4 * 1024 * 1024;
const IMAGES_BYTES = 2 * 1024 * 1024;
/** What browsers show as a picture and run nothing of. */
const IMAGE = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;

export class PartReader {
  readonly #read: ReadBytes;

  constructor(read: ReadBytes) {
    this.#read = read;
  }

  /** The connection breaks off when the message is deleted meanwhile: half a file must not look whole. */
  stream(part: EncodedPart): ReadableStream<Uint8Array> {
    const pieces = this.#pieces(part);
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    });
  }

  /** The parts one below the other; null: there are none. */
  async text(parts: readonly ReceivedPart[]): Promise<string | null> {
    const texts: string[] = [];
    let left = TEXT_BYTES;
    for (const part of parts) {
      const end = Math.min(part.end, part.start + left);
      left -= end - part.start;
      const decoder = textDecoder(part.charset);
      let text = "";
      for await (const piece of this.#pieces({ ...part, end })) text += decoder.decode(piece, { stream: true });
      texts.push(text + decoder.decode());
    }
    return texts.length > 0 ? texts.join("\n") : null;
  }

  /** Small images that the HTML names by their Content-ID (RFC 2392) stand in it; others stay names. */
  async withInlineImages(html: string, attachments: readonly ReceivedPart[]): Promise<string> {
    let [shown, left] = [html, IMAGES_BYTES];
    for (const part of attachments) {
      const name = part.content_id === null ? "" : `cid:${part.content_id}`;
      if (name.length <= "cid:".length || !IMAGE.test(part.type) || part.size > left || !shown.includes(name)) continue;
      left -= part.size;
      const base64 = new Base64Stream();
      for await (const piece of this.#pieces(part)) base64.add(piece);
      // Only whole attribute values: one name may be the beginning of another. One image may stand there once.
      for (const quote of ['"', "'"])
        shown = shown.replace(
          `${quote}${name}${quote}`,
          () => `${quote}data:${part.type};base64,${base64.end()}${quote}`,
        );
    }
    return shown;
  }

  async *#pieces({ encoding, start, end }: EncodedPart): AsyncGenerator<Uint8Array> {
    const decoder = decoderOf(encoding);
    for (let at = start; at < end; at += PIECE_BYTES) {
      const piece = await this.#read(at, Math.min(end, at + PIECE_BYTES));
      if (piece === undefined) throw new Error("the message is gone");
      yield decoder.add(piece);
    }
    yield decoder.end();
  }
}

const textDecoder = (charset: string | null): TextDecoder => {
  try {
    return new TextDecoder(charset ?? "utf-8");
  } catch {
    return new TextDecoder();
  }
};
