/**
 * The bytes of one message as they come, up to what its recipients want of it, in one piece of memory.
 *
 * Invariant: all messages under way hold no more than one allowance together, however small the pieces are that they
 * come in. Beyond what is wanted bytes are counted and dropped.
 */

/** Memory for all messages under way. */
export class Allowance {
  #leftBytes: number;

  constructor(bytes: number) {
    this.#leftBytes = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#leftBytes += bytes;
  }
}

const FIRST_BYTES = 4096;

export class MessageBytes {
  readonly #allowance: Allowance;
  readonly #wantedBytes: number;
  #buffer = Buffer.alloc(0);
  #keptBytes = 0;
  #countedBytes = 0;
  #hasRoom = true;

  constructor(allowance: Allowance, wantedBytes: number) {
    this.#allowance = allowance;
    this.#wantedBytes = wantedBytes;
  }

  add(chunk: Uint8Array): void {
    this.#countedBytes += chunk.length;
    const piece = chunk.subarray(0, Math.max(0, this.#wantedBytes - this.#keptBytes));
    if (!this.#hasRoom || piece.length === 0) return;
    this.#hasRoom = this.#grow(this.#keptBytes + piece.length);
    if (!this.#hasRoom) return this.drop();
    this.#buffer.set(piece, this.#keptBytes);
    this.#keptBytes += piece.length;
  }

  /** What was wanted of it; `undefined`: there was no memory for it. */
  get bytes(): Uint8Array | undefined {
    return this.#hasRoom ? this.#buffer.subarray(0, this.#keptBytes) : undefined;
  }

  /** All that came. */
  get countedBytes(): number {
    return this.#countedBytes;
  }

  drop(): void {
    this.#allowance.giveBack(this.#buffer.length);
    this.#buffer = Buffer.alloc(0);
    this.#keptBytes = 0;
  }

  #grow(neededBytes: number): boolean {
    const before = this.#buffer;
    if (neededBytes <= before.length) return true;
    const bytes = Math.min(Math.max(neededBytes, before.length * 2, FIRST_BYTES), this.#wantedBytes);
    if (!this.#allowance.take(bytes)) return false;
    this.#buffer = Buffer.allocUnsafeSlow(bytes);
    this.#buffer.set(before.subarray(0, this.#keptBytes));
    this.#allowance.giveBack(before.length);
    return true;
  }
}
