/**
 * What one look at the DNS changes of a domain, and when to look again.
 *
 * Good news counts at once. That a record of a domain that was whole is gone or wrong counts at the second look that
 * sees it, some minutes after the first: until then the record stands. A look-up that failed changes nothing.
 */
import type { DomainStatus } from "#contract/domain.ts";
import { domainStatus, type KnownRecord } from "./domain-status.ts";
import type { SeenStatus } from "./record-status.ts";

/** `doubted_ms`: of the first look that did not find a record that stands. */
export type LookedAtRecord = KnownRecord & { doubted_ms?: number | undefined };

/** `wasWhole`: it was verified once. `k`: its key. */
export type LookedAt<R extends LookedAtRecord> = {
  k: number;
  status: DomainStatus;
  wasWhole: boolean;
  records: readonly R[];
};

/** `lookMs`: when to look again; undefined: when its owner asks. */
export type LookSettled<R extends LookedAtRecord> = {
  status: DomainStatus;
  wasWhole: boolean;
  records: R[];
  lookMs: number | undefined;
};

export const SECOND_LOOK_MS = 5 * 60_000;
const UNSURE_LOOK_MS = 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

/** `seen`: of each record, in their order. `isAsked`: somebody waits for the answer, and is told what failed, too. */
export const settleLook = <R extends LookedAtRecord>(
  before: LookedAt<R>,
  seen: readonly SeenStatus[],
  { nowMs, isAsked }: { nowMs: number; isAsked: boolean },
): LookSettled<R> => {
  const records = before.records.map((record, index) => {
    const status = seen[index] ?? "temporary_failure";
    if (status === "temporary_failure") return isAsked ? { ...record, status } : record;
    const { doubted_ms: doubtedMs } = record;
    if (status === "verified") return { ...record, status, proved: true, doubted_ms: undefined };
    if (!before.wasWhole) return { ...record, status, proved: false, doubted_ms: undefined };
    if (record.proved && (doubtedMs === undefined || nowMs - doubtedMs < SECOND_LOOK_MS))
      return { ...record, doubted_ms: doubtedMs ?? nowMs };
    // What stood and is gone is not awaited, it is broken.
    const isBroken = record.proved || record.status === "failed";
    return { ...record, status: isBroken ? ("failed" as const) : status, proved: false, doubted_ms: undefined };
  });
  const status = domainStatus(before.status, before.wasWhole, records);
  const wasWhole = before.wasWhole || status === "verified";
  return { status, wasWhole, records, lookMs: wasWhole ? nowMs + pauseMs(before.k, records, seen) : undefined };
};

const pauseMs = (k: number, records: readonly LookedAtRecord[], seen: readonly SeenStatus[]): number => {
  const isDoubted = ({ doubted_ms }: LookedAtRecord, index: number): boolean =>
    doubted_ms !== undefined && seen[index] !== "temporary_failure";
  if (records.some(isDoubted)) return SECOND_LOOK_MS;
  if (seen.includes("temporary_failure")) return UNSURE_LOOK_MS;
  return Math.round(DAY_MS * (7 / 8 + spread(k) / 4));
};

const UINT32 = 2 ** 32;
/** Knuth's multiplier: keys that follow each other lie far apart. */
const SPREAD = 2_654_435_761;

/** A key's own place between 0 and 1. Domains that were added together are not looked up together for ever. */
const spread = (k: number): number => (Math.imul(k % UINT32, SPREAD) >>> 0) / UINT32;
