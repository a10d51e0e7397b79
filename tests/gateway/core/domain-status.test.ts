/** What the records make of a domain, for one that was never whole and for one that was. */
import { expect, test } from "vitest";
import type { DomainStatus } from "#contract/domain.ts";
import { domainStatus, type KnownRecord } from "../../../gateway/core/domain-status.ts";

const RECORDS: Record<string, KnownRecord> = {
  V: { status: "verified", needed: true, proved: true },
  P: { status: "pending", needed: true, proved: false },
  F: { status: "failed", needed: true, proved: false },
  /** Not found out this time, and never seen. */
  t: { status: "temporary_failure", needed: true, proved: false },
  /** Not found out this time, and seen before. */
  T: { status: "temporary_failure", needed: true, proved: true },
  /** Welcome, not needed. */
  p: { status: "pending", needed: false, proved: false },
  f: { status: "failed", needed: false, proved: false },
};

/** `records`: a letter each. */
const check = (records: string, never: DomainStatus, was: DomainStatus): void => {
  test(`${records}: ${never}, or ${was} of one that was whole`, () => {
    const known = records.split("").flatMap((letter) => RECORDS[letter] ?? []);
    expect(known).toHaveLength(records.length);
    expect([domainStatus("pending", false, known), domainStatus("verified", true, known)]).toEqual([never, was]);
  });
};

check("VVV", "verified", "verified");
check("VVVpf", "verified", "verified");
check("PPP", "pending", "failed");
check("PPPf", "pending", "failed");
check("VPP", "partially_verified", "partially_failed");
check("VVF", "failed", "partially_failed");
check("FFF", "failed", "failed");
check("VVT", "verified", "verified");
check("TTT", "verified", "verified");
check("TTF", "failed", "partially_failed");
check("VVt", "pending", "verified");
check("FFt", "pending", "verified");
