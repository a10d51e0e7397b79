/**
 * The tables of one endpoint. `event.k` is the key of the event in its account (`#contract/ids.ts`), so rows are in
 * the order of time and the public id leads to its row.
 *
 *   due not NULL   waits for its next try at that time, ms; `state` is `pending`
 *   due NULL       settled: `success` or `failed`
 *
 * What is on its way is known in memory only and keeps its `due`: after a crash it goes again. `attempt` counts the
 * tries since the event was handed over or replayed (`since_ms`), `tries` all there were; `attempts` is a JSON list
 * of the last of them, each `[n, at, status, duration, reply]`.
 */
import { runSchemaSteps } from "./schema-steps.ts";

const STEPS = [
  `
  CREATE TABLE config (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL) STRICT;
  CREATE TABLE standing (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL) STRICT;
  CREATE TABLE event (k INTEGER PRIMARY KEY, state TEXT NOT NULL, due INTEGER, since_ms INTEGER NOT NULL, attempt INTEGER NOT NULL,
    tries INTEGER NOT NULL, at_ms INTEGER NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, payload TEXT NOT NULL, attempts TEXT NOT NULL)
    STRICT;
  CREATE INDEX event_due ON event (due) WHERE due IS NOT NULL;
  CREATE INDEX event_failed ON event (k) WHERE state = 'failed';
  `,
] as const;

export const openEndpointTables = (storage: DurableObjectStorage): void => runSchemaSteps(storage, STEPS);

/** Tries of one event that are kept. */
const ATTEMPTS_KEPT = 20;

/** The statements of the outbox; their query plans are asserted (`tests/objects/endpoint-plans.test.ts`). */
export const OUTBOX_SQL = {
  insert: `INSERT INTO event (k, state, due, since_ms, attempt, tries, at_ms, id, type, payload, attempts)
    SELECT value ->> 0, 'pending', value ->> 1, value ->> 1, 0, 0, value ->> 2, value ->> 3, value ->> 4, value ->> 5, '[]'
    FROM json_each(?1)`,
  due: `SELECT k, id, since_ms, attempt, tries, payload FROM event
    WHERE due <= ?1 AND k NOT IN (SELECT value FROM json_each(?2)) ORDER BY due, k LIMIT ?3`,
  earliestDue: `SELECT MIN(due) AS due FROM event WHERE due IS NOT NULL`,
  nextDue: `SELECT MIN(due) AS due FROM event WHERE due > ?1`,
  settle: `UPDATE event SET state = j.value ->> 1, due = j.value ->> 2, attempt = j.value ->> 3, tries = j.value -> 4 ->> 0,
    attempts = json_insert(iif(json_array_length(attempts) < ${ATTEMPTS_KEPT}, attempts, json_remove(attempts, '$[0]')),
      '$[#]', json(j.value -> 4))
    FROM json_each(?1) j WHERE event.k = j.value ->> 0 RETURNING state`,
  failedOfRange: `SELECT k, state FROM event WHERE state = 'failed' AND k >= ?1 AND k < ?2 ORDER BY k LIMIT ?3`,
  settledOfRange: `SELECT k, state FROM event WHERE due IS NULL AND k >= ?1 AND k < ?2 ORDER BY k LIMIT ?3`,
  replay: `UPDATE event SET state = 'pending', due = ?2, since_ms = ?2, attempt = 0
    WHERE k IN (SELECT value FROM json_each(?1))`,
  hasten: `UPDATE event SET due = ?2 WHERE k = ?1 AND due > ?2`,
  oldest: `SELECT MIN(k) AS k FROM event`,
  expire: `DELETE FROM event WHERE k IN (SELECT k FROM event WHERE k < ?1 ORDER BY k LIMIT ?2) RETURNING state`,
  trimSuccess: `DELETE FROM event WHERE k IN
    (SELECT k FROM event WHERE state = 'success' AND k > ?1 ORDER BY k LIMIT ?2) RETURNING k`,
  trimFailed: `DELETE FROM event WHERE k IN
    (SELECT k FROM event WHERE state = 'failed' AND k > ?1 ORDER BY k LIMIT ?2) RETURNING k`,
  byKey: `SELECT k, id, type, at_ms, state, due, payload, attempts FROM event WHERE k = ?1`,
  older: `SELECT k, id, type, at_ms, state FROM event WHERE k < ?1 ORDER BY k DESC LIMIT ?2`,
  newer: `SELECT k, id, type, at_ms, state FROM event WHERE k > ?1 ORDER BY k LIMIT ?2`,
} as const;
