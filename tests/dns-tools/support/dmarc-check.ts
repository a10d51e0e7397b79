/**
 * A check of `dmarcFindings` over a zone: exactly these codes, and a `fix` that is itself a record.
 */
import { expect, test } from "vitest";
import { dmarcFindings, type DmarcCheck } from "#dns/dmarc-findings.ts";
import { parseDmarc } from "#dns/dmarc.ts";
import type { Finding } from "#dns/finding.ts";
import { SOME_SUFFIXES } from "./some-suffixes.ts";
import { resolverOf, type TxtZone } from "./txt-zone.ts";

export const ASK: DmarcCheck = {
  from: "d.test",
  spf: "send.d.test",
  dkim: ["d.test"],
  suffixes: SOME_SUFFIXES,
  reportAddress: "dmarc@d.test",
};
export const RUA = "rua=mailto:dmarc@d.test";
export const GOOD = `v=DMARC1; p=reject; ${RUA}`;
export const at = (...texts: string[]): TxtZone => ({ "_dmarc.d.test": texts });

type Expected = Partial<Pick<Finding, "name" | "status" | "fix">> & { code: Finding["code"]; says?: string };

export const check = (title: string, zone: TxtZone, expected: Expected[], ask: Partial<DmarcCheck> = {}): void => {
  test(title, async () => {
    const findings = await dmarcFindings({ ...ASK, ...ask }, resolverOf(zone));
    expect(findings.map(({ code }) => code)).toEqual(expected.map(({ code }) => code));
    for (const [index, { says = "", ...fields }] of expected.entries()) {
      const finding = findings[index];
      expect(finding).toMatchObject(fields);
      expect(finding?.text).toContain(says);
      expect(finding?.evidence.length).toBeGreaterThan(0);
      // What is to be pasted is a record without a mistake.
      if (finding?.fix !== undefined) expect(parseDmarc(finding.fix)).toMatchObject({ kind: "record" });
    }
  });
};
export const well = (title: string, zone: TxtZone, ask: Partial<DmarcCheck> = {}): void =>
  check(title, zone, [{ code: "dmarc.missing", status: "pass" }], ask);
