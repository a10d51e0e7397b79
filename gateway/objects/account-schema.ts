/**
 * The tables of one account. `k` is the key of everything (`#contract/ids.ts`): ordered by time, so that
 * inserts go to the end of each tree and no second index is needed.
 *
 * An email takes as many `k` as it has recipients; its deliveries have those very `k`, so they are a range.
 * A delivery is:
 *   due = 0, k above the stream's cursor     fresh, waiting for its first lease
 *   due = 0, k at or below the cursor        in the hands of the newest lease that lists it
 *   due > 0                                  to be tried (again, or when its time has come) at that time, ms
 *   due IS NULL                              settled for good; `state` says how
 * The cursor of a stream is that of its newest lease row, which therefore stays until a newer one is made.
 */
import { runSchemaSteps } from "./schema-steps.ts";

const STEPS = [
  `
  CREATE TABLE setting (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL) STRICT;
  CREATE TABLE api_key (id TEXT PRIMARY KEY, name TEXT NOT NULL, permission TEXT NOT NULL, secret_hash TEXT NOT NULL,
    created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE domain (name TEXT PRIMARY KEY, status TEXT NOT NULL, signers TEXT NOT NULL, changed_ms INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;

  CREATE TABLE email (k INTEGER PRIMARY KEY, part INTEGER NOT NULL, chunks INTEGER NOT NULL, size INTEGER NOT NULL,
    rcpts INTEGER NOT NULL, idem TEXT, meta TEXT NOT NULL) STRICT;
  CREATE TABLE part (k INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
  CREATE TABLE staged (k INTEGER PRIMARY KEY, chunks INTEGER NOT NULL) STRICT;
  CREATE TABLE idem (key TEXT PRIMARY KEY, k INTEGER NOT NULL, fingerprint TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE delivery (k INTEGER PRIMARY KEY, email INTEGER NOT NULL, rcpt TEXT NOT NULL, stream INTEGER NOT NULL,
    attempt INTEGER NOT NULL, due INTEGER, doubt INTEGER NOT NULL, state TEXT NOT NULL, last INTEGER NOT NULL,
    events TEXT NOT NULL) STRICT;
  CREATE INDEX delivery_due ON delivery (stream, due) WHERE due > 0;
  CREATE TABLE lease (id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, relay TEXT NOT NULL, at_ms INTEGER NOT NULL,
    cursor INTEGER NOT NULL, ks TEXT NOT NULL) STRICT;
  CREATE TABLE event (k INTEGER PRIMARY KEY, email INTEGER NOT NULL, delivery INTEGER NOT NULL, kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL, data TEXT NOT NULL) STRICT;

  CREATE TABLE sandbox (k INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
  `,
  `
  ALTER TABLE api_key ADD COLUMN domain_id TEXT;
  ALTER TABLE api_key ADD COLUMN ip_allowlist TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE api_key ADD COLUMN expires_ms INTEGER;
  ALTER TABLE api_key ADD COLUMN used_ms INTEGER;
  ALTER TABLE idem ADD COLUMN reply TEXT;
  ALTER TABLE email ADD COLUMN domain TEXT NOT NULL DEFAULT '';
  ALTER TABLE email ADD COLUMN scheduled INTEGER;
  ALTER TABLE lease ADD COLUMN pool TEXT NOT NULL DEFAULT '';

  ALTER TABLE domain RENAME TO domain_before;
  CREATE TABLE domain (k INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, status TEXT NOT NULL, vouched INTEGER NOT NULL,
    settings TEXT NOT NULL, signers TEXT NOT NULL, records TEXT NOT NULL, checked_ms INTEGER) STRICT;
  INSERT INTO domain (k, name, status, vouched, settings, signers, records)
    SELECT changed_ms * 1024 + ROW_NUMBER() OVER (ORDER BY name), name, status, 1, '{}', signers, '[]' FROM domain_before;
  DROP TABLE domain_before;

  CREATE TABLE usage (subject TEXT NOT NULL, slot INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (subject, slot))
    STRICT, WITHOUT ROWID;
  CREATE TABLE stat (hour INTEGER NOT NULL, stream INTEGER NOT NULL, domain TEXT NOT NULL, provider TEXT NOT NULL,
    kind TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (hour, stream, domain, provider, kind)) STRICT, WITHOUT ROWID;
  CREATE TABLE template (k INTEGER PRIMARY KEY, alias TEXT UNIQUE, draft TEXT NOT NULL, published TEXT, part INTEGER,
    size INTEGER, published_ms INTEGER, updated_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE sender (address TEXT PRIMARY KEY, k INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (k INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
  CREATE TABLE bulk (k INTEGER PRIMARY KEY, key TEXT UNIQUE, part INTEGER NOT NULL, chunks INTEGER NOT NULL, size INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, lines INTEGER NOT NULL, hash INTEGER NOT NULL, accepted INTEGER NOT NULL, refused INTEGER NOT NULL,
    done INTEGER NOT NULL, template TEXT) STRICT;
  CREATE TABLE bulk_refusal (bulk INTEGER NOT NULL, line INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY (bulk, line))
    STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE suppression (k INTEGER PRIMARY KEY, address TEXT NOT NULL, stream INTEGER NOT NULL, origin TEXT NOT NULL,
    source INTEGER, expires_ms INTEGER) STRICT;
  CREATE UNIQUE INDEX suppression_address ON suppression (address, stream);
  CREATE INDEX suppression_expires ON suppression (expires_ms) WHERE expires_ms IS NOT NULL;
  CREATE TABLE operator_suppression (address TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE operator_list (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL) STRICT;
  CREATE TABLE webhook (k INTEGER PRIMARY KEY, json TEXT NOT NULL, cursor INTEGER NOT NULL) STRICT;
  CREATE TABLE received (k INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, head TEXT NOT NULL,
    body TEXT NOT NULL) STRICT;
  CREATE TABLE received_chunk (k INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  CREATE TABLE received_open (k INTEGER PRIMARY KEY, size INTEGER NOT NULL) STRICT;
  CREATE TABLE receiving_told (domain TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE domain ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE domain ADD COLUMN findings TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE domain ADD COLUMN look_ms INTEGER;
  UPDATE domain SET whole = 1, look_ms = 0 WHERE vouched = 0 AND status IN ('verified', 'partially_failed');
  CREATE TABLE notice (k INTEGER PRIMARY KEY, type TEXT NOT NULL, at_ms INTEGER NOT NULL, data TEXT NOT NULL) STRICT;
  CREATE TABLE policy_change (domain TEXT PRIMARY KEY, k INTEGER NOT NULL, policy TEXT) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE dmarc_report (k INTEGER PRIMARY KEY, domain INTEGER NOT NULL, source TEXT NOT NULL, json TEXT NOT NULL)
    STRICT;
  CREATE UNIQUE INDEX dmarc_report_source ON dmarc_report (domain, source);
  CREATE INDEX dmarc_report_domain ON dmarc_report (domain, k);
  `,
  `
  CREATE INDEX suppression_origin ON suppression (origin);
  CREATE INDEX suppression_stream ON suppression (stream);
  CREATE INDEX suppression_origin_stream ON suppression (origin, stream);
  `,
  `ALTER TABLE receiving_told ADD COLUMN answer TEXT`,
  // What is told of an email and of none of its recipients, once.
  `CREATE UNIQUE INDEX event_of_email ON event (email, kind) WHERE delivery = 0`,
] as const;

