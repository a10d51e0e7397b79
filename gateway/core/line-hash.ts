/**
 * A running hash over lines: tells whether a stream that is taken up again is the one that was cut.
 *
 * Two FNV-1a lanes of 32 bits over UTF-16 units. It guards against mistakes, not against the customer, who could only
 * deceive themselves.
 */
const PRIME_A = 0x01000193;
const PRIME_B = 0x0100018d;

export class LineHash {
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;

  add(line: string): void {
    let [a, b] = [this.#a, this.#b];
    for (let i = 0; i < line.length; i++) {
      const unit = line.charCodeAt(i);
      a = Math.imul(a ^ unit, PRIME_A);
      b = Math.imul(b ^ unit, PRIME_B);
    }
    // The line's end counts, so that lines cannot run together.
    this.#a = Math.imul(a ^ 0x0a, PRIME_A);
    this.#b = Math.imul(b ^ 0x0a, PRIME_B);
  }

  /** Both lanes in one number, 53 bits of them: cheap to take after every line. */
  get value(): number {
    return (this.#a >>> 0) * 2 ** 21 + (this.#b >>> 11);
  }
}
