/** Return-paths: read back as they were written, through any folding of case; a forged one does not prove itself. */
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { base32 } from "#contract/ids.ts";
import {
  formatReturnPath,
  parseReturnPath,
  returnPathSignedText,
  type ReturnPathToken,
} from "#contract/return-path.ts";

const KEY = "the account's key";
const mac = (token: ReturnPathToken, key = KEY): Buffer =>
  createHmac("sha256", key).update(returnPathSignedText(token)).digest();

const localPartOf = (token: ReturnPathToken, key = KEY): string =>
  formatReturnPath(token, mac(token, key), "bounce.test").replace(/@bounce\.test$/, "");

/** What whoever gets a bounce does: read the address, compare the mac. */
const isProved = (localPart: string): boolean => {
  const token = parseReturnPath(localPart);
  return token !== undefined && base32(mac(token), 16) === token.mac;
};

const anyDigit = fc.constantFrom(...Array.from("0123456789abcdefghijklmnopqrstuvwxyz"));
const anyToken = fc.record({
  account: fc.stringMatching(/^[0-9a-hjkmnp-tv-z]{12}$/),
  k: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  attempt: fc.integer({ min: 1, max: 36 ** 4 - 1 }),
});

test("the form", () => {
  const token = { account: "0123456789ab", k: 36 ** 9 + 35, attempt: 36 };
  expect(returnPathSignedText(token)).toBe("0123456789ab.100000000z.10");
  expect(formatReturnPath(token, Buffer.alloc(32, 31), "bounce.test")).toBe(
    "0123456789ab.100000000z.10.zzzzzzzzzzzzzzzz@bounce.test",
  );
});

test("read back as it was written, within the 64 octets of a local part", () => {
  fc.assert(
    fc.property(anyToken, (token) => {
      const localPart = localPartOf(token);
      // RFC 5321 §4.5.3.1.1.
      expect(Buffer.byteLength(localPart)).toBeLessThanOrEqual(64);
      expect(localPart).toMatch(/^[0-9a-z.]+$/);
      expect(parseReturnPath(localPart)).toEqual({ ...token, mac: base32(mac(token), 16) });
      expect(isProved(localPart)).toBe(true);
    }),
  );
});

test("a receiver that folds case changes nothing", () => {
  fc.assert(
    fc.property(anyToken, fc.array(fc.boolean(), { minLength: 64, maxLength: 64 }), (token, upper) => {
      const localPart = localPartOf(token);
      const mixed = Array.from(localPart, (char, at) => (upper[at] ? char.toUpperCase() : char)).join("");
      expect(parseReturnPath(mixed)).toEqual(parseReturnPath(localPart));
      expect(isProved(mixed)).toBe(true);
    }),
  );
});

test("one that was forged or changed does not prove itself", () => {
  fc.assert(
    fc.property(anyToken, fc.nat(63), anyDigit, (token, at, char) => {
      expect(isProved(localPartOf(token, "another account's key"))).toBe(false);
      const localPart = localPartOf(token);
      const changed = localPart.slice(0, at) + char + localPart.slice(at + 1);
      fc.pre(at < localPart.length && changed !== localPart);
      // A zero at the head of a number is the same number.
      fc.pre(JSON.stringify(parseReturnPath(changed)) !== JSON.stringify(parseReturnPath(localPart)));
      expect(isProved(changed)).toBe(false);
    }),
  );
});

test("what is no return-path of ours is not read", () => {
  const good = localPartOf({ account: "0123456789ab", k: 5, attempt: 1 });
  expect(parseReturnPath(good)).toBeDefined();
  const check = (localPart: string): void => expect(parseReturnPath(localPart), localPart).toBeUndefined();
  check("");
  check("someone");
  check("mailer-daemon");
  check(`${good}@bounce.test`);
  check(`${good}.`);
  check(`${good}x`);
  check(`${good}\n`);
  check(good.slice(0, -1));
  check(good.replace("ab.", "au."));
  check(good.replace(".5.", ".."));
  check(good.replace(".5.", ".-5."));
  check(good.replace(".5.1.", ".5."));
  check(good.replace(".1.", ".10000."));
  // Beyond what a number holds exactly: 36^11 - 1.
  check(good.replace(".5.", ".zzzzzzzzzzz."));
});
