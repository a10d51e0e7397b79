/**
 * CRC-32 as gzip has it (RFC 1952 §8): tells a file that was damaged on its way, not one that was made to deceive.
 *
 * Node has it in node:zlib; Workers and browsers nowhere.
 */

const TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let rest = octet;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

export const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const octet of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ octet) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
};
