/**
 * What the statuses of its records make of a domain.
 *
 * A domain is whole when its return-path's SPF and MX and its first DKIM key are in the DNS (`needed`); the second key,
 * for rotation, and the Ed25519 key are welcome and stop nothing. What could not be found out changes nothing.
 */
import type { DomainStatus, RecordStatus } from "#contract/domain.ts";

/** `proved`: the last time that it could be found out, the record was there. */
export type KnownRecord = { status: RecordStatus; needed: boolean; proved: boolean };

/** `wasWhole`: it was verified once. Only such a domain is partly broken, or broken by what is no longer there. */
export const domainStatus = (
  before: DomainStatus,
  wasWhole: boolean,
  records: readonly KnownRecord[],
): DomainStatus => {
  const needed = records.filter((record) => record.needed);
  if (needed.some(({ status, proved }) => status === "temporary_failure" && !proved)) return before;
  const standing = needed.filter(
    ({ status, proved }) => status === "verified" || (status === "temporary_failure" && proved),
  );
  if (standing.length === needed.length) return "verified";
  if (wasWhole) return standing.length > 0 ? "partially_failed" : "failed";
  if (needed.some(({ status }) => status === "failed")) return "failed";
  return standing.length > 0 ? "partially_verified" : "pending";
};
