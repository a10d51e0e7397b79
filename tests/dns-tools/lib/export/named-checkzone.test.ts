/** Zone files for BIND's `named-checkzone`, where it is installed: it reads the same records in them. */
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatZoneFile } from "#dns/export/zone-file.ts";
import { SAMPLE } from "./sample-plan.ts";
import { asRead, edits, readZone, type Read } from "./zone-file-reader.ts";

const SOA = "d.test. 3600 IN SOA ns.d.test. root.d.test. 1 7200 3600 1209600 3600\nd.test. 3600 IN NS ns.other.test.\n";

const sorted = (records: Read[]): string[] => records.map((record) => JSON.stringify(record)).toSorted();

const hasBind = spawnSync("named-checkzone", ["-v"]).status === 0;
if (!hasBind) console.info("skipped: named-checkzone is not installed (Debian: bind9-utils)");

test.skipIf(!hasBind)("read back by named-checkzone", { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(edits, (changes) => {
      const zone = `${SOA}${formatZoneFile(changes)}`;
      const bind = spawnSync("named-checkzone", ["-q", "-D", "-k", "ignore", "-i", "none", "-o", "-", "d.test", "-"], {
        input: zone,
        encoding: "utf8",
      });
      expect(bind.status, bind.stdout + zone).toBe(0);
      const read = readZone(bind.stdout).filter(({ type }) => type !== "SOA" && type !== "NS");
      expect(sorted(read)).toEqual(sorted(changes.map(({ to }) => asRead(to))));
    }),
    { numRuns: 40 },
  );
});

test.skipIf(!hasBind)("the sample is a zone for named-checkzone", () => {
  const zone = `${SOA}${formatZoneFile(SAMPLE)}`;
  const bind = spawnSync("named-checkzone", ["-k", "ignore", "-i", "none", "d.test", "-"], {
    input: zone,
    encoding: "utf8",
  });
  expect(bind.stdout).toContain("OK");
});
