/** `dmarc.rua-unauthorised`: zones that give exactly it, and near misses. */
import { describe } from "vitest";
import { GOOD, at, check, well } from "../support/dmarc-check.ts";

describe("dmarc.rua-unauthorised", () => {
  const record = "v=DMARC1; p=reject; rua=mailto:x@r.example";
  const report = "d.test._report._dmarc.r.example";
  const lost = { code: "dmarc.rua-unauthorised", status: "warn", name: report, fix: "v=DMARC1" } as const;
  check("not asked", at(record), [{ ...lost, says: `${report} must be \`v=DMARC1\`` }]);
  check("some other text", { ...at(record), [report]: ["v=spf1 -all"] }, [lost]);
  check("allowed to others", { ...at(record), "e.test._report._dmarc.r.example": ["v=DMARC1"] }, [lost]);
  check("led on to another host", { ...at(record), [report]: ["v=DMARC1; rua=mailto:x@s.example"] }, [lost]);
  check("one of two", at(`${GOOD},mailto:x@r.example`), [lost]);
  check(
    "each once, ten at most",
    at(`v=DMARC1; p=reject; rua=${Array.from({ length: 40 }, (_, n) => `mailto:x@r${n >> 1}.example`).join(",")}`),
    Array.from({ length: 10 }, (_, n) => ({ ...lost, name: `d.test._report._dmarc.r${n}.example` })),
  );
  check(
    "of an inherited record it is the record's domain that counts",
    { ...at(record), "x.d.test._report._dmarc.r.example": ["v=DMARC1"] },
    [lost],
    { from: "x.d.test" },
  );
  check("a name that cannot be", at(`v=DMARC1; p=reject; rua=mailto:x@${"r.".repeat(115)}example`), [
    { code: "dmarc.rua-unauthorised" },
  ]);
  well("allowed", { ...at(record), [report]: ["v=DMARC1"] });
  well("allowed, among others", { ...at(record), [report]: ["x", "v=DMARC1;"] });
  well("led on within the host", { ...at(record), [report]: ["v=DMARC1; rua=mailto:y@r.example"] });
  well("the same organization", at("v=DMARC1; p=reject; rua=mailto:x@reports.d.test"));
  check(
    "psd=n makes it another organization",
    { ...at("v=DMARC1; p=reject; rua=mailto:x@u.d.test"), "_dmarc.u.d.test": ["v=DMARC1; psd=n"] },
    [{ code: "dmarc.rua-unauthorised", name: "d.test._report._dmarc.u.d.test" }],
  );
});
