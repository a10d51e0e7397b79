/**
 * SMTP replies off the wire: bytes in any chunks go in, whole replies come out.
 *
 * Invariant: the same bytes give the same replies however they were cut. What is not a reply (RFC 5321 §4.2)
 * becomes one `malformed` value and the parser says nothing more: after it nobody knows which reply answers
 * which command. Memory is bounded. It does not ask whether a reply fits the command.
 */
import type { Reply } from "#contract/reply.ts";

/** RFC 5321 §4.5.3.1.5 allows 512 octets; real servers write longer lines, none this long. */
const LINE_LIMIT_OCTETS = 4096;
/** EHLO answers have a dozen lines, the longest policy lectures some twenty. */
const REPLY_LIMIT_LINES = 100;

/** Characters of a reply's text that are kept: what people read, and what travels in an outcome. */
const TEXT_LIMIT = 2000;

const LF = 0x0a;
const CR = 0x0d;

export type ReplyProblem = "not-a-reply" | "mixed-codes" | "line-too-long" | "too-many-lines";

/** `lines` are the raw lines, control characters replaced, as the transcript shows them. */
export type ParsedReply =
  | { kind: "reply"; reply: Reply; lines: readonly string[] }
  | { kind: "malformed"; problem: ReplyProblem; lines: readonly string[] };

export class ReplyParser {
  #bytes: Buffer = Buffer.alloc(0);
  #offset = 0;
  #lines: string[] = [];
  #broken = false;

  /** Takes what arrived. Call `next` until it is empty before the next `push`. */
  push(chunk: Buffer): void {
    if (this.#broken) return;
    const rest = this.#bytes.subarray(this.#offset);
    this.#bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#offset = 0;
  }

  /** The next whole reply, or undefined until more arrives. */
  next(): ParsedReply | undefined {
    while (!this.#broken) {
      const lf = this.#bytes.indexOf(LF, this.#offset);
      const lineEnd = lf < 0 ? this.#bytes.length : lf;
      if (lineEnd - this.#offset > LINE_LIMIT_OCTETS) return this.#malformed("line-too-long");
      if (lf < 0) return undefined;
      // A bare LF ends a line too: nothing can be smuggled into a reply, and old servers send it.
      const end = lf > this.#offset && this.#bytes[lf - 1] === CR ? lf - 1 : lf;
      const line = printable(this.#bytes.toString("utf8", this.#offset, end));
      this.#offset = lf + 1;
      this.#lines.push(line);
      const problem = this.#checkLine(line);
      if (problem !== undefined) return this.#malformed(problem);
      // RFC 5321 §4.2.1: a hyphen after the code says that more lines follow.
      if (line.charCodeAt(3) === 0x2d) continue;
      const lines = this.#lines;
      this.#lines = [];
      return { kind: "reply", reply: readReply(lines), lines };
    }
    return undefined;
  }

  /** Forgets everything received: after STARTTLS nothing sent in the clear may count (RFC 3207 §4.2). */
  reset(): void {
    this.#bytes = Buffer.alloc(0);
    this.#offset = 0;
    this.#lines = [];
    this.#broken = false;
  }

  #checkLine(line: string): ReplyProblem | undefined {
    if (!isReplyLine(line)) return "not-a-reply";
    if (this.#lines.length > REPLY_LIMIT_LINES) return "too-many-lines";
    // RFC 5321 §4.2.1: the code is the same on every line. Two codes are two answers to one question.
    return this.#lines[0]?.startsWith(line.slice(0, 3)) === true ? undefined : "mixed-codes";
  }

  #malformed(problem: ReplyProblem): ParsedReply {
    const lines = this.#lines;
    this.reset();
    this.#broken = true;
    return { kind: "malformed", problem, lines };
  }
}

const isDigit = (char: number): boolean => char >= 0x30 && char <= 0x39;

/** `250`, `250 text`, `250-text`; 2 to 5 as the first digit (RFC 5321 §4.2.1). */
const isReplyLine = (line: string): boolean => {
  const first = line.charCodeAt(0);
  if (first < 0x32 || first > 0x35 || !isDigit(line.charCodeAt(1)) || !isDigit(line.charCodeAt(2))) return false;
  return line.length === 3 || line.charCodeAt(3) === 0x20 || line.charCodeAt(3) === 0x2d;
};

const ENHANCED = /^([245])\.(\d{1,3})\.(\d{1,3})(?: |$)/;

const readReply = (lines: readonly string[]): Reply => {
  let enhanced: string | undefined;
  let text = "";
  for (const [index, line] of lines.entries()) {
    let part = line.slice(4);
    const match = ENHANCED.exec(part);
    // RFC 2034 §4: its class is the code's first digit. One that disagrees is text like any other.
    if (match && match[1] === line[0]) {
      enhanced ??= `${match[1]}.${match[2]}.${match[3]}`;
      part = part.slice(match[0].length);
    }
    if (text.length <= TEXT_LIMIT) text = index === 0 ? part : `${text}\n${part}`;
  }
  if (text.length > TEXT_LIMIT) text = `${text.slice(0, TEXT_LIMIT)}…`.toWellFormed();
  const code = Number(lines[0]?.slice(0, 3));
  return enhanced === undefined ? { code, text } : { code, enhanced, text };
};

const CONTROL = /\p{Cc}/u;
const CONTROLS = /\p{Cc}/gu;

const printable = (line: string): string => (CONTROL.test(line) ? line.replace(CONTROLS, " ") : line);
