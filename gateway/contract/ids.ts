/**
 * The numbers and names things are known by.
 *
 * `k` is the key of a row inside one account: milliseconds × 1024 + a counter, so it sorts by time,
 * fits an SQLite INTEGER and a JavaScript number, and needs no index beside the primary key. The public
 * id of an email or event is a UUIDv7 computed from `k` and the account, so nothing stores it.
 */

/** Rows that one millisecond of `k` can hold before the counter runs into the next one. */
export const K_PER_MS = 1024;

/** Account ids are 12 characters of this alphabet (Crockford base32, lower case): 60 bits. */
const BASE32 = "0123456789abcdefghjkmnpqrstvwxyz";
const ACCOUNT_ID = /^[0-9a-hjkmnp-tv-z]{12}$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

export const isAccountId = (text: string): boolean => ACCOUNT_ID.test(text);

/** The time a row was made, in ms since the epoch. */
export const kToMs = (k: number): number => Math.floor(k / K_PER_MS);

/**
 * The next `count` keys, as the first of them: never below what was given before, even when the clock
 * goes back; a full millisecond simply borrows from the next.
 */
export const nextK = (lastK: number, nowMs: number): number => Math.max(lastK + 1, nowMs * K_PER_MS);

/** `byteCount` random bytes as base32 text of `length` characters (5 bits each). */
export const base32 = (bytes: Uint8Array, length: number): string => {
  let text = "";
  for (let i = 0; i < length; i++) text += BASE32[(bytes[i] ?? 0) & 31];
  return text;
};

const accountBits = (account: string): bigint => {
  let bits = 0n;
  for (const char of account) bits = (bits << 5n) | BigInt(Math.max(0, BASE32.indexOf(char)));
  return bits;
};

/** How `k` of an account is written outside: a UUIDv7 (RFC 9562 §5.7). One closure per account. */
export const idFormatter = (account: string): ((k: number) => string) => {
  const tail = (accountBits(account) | (0b10n << 62n)).toString(16).padStart(16, "0");
  const end = `${tail.slice(0, 4)}-${tail.slice(4)}`;
  return (k) => {
    const ms = kToMs(k).toString(16).padStart(12, "0");
    const count = (k % K_PER_MS).toString(16).padStart(3, "0");
    return `${ms.slice(0, 8)}-${ms.slice(8)}-7${count}-${end}`;
  };
};

/** The `k` behind a public id, or `undefined` when the id is not one of this account's. */
export const parseId = (account: string, id: string): number | undefined => {
  if (!UUID_V7.test(id)) return undefined;
  const hex = id.toLowerCase();
  const ms = Number.parseInt(hex.slice(0, 8) + hex.slice(9, 13), 16);
  const count = Number.parseInt(hex.slice(15, 18), 16);
  if (count >= K_PER_MS) return undefined;
  const k = ms * K_PER_MS + count;
  return Number.isSafeInteger(k) && idFormatter(account)(k) === hex ? k : undefined;
};
