/** What a record asks for below another one, and while it is held back. */
import { expect, test } from "vitest";
import { heldBackByPct, notMilder, policyBelow } from "#dns/dmarc-floor.ts";
import type { FoundRecord } from "#dns/dmarc-discovery.ts";
import { parseDmarc } from "#dns/dmarc.ts";

const found = (text: string): FoundRecord => {
  const parsed = parseDmarc(text);
  if (parsed.kind !== "record") throw new Error(`${text} is no record`);
  return { text, record: parsed.record, faults: parsed.faults };
};

test("what is published below a record is not milder than that", () => {
  const check = (above: string, text: string, expected = text): void =>
    expect(notMilder(text, found(above)), `${text} below ${above}`).toBe(expected);
  const [none, reject] = ["v=DMARC1; p=none", "v=DMARC1; p=reject"];
  check(reject, reject);
  check(reject, none, reject);
  check(none, none);
  check(none, reject);
  check(reject, "v=DMARC1; p=quarantine; rua=mailto:a@d.test", "v=DMARC1; p=reject; rua=mailto:a@d.test");
  check("v=DMARC1; p=none; sp=reject", none, reject);
  check("v=DMARC1; p=reject; sp=none", none);
  check(reject, "v=DMARC1; p=reject; sp=none", "v=DMARC1; p=reject; sp=reject");
  check(reject, "v=DMARC1; p=reject; np=none", "v=DMARC1; p=reject; np=reject");
  // On trial, the next milder policy holds (RFC 9989 §4.7).
  check(reject, "v=DMARC1; p=reject; t=y", reject);
  check(reject, "v=DMARC1; p=reject; pct=10", reject);
  check("v=DMARC1; p=quarantine", "v=DMARC1; p=reject; t=y");
  check("v=DMARC1; p=reject; t=y", "v=DMARC1; p=reject; t=y");
  check("v=DMARC1; p=reject; t=y", none, "v=DMARC1; p=reject; t=y");
  check("v=DMARC1; p=reject; t=y", "v=DMARC1; p=quarantine");
  check(reject, "no record");
});

test("what a record asks of domains below it", () => {
  const check = (text: string, expected: string): void => expect(policyBelow(found(text)), text).toBe(expected);
  check("v=DMARC1; p=reject", "reject");
  check("v=DMARC1; p=reject; sp=none", "none");
  check("v=DMARC1; p=none; sp=quarantine", "quarantine");
  check("v=DMARC1", "none");
});

test("held back by `pct` alone", () => {
  const check = (text: string, expected: RegExp | undefined): void => {
    const said = heldBackByPct(found(text).record);
    if (expected) expect(said, text).toMatch(expected);
    else expect(said, text).toBeUndefined();
  };
  check("v=DMARC1; p=reject; pct=10", /^some receivers now apply p=reject to all mail/);
  check("v=DMARC1; p=quarantine; pct=0", /p=quarantine/);
  check("v=DMARC1; p=reject; pct=100", undefined);
  check("v=DMARC1; p=reject; pct=10; t=y", undefined);
  check("v=DMARC1; p=none; pct=10", undefined);
  check("v=DMARC1; pct=10", undefined);
});
