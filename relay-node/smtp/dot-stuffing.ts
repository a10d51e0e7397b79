/**
 * A message as DATA carries it: dots at the start of a line doubled (RFC 5321 §4.5.2), CRLF the only line end.
 *
 * Invariant: no CR or LF stands alone in what goes out (RFC 5321 §2.3.8), so no server, however it reads
 * line ends, sees the end of the message before we write it (SMTP smuggling). A message that is already in
 * wire form is not copied. It does not write the final `.`.
 */
const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

export type PreparedMessage = {
  /** The bytes for the wire, without the terminating dot: the message's own array when nothing had to change. */
  wire: Uint8Array;
  /** Some octet is above 127: `BODY=8BITMIME` (RFC 6152 §3). */
  eightBit: boolean;
};

/** One pass over the bytes; a second one, with a copy, only for a message that needs it. */
export const prepareMessage = (message: Uint8Array): PreparedMessage => {
  let bits = 0;
  let growthOctets = 0;
  let previous = LF;
  for (let i = 0; i < message.length; i++) {
    const byte = message[i] ?? 0;
    bits |= byte;
    if (byte === LF) {
      if (previous !== CR) growthOctets++;
    } else if (previous === LF) {
      if (byte === DOT) growthOctets++;
    } else if (previous === CR) growthOctets += byte === DOT ? 2 : 1;
    previous = byte;
  }
  if (previous === CR) growthOctets++;
  else if (previous !== LF) growthOctets += 2;
  return { wire: growthOctets === 0 ? message : rewrite(message, growthOctets), eightBit: bits > 0x7f };
};

const rewrite = (message: Uint8Array, growthOctets: number): Uint8Array => {
  const wire = new Uint8Array(message.length + growthOctets);
  let at = 0;
  const endLine = (): void => {
    wire[at++] = CR;
    wire[at++] = LF;
  };
  let lineStart = 0;
  while (lineStart < message.length) {
    const lineEnd = nextLineEnd(message, lineStart);
    if (message[lineStart] === DOT) wire[at++] = DOT;
    wire.set(message.subarray(lineStart, lineEnd), at);
    at += lineEnd - lineStart;
    endLine();
    lineStart = lineEnd + (message[lineEnd] === CR && message[lineEnd + 1] === LF ? 2 : 1);
  }
  return wire;
};

/** Where the line that starts at `from` ends: its CR or LF, or the end of the message. */
const nextLineEnd = (message: Uint8Array, from: number): number => {
  for (let i = from; i < message.length; i++) if (message[i] === LF || message[i] === CR) return i;
  return message.length;
};

/** What a server makes of it: one dot off each line that starts with one. The input is `wire`, without the final dot. */
export const unstuffDots = (wire: Uint8Array): Uint8Array => {
  const message = new Uint8Array(wire.length);
  let at = 0;
  let lineStart = 0;
  while (lineStart < wire.length) {
    const lf = wire.indexOf(LF, lineStart);
    const lineEnd = lf < 0 ? wire.length : lf + 1;
    const line = wire.subarray(wire[lineStart] === DOT ? lineStart + 1 : lineStart, lineEnd);
    message.set(line, at);
    at += line.length;
    lineStart = lineEnd;
  }
  return message.subarray(0, at);
};
