/**
 * What the statuses of its records make of a domain.
 *
 * A domain may send when its return-path's SPF and MX and its first DKIM key are in the DNS (`needed`); the second key,
 * for rotation, and the Ed25519 key are welcome and stop nothing. What could not be found out changes nothing.
 */
import type { DomainRecord, DomainStatus, RecordStatus } from "#contract/domain.ts";

/** As stored: whether the domain may not send without it, and for DKIM whose key it is. */
export type StoredRecord = DomainRecord & { needed: boolean; selector?: string };

export const domainStatus = (
  before: DomainStatus,
  records: readonly Pick<StoredRecord, "status" | "needed">[],
): DomainStatus => {
  const needed = records.filter((record) => record.needed);
  const count = (status: RecordStatus): number => needed.filter((record) => record.status === status).length;
  const [verified, failed] = [count("verified"), count("failed")];
  if (count("temporary_failure") > 0) return before;
  if (verified === needed.length) return "verified";
  const wasVerified = before === "verified" || before === "partially_failed";
  // Only what once was whole is partly broken: such a domain goes on sending, one that never was does not begin.
  if (wasVerified && failed === needed.length) return "failed";
  if (wasVerified) return "partially_failed";
  if (failed > 0) return "failed";
  return verified > 0 ? "partially_verified" : "pending";
};
