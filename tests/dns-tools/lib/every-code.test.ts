/** Every code through the whole check: a zone that gives it and nothing else, a near miss, and a fix that mends it. */
import { describe, expect, test } from "vitest";
import type { Finding } from "#dns/finding.ts";
import { EVERY_CODE } from "../support/every-code-table.ts";
import { pasted } from "../support/paste-fix.ts";
import { findingsOver, zoneWith, type Row } from "../support/whole-check.ts";

const isTold = ({ status }: Finding, gives: string): boolean =>
  gives.startsWith("pass") ? status === "pass" : status !== "pass" && status !== "not_applicable";

const troubles = (findings: readonly Finding[]): string[] =>
  findings
    .filter((finding) => isTold(finding, "fail"))
    .map(({ code, status, name }) => `${status} ${code} ${name}`)
    .toSorted();

const check = (code: string, row: Row): void => {
  describe(code, () => {
    const [status, name] = row.gives.split(" ");
    const line = `${status} ${code} ${name}`;

    test("a zone that gives exactly it", async () => {
      const findings = await findingsOver(row, zoneWith(row.zone));
      if (status === "pass") {
        expect(troubles(findings)).toEqual([]);
        expect(findings.map((found) => `${found.status} ${found.code} ${found.name}`)).toContain(line);
      } else expect(troubles(findings)).toEqual([line]);
    });

    test("a near miss that does not", async () => {
      const findings = await findingsOver(row, zoneWith(row.near), true);
      expect(findings.filter((found) => isTold(found, row.gives)).map((found) => found.code)).not.toContain(code);
    });

    test("what is to be pasted makes it go away", async () => {
      const zone = zoneWith(row.zone);
      for (const finding of await findingsOver(row, zone)) {
        if (finding.fix === undefined || finding.status === "pass") continue;
        const after = await findingsOver(row, pasted(zone, finding));
        expect(troubles(after)).not.toContain(`${finding.status} ${finding.code} ${finding.name}`);
      }
    });
  });
};

for (const [code, row] of Object.entries(EVERY_CODE)) check(code, row);
