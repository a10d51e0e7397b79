/**
 * `d.test` with an SPF record, in a small world of others: what is said of it, as one line of codes and statuses.
 *
 * `ours.test` is who sends. Every finding is held to the form of findings by the way.
 */
import { expect, test } from "vitest";
import type { Finding } from "#dns/finding.ts";
import { walkSpf } from "#dns/spf-cost.ts";
import { spfFindings, type SpfSeen } from "#dns/spf-findings.ts";
import type { SpfWanted } from "#dns/spf-wanted.ts";
import { parseSpf } from "#dns/spf.ts";
import { recordedResolver, type RecordedName, type RecordedZone } from "#resolvers/recorded.ts";

export const spf = (...TXT: string[]): RecordedName => ({ TXT });

/** `ours.test` is who sends; the rest is there to be led to. */
export const WORLD: RecordedZone = {
  "ours.test": spf("v=spf1 ip4:192.0.2.0/24 -all"),
  "h.test": { A: ["203.0.113.1"], AAAA: ["2001:db8::1"], MX: [{ preference: 0, exchange: "h.test" }] },
  "four.test": { A: ["203.0.113.1"] },
  "other.test": spf("v=spf1 ip4:203.0.113.0/24 -all"),
  "six-lookups.test": spf("v=spf1 a:h.test a:h.test a:h.test mx:h.test mx:h.test -all"),
  "ill.test": "servfail",
};
export const OURS: SpfWanted = { includes: ["ours.test"], addresses: [] };
export const NOBODY: SpfWanted = { includes: [], addresses: [] };
/** Right in all, and beside what is tested. */
export const GOOD = "include:ours.test ~all";

export const findingsOf = async (zone: RecordedZone, wanted = OURS, seen: Partial<SpfSeen> = {}): Promise<Finding[]> =>
  spfFindings(wanted, { tree: await walkSpf("d.test", recordedResolver({ ...WORLD, ...zone })), ...seen });

export const troubles = (findings: readonly Finding[]): string =>
  findings
    .filter(({ status }) => status !== "pass")
    .map(({ code, status }) => `${code} ${status}`)
    .join(", ");

export type Said = { text?: string; fix?: string; name?: string };

/** `expected`: codes and statuses that are not `pass`; `said`: what the first of them says, has as fix. */
export const checkAt = (
  entry: RecordedName,
  zone: RecordedZone,
  expected: string,
  said: Said = {},
  wanted = OURS,
): void => {
  test(`${JSON.stringify(entry).slice(0, 100)} is ${expected || "right"}`, async () => {
    const findings = await findingsOf({ ...zone, "d.test": entry }, wanted);
    expect(troubles(findings)).toBe(expected);
    const finding = findings.find(({ status }) => status !== "pass");
    if (said.text !== undefined) expect(finding?.text).toContain(said.text);
    if (said.fix !== undefined) expect(finding?.fix).toBe(said.fix);
    if (expected !== "") expect(finding?.name).toBe(said.name ?? "d.test");
    for (const { text, fix, evidence, rfc } of findings) {
      expect(text).toMatch(/^.*\.$/);
      expect(rfc).toMatch(/^RFC 7208 §\d/);
      expect(evidence.length).toBeGreaterThan(0);
      if (fix !== undefined) expect(parseSpf(fix).kind, fix).toBe("record");
    }
  });
};

export const check = (record: string, zone: RecordedZone, expected: string, said?: Said, wanted?: SpfWanted): void =>
  checkAt(spf(`v=spf1 ${record}`), zone, expected, said, wanted);