export const openAccountTables = (storage: DurableObjectStorage): void => runSchemaSteps(storage, STEPS);

/** Streams by the number rows carry. */
export const STREAMS = ["transactional", "bulk"] as const;
export type Stream = (typeof STREAMS)[number];

/** The statements of the queue; their query plans are asserted (`tests/objects/query-plans.test.ts`). */
export const QUEUE_SQL = {
  fresh: `SELECT d.k, d.email, d.rcpt, d.attempt, e.size, length(e.meta) AS meta FROM delivery d JOIN email e ON e.k = d.email
    WHERE d.k > ?1 AND d.due = 0 AND d.stream = ?2 ORDER BY d.k LIMIT ?3`,
  due: `SELECT d.k, d.email, d.rcpt, d.attempt, e.size, length(e.meta) AS meta FROM delivery d JOIN email e ON e.k = d.email
    WHERE d.stream = ?1 AND d.due > 0 AND d.due <= ?2 ORDER BY d.due LIMIT ?3`,
  nextDue: `SELECT MIN(due) AS due FROM delivery WHERE stream = ?1 AND due > 0`,
  emails: `SELECT e.k, e.part, e.chunks, e.size, e.meta, e.domain, CASE WHEN e.chunks = 1 AND e.size <= ?2 THEN p.body END AS body
    FROM json_each(?1) j JOIN email e ON e.k = j.value LEFT JOIN part p ON p.k = e.part`,
  openDeliveries: `SELECT d.k, d.email, d.stream, d.rcpt, d.attempt, d.due, d.doubt, d.state, d.last, d.events, e.domain, e.scheduled
    FROM json_each(?1) j JOIN delivery d ON d.k = j.value JOIN email e ON e.k = d.email`,
  takeDue: `UPDATE delivery SET due = 0 WHERE k IN (SELECT value FROM json_each(?1))`,
  giveBack: `UPDATE delivery SET due = ?2 WHERE k IN (SELECT value FROM json_each(?1)) AND due = 0`,
  settle: `UPDATE delivery SET attempt = v.attempt, due = v.due, doubt = v.doubt, state = v.state, last = v.last, events = v.events
    FROM (SELECT value ->> 0 AS k, value ->> 1 AS attempt, value ->> 2 AS due, value ->> 3 AS doubt, value ->> 4 AS state,
      value ->> 5 AS last, value -> 6 AS events FROM json_each(?1)) v WHERE delivery.k = v.k`,
  stillLeased: `SELECT d.k, d.rcpt FROM json_each(?1) j JOIN delivery d ON d.k = j.value WHERE d.due = 0`,
} as const;

