/**
 * Base64 of bytes that come in pieces, of any sizes: what does not fill a group of three waits for the next piece.
 */
const PIECE = 0x6000;

export class Base64Stream {
  #text = "";
  #rest: number[] = [];

  add(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#rest.length + bytes.length);
    joined.set(this.#rest);
    joined.set(bytes, this.#rest.length);
    const whole = joined.length - (joined.length % 3);
    for (let start = 0; start < whole; start += PIECE)
      this.#text += btoa(String.fromCharCode(...joined.subarray(start, Math.min(whole, start + PIECE))));
    this.#rest = [...joined.subarray(whole)];
  }

  end(): string {
    return this.#text + btoa(String.fromCharCode(...this.#rest));
  }
}
