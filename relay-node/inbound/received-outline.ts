/**
 * Where the parts of a message stand (RFC 2046 §5.1): its leaves as ranges of octets, each with its header block.
 *
 * Boundaries are sought as bytes, so a message of 40 MB without one costs a scan. Invariant: whatever the bytes are,
 * the work is bounded; what goes deeper or has more parts than the bounds counts to the last leaf. What a header means
 * is not known here, but for the one parameter that the structure needs.
 */
import { HEADER_LIMIT_BYTES, PARTS_LIMIT } from "#contract/received.ts";

/** `header` ends with its last line; the content is from `start` to `end`. */
export type Leaf = { header: Uint8Array; start: number; end: number };

/** `top`: the header of the message. */
export type Outline = { top: Uint8Array; leaves: Leaf[] };

const DEPTH = 10;
const MULTIPARTS = 50;
const BOUNDARY_LENGTH = 200;
/** Lines that begin as a boundary does. */
const CANDIDATES = 10_000;
const PART_HEADER_BYTES = 16 * 1024;
const [LF, CR, HYPHEN, SPACE, TAB] = [0x0a, 0x0d, 0x2d, 0x20, 0x09];

/** `undefined`: its header is longer than `HEADER_LIMIT_BYTES`. */
export const outlineOf = (bytes: Uint8Array): Outline | undefined => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const top = headerAt(buffer, 0, HEADER_LIMIT_BYTES);
  return top && { top: top.header, leaves: new Walk(buffer).walk(top) };
};

type Header = { header: Buffer; start: number };
type Open = { line: Buffer; next: number };

class Walk {
  readonly #bytes: Buffer;
  readonly #leaves: Leaf[] = [];
  /** Multiparts that are open, the outermost first; `next`: where a line that may be its boundary begins. */
  #open: Open[] = [];
  #candidates = 0;
  #multiparts = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  walk(top: Header): Leaf[] {
    let at: Header | undefined = top;
    while (at) {
      const isMultipart = this.#enter(at);
      const found = this.#nextBoundary(at.start);
      if (!isMultipart)
        this.#leaves.push({ ...at, end: found ? endOfContent(this.#bytes, at.start, found.at) : this.#bytes.length });
      at = found && this.#partBehind(found);
    }
    return this.#leaves;
  }

  #enter({ header, start }: Header): boolean {
    const boundary = this.#open.length < DEPTH ? boundaryOf(header.toString("latin1")) : undefined;
    // Each costs a scan.
    if (boundary === undefined || ++this.#multiparts > MULTIPARTS) return false;
    const line = Buffer.from(`--${boundary}`, "latin1");
    this.#open.push({ line, next: this.#lineFrom(line, start) });
    return true;
  }

  /** The part behind a boundary; behind a last one the part behind the next: what is between belongs to nobody. */
  #partBehind(found: Found): Header | undefined {
    let at: Found | undefined = found;
    while (at) {
      this.#open = this.#open.slice(0, at.isLast ? at.level : at.level + 1);
      if (!at.isLast) {
        if (this.#leaves.length + 1 >= PARTS_LIMIT) this.#open = [];
        return headerAt(this.#bytes, at.end, PART_HEADER_BYTES) ?? { header: Buffer.alloc(0), start: at.end };
      }
      at = this.#nextBoundary(at.end);
    }
    return undefined;
  }

  #nextBoundary(from: number): Found | undefined {
    for (let start = from; ;) {
      let best: Open | undefined;
      // The inner one counts where two begin alike, and ends first.
      for (const open of this.#open) {
        if (open.next < start) open.next = this.#lineFrom(open.line, start);
        if (!best || open.next < best.next || (open.next === best.next && open.line.length > best.line.length))
          best = open;
      }
      if (!best || best.next === Infinity) return undefined;
      if (++this.#candidates > CANDIDATES) return void (this.#open = []);
      const found = this.#judge(best.next);
      if (found) return found;
      start = best.next + 1;
    }
  }

  /** A line that begins as boundaries do: the innermost that it is, if any. */
  #judge(at: number): Found | undefined {
    const lf = this.#bytes.indexOf(LF, at);
    const end = lf < 0 ? this.#bytes.length : lf + 1;
    for (const [level, { line, next }] of [...this.#open.entries()].toReversed()) {
      if (next !== at) continue;
      let rest = at + line.length;
      const isLast = this.#bytes[rest] === HYPHEN && this.#bytes[rest + 1] === HYPHEN;
      if (isLast) rest += 2;
      while (rest < end && isBlank(this.#bytes[rest])) rest += 1;
      if (rest === end) return { at, end, level, isLast };
    }
    return undefined;
  }

  /** Where a line begins so, from `start` on, which is the beginning of a line or in one. */
  #lineFrom(line: Buffer, start: number): number {
    for (let at = this.#bytes.indexOf(line, start); ; at = this.#bytes.indexOf(line, at + 1)) {
      if (at < 0) return Infinity;
      if (at === 0 || this.#bytes[at - 1] === LF) return at;
      // In the middle of a line: no boundary, and to be counted as little else is.
      if (++this.#candidates > CANDIDATES) return Infinity;
    }
  }
}

type Found = { at: number; end: number; level: number; isLast: boolean };

const isBlank = (byte: number | undefined): boolean => byte === SPACE || byte === TAB || byte === CR || byte === LF;

/** RFC 2046 §5.1.1: the line break before a boundary belongs to it. */
const endOfContent = (bytes: Buffer, start: number, boundaryAt: number): number => {
  let end = boundaryAt;
  if (end > start && bytes[end - 1] === LF) end -= 1;
  if (end > start && bytes[end - 1] === CR) end -= 1;
  return end;
};

/** `undefined`: it has no end within the limit. Without any line of a body it ends with the message. */
const headerAt = (bytes: Buffer, at: number, limitBytes: number): Header | undefined => {
  const head = bytes.subarray(at, at + limitBytes);
  let line = 0;
  while (line < head.length) {
    const lf = head.indexOf(LF, line);
    if (lf < 0) break;
    if (lf === line || (lf === line + 1 && head[line] === CR))
      return { header: head.subarray(0, line), start: at + lf + 1 };
    line = lf + 1;
  }
  return at + head.length < bytes.length ? undefined : { header: head, start: at + head.length };
};

/** Of a multipart; RFC 2045 §5.1. */
const boundaryOf = (header: string): string | undefined => {
  const unfolded = header.replaceAll(/\r?\n[ \t]/g, " ");
  const [, type = ""] = /^content-type[ \t]*:(.*)$/im.exec(unfolded) ?? [];
  if (!/^\s*multipart\//i.test(type)) return undefined;
  const [, quoted, token] = /;\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(type) ?? [];
  const boundary = quoted?.replaceAll(/\\(.)/g, "$1").trimEnd() ?? token ?? "";
  return boundary !== "" && boundary.length <= BOUNDARY_LENGTH ? boundary : undefined;
};
