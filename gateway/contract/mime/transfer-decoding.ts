/**
 * Content transfer encodings undone (RFC 2045 §6), piece by piece: of a part no more is in memory than a piece.
 *
 * Total: what is no code of the encoding is skipped (base64, §6.8) or stands as it is (quoted-printable, §6.7). The
 * same octets give the same result however they are cut. Octets are read by index and held in one buffer: a stranger's
 * mail may be 40 MB of them, and an iterator or an array for each costs several times as much.
 */
export type TransferEncoding = "none" | "base64" | "quoted-printable";

export type Decoder = {
  /** What is whole so far; the piece is not kept, and may be what is returned. */
  add: (piece: Uint8Array) => Uint8Array;
  /** What is left when no more comes. */
  end: () => Uint8Array;
};

export const decoderOf = (encoding: TransferEncoding): Decoder => {
  switch (encoding) {
    case "none":
      return { add: (piece) => piece, end: () => NOTHING };
    case "base64":
      return base64Decoder();
    case "quoted-printable":
      return quotedPrintableDecoder();
  }
};

const NOTHING = new Uint8Array(0);
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NO_CODE = 64;
const VALUES = Uint8Array.from({ length: 256 }, (_, byte) => {
  const value = ALPHABET.indexOf(String.fromCharCode(byte));
  return value < 0 ? NO_CODE : value;
});
const [TAB, LF, CR, SPACE, EQUALS] = [9, 10, 13, 32, 61];

const base64Decoder = (): Decoder => {
  let bits = 0;
  let count = 0;
  const add = (piece: Uint8Array): Uint8Array => {
    const out = new Uint8Array(Math.ceil((piece.length * 3) / 4) + 1);
    let length = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] ?? 0;
      const value = VALUES[byte] ?? NO_CODE;
      if (value === NO_CODE) {
        // Padding ends a group; some join encoded pieces.
        if (byte === EQUALS) count = 0;
        continue;
      }
      bits = ((bits << 6) | value) & 0xffff;
      count += 6;
      if (count < 8) continue;
      count -= 8;
      out[length++] = bits >> count;
    }
    return out.subarray(0, length);
  };
  return { add, end: () => NOTHING };
};

const quotedPrintableDecoder = (): Decoder => {
  /** What came behind `=` and does not say yet what it is: its first `held` octets. */
  const open = new Uint8Array(LONGEST_BREAK);
  let held = 0;
  const add = (piece: Uint8Array): Uint8Array => {
    const out = new Uint8Array(piece.length + held);
    let length = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at] ?? 0;
      if (held > 0) {
        const first = held > 1 ? hexValue(open[1] ?? 0) : -1;
        const value = hexValue(byte);
        if (first >= 0 && value >= 0) {
          out[length++] = first * 16 + value;
          held = 0;
          continue;
        }
        // A soft line break.
        if (first < 0 && byte === LF) {
          held = 0;
          continue;
        }
        const goesOn = (held === 1 && value >= 0) || (first < 0 && held < LONGEST_BREAK && isBlank(byte));
        if (goesOn) {
          open[held++] = byte;
          continue;
        }
        for (let next = 0; next < held; next++) out[length++] = open[next] ?? 0;
        held = 0;
      }
      if (byte === EQUALS) open[held++] = byte;
      else out[length++] = byte;
    }
    return out.subarray(0, length);
  };
  return { add, end: () => open.slice(0, held) };
};

/** `=` and the white space that some put between it and the end of the line. */
const LONGEST_BREAK = 80;
const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB || byte === CR;

const hexValue = (byte: number): number => {
  if (byte >= 48 && byte <= 57) return byte - 48;
  // RFC 2045 §6.7: lower case is not allowed, and read.
  const letter = byte | 0x20;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
};
