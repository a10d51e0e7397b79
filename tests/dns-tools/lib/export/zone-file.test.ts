/** What is written as a zone file is read back as the same records. BIND reads it in named-checkzone.test.ts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatName, formatRecord, formatZoneFile } from "#dns/export/zone-file.ts";
import type { MailRecord } from "#dns/zone.ts";
import { HOSTILE, SAMPLE } from "./sample-plan.ts";
import { asRead, edits, readZone } from "./zone-file-reader.ts";

test("read back by a strict reader", () => {
  fc.assert(
    fc.property(edits, (changes) => {
      expect(readZone(formatZoneFile(changes))).toEqual(changes.map(({ to }) => asRead(to)));
    }),
  );
});

test("the sample", async () => {
  await expect(formatZoneFile(SAMPLE)).toMatchFileSnapshot("../../../vectors/export/sample.zone");
});

test("any record's text is printable ASCII on one line", () => {
  const everyOctet = Uint8Array.from({ length: 256 }, (_, octet) => octet);
  const record: MailRecord = {
    name: "d.test",
    type: "TXT",
    data: [everyOctet.subarray(0, 128), everyOctet.subarray(128)],
  };
  expect(formatRecord(record)).toMatch(/^[ -~]+$/);
  expect(formatRecord(HOSTILE)).toMatch(/^[ -~]+$/);
  expect(formatName('a b.\n\u2028é;".test')).toBe("a\\032b.\\010\\226\\128\\168\\195\\169\\059\\034.test.");
  expect(formatName("*.A-1._b.test")).toBe("*.A-1._b.test.");
  expect(formatName(".")).toBe(".");
});
