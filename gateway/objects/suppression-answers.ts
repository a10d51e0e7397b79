/**
 * What is asked about suppressions, answered: the rows of the account's desk for `/v1/suppressions`.
 *
 * What a hand changes is written into the audit log, in the same turn. A batch is taken whole or not at all. Import and
 * export come in pieces; what a piece has added stays when a later one fails, and the same file again adds the rest.
 */
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import type {
  AddSuppression,
  AddSuppressions,
  ImportedSuppression,
  RemoveSuppressions,
  Suppression,
  SuppressionQuery,
  SuppressionRef,
} from "#contract/suppression.ts";
import { formatCsvRow } from "../core/suppression-csv.ts";
import { parseSuppressedAddresses } from "../core/suppressed-address.ts";
import { type AccountSuppressions, noSuppression } from "./account-suppressions.ts";
import type { AuditLog } from "./audit-log.ts";
import type { Visit } from "./visitor.ts";

type Rooms = { suppressions: AccountSuppressions; audit: AuditLog };

/** Rows of one piece of an export. */
const EXPORT_ROWS = 2000;

export const addSuppression = (rooms: Rooms, request: AddSuppression, visit: Visit): SuppressionRef | Problem => {
  const { email, ...scope } = request;
  const added = addAll(rooms, { emails: [email], ...scope }, () => "email", visit);
  if (isProblem(added)) return added;
  const [one] = added;
  if (!one) return problem("application_error");
  if (one.isNew) rooms.audit.write(visit, "suppression.added", one.id, request);
  return refOf(one);
};

export const addSuppressions = (
  rooms: Rooms,
  request: AddSuppressions,
  visit: Visit,
): { data: SuppressionRef[] } | Problem => {
  const added = addAll(rooms, request, undefined, visit);
  if (isProblem(added)) return added;
  const count = added.filter(({ isNew }) => isNew).length;
  const { stream = null, expires_at = null } = request;
  if (count > 0) rooms.audit.write(visit, "suppressions.added", null, { count, stream, expires_at });
  return { data: added.map(refOf) };
};

export const listSuppressions = ({ suppressions }: Rooms, query: SuppressionQuery, { nowMs }: Visit) =>
  suppressions.list(query, nowMs);

export const getSuppression = (
  { suppressions }: Rooms,
  { id }: { id: string },
  { nowMs }: Visit,
): Suppression | Problem => suppressions.get(id, nowMs);

export const deleteSuppression = (rooms: Rooms, { id }: { id: string }, visit: Visit) => {
  const [gone = []] = rooms.suppressions.remove([id], visit.nowMs);
  const [first] = gone;
  if (first === undefined) return noSuppression();
  for (const each of gone) rooms.audit.write(visit, "suppression.removed", each);
  return { ...refOf({ id: first }), deleted: true };
};

/** Of what is not on the list the reply names what was asked. */
export const removeSuppressions = (rooms: Rooms, { emails, ids }: RemoveSuppressions, visit: Visit) => {
  const addresses = emails && parseSuppressedAddresses(emails);
  if (addresses && isProblem(addresses)) return addresses;
  const asked = emails ?? ids ?? [];
  const gone = rooms.suppressions.remove(asked, visit.nowMs);
  const count = gone.flat().length;
  if (count > 0) rooms.audit.write(visit, "suppressions.removed", null, { count });
  return {
    data: gone.flatMap((each, index) =>
      each.length > 0
        ? each.map((id) => ({ ...refOf({ id }), deleted: true }))
        : [{ ...refOf({ id: asked[index] ?? "" }), deleted: false }],
    ),
  };
};

export const importSuppressions = (
  { suppressions, audit }: Rooms,
  { rows }: { rows: ImportedSuppression[] },
  visit: Visit,
): { added: number; known: number } | Problem => {
  const done = suppressions.import(rows, visit.nowMs);
  if (!isProblem(done) && done.added > 0) audit.write(visit, "suppressions.imported", null, { count: done.added });
  return done;
};

/** CSV of the rows behind the key `after`; `more`: the key to go on behind, absent when that was all. */
export const exportSuppressions = (
  { suppressions }: Rooms,
  { after }: { after: number },
  { nowMs }: Visit,
): { csv: string; more?: number } => {
  const { rows, last } = suppressions.since(after, EXPORT_ROWS, nowMs);
  return { csv: rows.map(formatCsvRow).join(""), ...(rows.length === EXPORT_ROWS && { more: last }) };
};

const addAll = (
  { suppressions }: Rooms,
  { emails, stream, expires_at }: AddSuppressions,
  fieldOf: ((index: number) => string) | undefined,
  { nowMs }: Visit,
) => {
  const expiresMs = expires_at ? Date.parse(expires_at) : undefined;
  if (expiresMs !== undefined && expiresMs <= nowMs)
    return problem("validation_error", "Invalid `expires_at` field: it lies in the past.");
  const addresses = parseSuppressedAddresses(emails, fieldOf);
  if (isProblem(addresses)) return addresses;
  const entries = addresses.list.map((address) => ({
    ...{ address, origin: "manual" as const },
    stream: stream ?? undefined,
    expiresMs,
  }));
  return suppressions.add(entries, nowMs);
};

const refOf = ({ id }: { id: string }): SuppressionRef => ({ object: "suppression", id });
