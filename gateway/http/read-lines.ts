/**
 * A request's body line by line, with never more in memory than a piece of the stream and the line being read.
 *
 * Lines end in LF or CRLF; the last may do without. A line above its limit ends the reading: its rest is not kept.
 */
export type Line = { kind: "line"; text: string } | { kind: "too-long" };

/** A client may send line by line: a read for each would cost more than all else that is done with it. */
const PIECE_BYTES = 64 * 1024;

/** `limitOf(n)`: how many characters line `n`, counted from 1, may have. */
export async function* readLines(
  body: ReadableStream<Uint8Array>,
  limitOf: (line: number) => number,
): AsyncGenerator<Line, void, void> {
  const decoder = new TextDecoder();
  let line = 1;
  /** The beginning of the line being read: joined when its end is there, so that a long one is looked through once. */
  let begun: string[] = [];
  let length = 0;
  for await (const piece of readPieces(body)) {
    const text = decoder.decode(piece, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      if (length + end - start > limitOf(line)) return yield { kind: "too-long" };
      yield { kind: "line", text: withoutCr(begun.join("") + text.slice(start, end)) };
      begun = [];
      length = 0;
      start = end + 1;
      line += 1;
    }
    begun.push(text.slice(start));
    length += text.length - start;
    if (length > limitOf(line)) return yield { kind: "too-long" };
  }
  const rest = begun.join("") + decoder.decode();
  if (rest !== "") yield { kind: "line", text: withoutCr(rest) };
}

/** Pieces of about `PIECE_BYTES`, the last as it comes; leaving early lets the stream go. */
async function* readPieces(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const reader = body.getReader({ mode: "byob" });
  try {
    for (;;) {
      const { value, done } = await reader.readAtLeast(PIECE_BYTES, new Uint8Array(PIECE_BYTES));
      if (value && value.byteLength > 0) yield value;
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

const withoutCr = (line: string): string => (line.endsWith("\r") ? line.slice(0, -1) : line);
