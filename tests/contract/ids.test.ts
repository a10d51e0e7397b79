/** Keys and public ids: keys only grow, ids give their key back, and only to their own account. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { base32, idFormatter, isAccountId, K_PER_MS, kToMs, nextK, parseId } from "#contract/ids.ts";

const NOW_MS = 1_790_000_000_000;
const ACCOUNT = "0123456789ab";

const account = fc.stringMatching(/^[0-9a-hjkmnp-tv-z]{12}$/);
/** Every key that fits: times up to the year 2248. */
const anyK = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

test("the next key is the clock's, or one more than the last when the clock is behind", () => {
  const check = (lastK: number, nowMs: number, expected: number): void =>
    expect(nextK(lastK, nowMs), `${lastK} at ${nowMs}`).toBe(expected);
  const k = NOW_MS * K_PER_MS;
  check(0, NOW_MS, k);
  check(k - 1, NOW_MS, k);
  check(k, NOW_MS, k + 1);
  check(k, NOW_MS - 60_000, k + 1);
  // A full millisecond borrows from the next.
  check(k + K_PER_MS - 1, NOW_MS, k + K_PER_MS);
  check(k + 5, NOW_MS + 1, k + K_PER_MS);
});

test("keys only grow, and never run behind the clock, whatever the clock does", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: NOW_MS - 5, max: NOW_MS + 5 })), (clock) => {
      let lastK = 0;
      for (const nowMs of clock) {
        const k = nextK(lastK, nowMs);
        expect(k).toBeGreaterThan(lastK);
        expect(kToMs(k)).toBeGreaterThanOrEqual(nowMs);
        lastK = k;
      }
    }),
  );
});

test("an id is a UUIDv7: its time and count from the key, the rest from the account", () => {
  // RFC 9562 §5.7: 48 bits of milliseconds, version 7, variant 0b10.
  expect(idFormatter("000000000000")(0)).toBe("00000000-0000-7000-8000-000000000000");
  expect(idFormatter("000000000001")(0x0123_4567_89a * K_PER_MS + 0x3ff)).toBe("00123456-789a-73ff-8000-000000000001");
  expect(idFormatter("zzzzzzzzzzzz")(K_PER_MS)).toBe("00000000-0001-7000-8fff-ffffffffffff");
});

test("an id gives its key back, in whatever case it is written", () => {
  fc.assert(
    fc.property(account, anyK, (account, k) => {
      const id = idFormatter(account)(k);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(parseId(account, id)).toBe(k);
      expect(parseId(account, id.toUpperCase())).toBe(k);
    }),
  );
});

test("ids sort as their keys do", () => {
  const format = idFormatter(ACCOUNT);
  fc.assert(
    fc.property(anyK, anyK, (a, b) => {
      expect(format(a) < format(b)).toBe(a < b);
    }),
  );
});

test("an id of another account is nobody's here", () => {
  fc.assert(
    fc.property(account, account, anyK, (one, other, k) => {
      fc.pre(one !== other);
      expect(parseId(other, idFormatter(one)(k))).toBeUndefined();
    }),
  );
});

test("what is no id of ours has no key", () => {
  const good = idFormatter(ACCOUNT)(NOW_MS * K_PER_MS + 7);
  const check = (id: string): void => expect(parseId(ACCOUNT, id), id).toBeUndefined();
  check("");
  check("7");
  check(`${good} `);
  check(`{${good}}`);
  check(good.replaceAll("-", ""));
  check(good.replace("-7", "-4"));
  check(good.replace("-8", "-9"));
  // A count beyond a millisecond's, and a time beyond what a number can hold exactly.
  check(good.replace("-7007", "-7400"));
  check(`ffffffff-ffff-${good.slice(14)}`);
});

test("an id that was tampered with is not parsed to something else", () => {
  const good = idFormatter(ACCOUNT)(NOW_MS * K_PER_MS + 7);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.constantFrom(...Array.from("0123456789abcdefg-")), (at, char) => {
      const changed = good.slice(0, at) + char + good.slice(at + 1);
      const k = parseId(ACCOUNT, changed);
      // Time and count may be another email's of the same account; nothing else may differ.
      if (k !== undefined) expect(idFormatter(ACCOUNT)(k)).toBe(changed);
    }),
  );
});

test("an account id is 12 characters of Crockford's alphabet", () => {
  const check = (text: string, expected: boolean): void => expect(isAccountId(text), text).toBe(expected);
  check("0123456789ab", true);
  check("cdefghjkmnpq", true);
  check("rstvwxyz0000", true);
  for (const letter of "ilouABZ_-. é") check(`0123456789a${letter}`, false);
  check("0123456789a", false);
  check("0123456789abc", false);
  check("0123456789ab\n", false);
  check("", false);
});

test("base32 has one character for five bits of each byte", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
  const text = base32(bytes, 256);
  expect(text.slice(0, 32)).toBe("0123456789abcdefghjkmnpqrstvwxyz");
  expect(text).toBe(text.slice(0, 32).repeat(8));
  expect(base32(bytes, 12)).toBe("0123456789ab");
  expect(isAccountId(base32(bytes.subarray(200), 12))).toBe(true);
});
