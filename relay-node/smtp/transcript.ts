/**
 * What was said on a connection, kept for people: `C: MAIL FROM:<…>`, `S: 250 2.1.0 Ok`.
 *
 * Bounded in lines and in the length of each. It never holds a message, only its size, and never a secret:
 * whoever says one passes the masked line. On the hot path: a line costs one short string.
 */
const LIMIT_LINES = 200;
const LIMIT_LINE_CHARS = 500;

export class Transcript {
  #lines: string[] = [];

  /** A command of ours, without its line end. */
  client(line: string): void {
    this.#add("C: ", line);
  }

  /** The lines of a reply. */
  server(lines: readonly string[]): void {
    for (const line of lines) this.#add("S: ", line);
  }

  /** The lines since the last `take`. */
  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  #add(who: string, line: string): void {
    if (this.#lines.length < LIMIT_LINES)
      this.#lines.push(who + (line.length > LIMIT_LINE_CHARS ? `${line.slice(0, LIMIT_LINE_CHARS)}…` : line));
    else if (this.#lines.length === LIMIT_LINES) this.#lines.push("… (more lines are not kept)");
  }
}