/** The inserts of a group commit: one statement a table, rows as one JSON text. */
export const ACCEPT_SQL = {
  email: `INSERT INTO email (k, part, chunks, size, rcpts, idem, meta, domain, scheduled) SELECT value ->> 0, value ->> 1, value ->> 2,
    value ->> 3, value ->> 4, value ->> 5, value -> 6, value ->> 7, value ->> 8 FROM json_each(?1)`,
  part: `INSERT INTO part (k, body) SELECT value ->> 0, value -> 1 FROM json_each(?1)`,
  delivery: `INSERT INTO delivery (k, email, rcpt, stream, attempt, due, doubt, state, last, events)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, 0, value ->> 4, 0, iif(value ->> 4 > 0, 'scheduled', 'queued'), 0, '[]'
    FROM json_each(?1)`,
  idem: `INSERT INTO idem (key, k, fingerprint, reply) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1)`,
  event: `INSERT INTO event (k, email, delivery, kind, at_ms, data) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3,
    value ->> 4, value -> 5 FROM json_each(?1)`,
} as const;

/** The inserts of a bulk's chunk: `?1` is a JSON array of what differs, the rest is the same for all of its rows. */
export const BULK_SQL = {
  email: `INSERT INTO email (k, part, chunks, size, rcpts, idem, meta, domain, scheduled)
    SELECT ?2 + key, ?3, ?4, ?5, 1, NULL, value, ?6, NULL FROM json_each(?1)`,
  delivery: `INSERT INTO delivery (k, email, rcpt, stream, attempt, due, doubt, state, last, events)
    SELECT ?2 + key, ?2 + key, value, ?3, 0, 0, 0, 'queued', 0, '[]' FROM json_each(?1)`,
} as const;
