/**
 * A stream of bytes read by the length that is wanted: a line first, then chunks of a size.
 *
 * No more is in memory than what was asked for and the piece that came last.
 */
const LF = 0x0a;

export class ByteChunks {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Up to the first LF, which is taken and not given; `undefined`: there is none within so many bytes. */
  async line(limitBytes: number): Promise<string | undefined> {
    const decoder = new TextDecoder();
    let text = "";
    for (let length = 0; length <= limitBytes;) {
      const end = this.#rest.indexOf(LF);
      if (end >= 0) {
        text += decoder.decode(this.#rest.subarray(0, end));
        this.#rest = this.#rest.subarray(end + 1);
        return length + end <= limitBytes ? text : undefined;
      }
      text += decoder.decode(this.#rest, { stream: true });
      length += this.#rest.length;
      if (!(await this.#more())) return undefined;
    }
    return undefined;
  }

  /** Exactly so many bytes; `undefined`: there are fewer. */
  async take(bytes: number): Promise<ArrayBuffer | undefined> {
    const chunk = new Uint8Array(bytes);
    for (let length = 0; length < bytes;) {
      if (this.#rest.length === 0 && !(await this.#more())) return undefined;
      const piece = this.#rest.subarray(0, bytes - length);
      chunk.set(piece, length);
      length += piece.length;
      this.#rest = this.#rest.subarray(piece.length);
    }
    return chunk.buffer;
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#rest.length === 0) if (!(await this.#more())) return true;
    return false;
  }

  /** Nothing more is wanted. */
  async cancel(): Promise<void> {
    // What failed to come fails to be cancelled, too; its reader has seen that.
    await this.#reader.cancel().catch(() => undefined);
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    this.#rest = value ?? new Uint8Array(0);
    return !done;
  }
}
