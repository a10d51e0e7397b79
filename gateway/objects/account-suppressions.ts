/**
 * Addresses that get no mail from this account any more: by hard bounce, complaint, unsubscribing or hand.
 *
 * A row speaks of one address, or of a whole domain (`*@example.com`), and of one stream or of all. Whether a recipient
 * is blocked is asked when its delivery is leased, so a row counts from its commit on, for mail accepted before it too.
 * One that has expired is not there. Addresses come in their one spelling (`core/suppressed-address.ts`).
 */
import { idFormatter, kToMs, parseId } from "#contract/ids.ts";
import type { Page } from "#contract/pagination.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import {
  SUPPRESSION_LIMIT,
  type ImportedSuppression,
  type Suppression,
  type SuppressionOrigin,
  type SuppressionQuery,
  type SuppressionRef,
  type SuppressionSummary,
} from "#contract/suppression.ts";
import { blockedOf, type Suppressed } from "../core/blocked-recipients.ts";
import { parseSuppressedAddress, suppressedNamesOf } from "../core/suppressed-address.ts";
import type { AccountOperatorList } from "./account-operator-list.ts";
import { STREAMS, type Stream } from "./account-schema.ts";

/** Of the column `stream`: the row speaks of all. */
export const ALL_STREAMS = -1;

type Row = {
  k: number;
  address: string;
  stream: number;
  origin: SuppressionOrigin;
  source: number | null;
  expires_ms: number | null;
};
const COLUMNS = "k, address, stream, origin, source, expires_ms";
const COUNTS = (nowMs: `?${number}`): string => `(expires_ms IS NULL OR expires_ms > ${nowMs})`;

/** `source`: key of the email that brought it about. `expiresMs`: until when it counts. */
export type NewSuppression = {
  address: string;
  stream?: Stream | undefined;
  origin: SuppressionOrigin;
  source?: number | undefined;
  expiresMs?: number | undefined;
};

/** What an addition made of each of its entries. */
export type Added = SuppressionRef & { isNew: boolean };

export const SUPPRESSION_SQL = {
  // CROSS JOIN: the names first, whatever index there is for lists. Else it would read a whole stream for each.
  matching: `SELECT s.address, s.origin FROM json_each(?1) j CROSS JOIN suppression s ON s.address = j.value
    WHERE s.stream IN (${ALL_STREAMS}, ?2) AND ${COUNTS("?3")}`,
  insert: `INSERT INTO suppression (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`,
  extend: `UPDATE suppression SET expires_ms = ?1 WHERE k = ?2`,
  remove: `DELETE FROM suppression WHERE k = ?1`,
  /** The row of an address and stream, also when it has expired. */
  find: `SELECT ${COLUMNS} FROM suppression WHERE address = ?1 AND stream = ?2`,
  ofAddress: `SELECT ${COLUMNS} FROM suppression WHERE address = ?1 AND ${COUNTS("?2")} ORDER BY k`,
  byKey: `SELECT ${COLUMNS} FROM suppression WHERE k = ?1 AND ${COUNTS("?2")}`,
  /** All behind `k`, oldest first. */
  since: `SELECT ${COLUMNS} FROM suppression WHERE k > ?1 AND ${COUNTS("?2")} ORDER BY k LIMIT ?3`,
  sweep: `DELETE FROM suppression WHERE expires_ms <= ?1`,
} as const;

/**
 * A page of the list. Only the filters that are there are in the statement: each combination then has its index, and a
 * page costs its own rows, however many others there are.
 */
export const pageStatement = (newer: boolean, { origin, stream }: { origin: boolean; stream: boolean }): string =>
  `SELECT ${COLUMNS} FROM suppression WHERE k ${newer ? ">" : "<"} ?1${origin ? " AND origin = ?2" : ""}${
    stream ? " AND stream = ?3" : ""
  } AND ${COUNTS("?4")} ORDER BY k${newer ? "" : " DESC"} LIMIT ?5`;

export type SuppressionContext = {
  account: string;
  storage: DurableObjectStorage;
  takeK: (count: number, nowMs: number) => number;
  /** In the transaction of the change. */
  tell: (type: "suppression.added" | "suppression.removed", summary: SuppressionSummary, nowMs: number) => void;
  operatorList: Pick<AccountOperatorList, "isEmpty" | "listed">;
  /** No mail of this stream, or of `ALL_STREAMS`, is to leave to this name any more; also when it was so before. */
  recall: (name: string, stream: number) => void;
};

export class AccountSuppressions {
  readonly #context: SuppressionContext;
  readonly #sql: SqlStorage;
  readonly #formatId: (k: number) => string;
  /** False: there is none, and there was none since the account woke. */
  #hasRows: boolean;
  /** Rows, expired ones too; counted when it is first needed. */
  #count: number | undefined;

  constructor(context: SuppressionContext) {
    this.#context = context;
    this.#sql = context.storage.sql;
    this.#formatId = idFormatter(context.account);
    this.#hasRows = this.#sql.exec("SELECT 1 FROM suppression LIMIT 1").toArray().length > 0;
  }

  /** Which of these recipients get no mail of this stream now, and why. */
  blocked(recipients: readonly string[], stream: number, nowMs: number): ReadonlyMap<string, Suppressed> {
    const { operatorList } = this.#context;
    // Most accounts have none: their mail pays nothing for those that do.
    if (!this.#hasRows && operatorList.isEmpty) return NOBODY;
    const names = JSON.stringify([...new Set(recipients.flatMap(suppressedNamesOf))]);
    const origins = new Map(
      this.#sql
        .exec<{ address: string; origin: SuppressionOrigin }>(SUPPRESSION_SQL.matching, names, stream, nowMs)
        .toArray()
        .map(({ address, origin }) => [address, origin]),
    );
    return blockedOf(recipients, origins, operatorList.listed(names));
  }

  /** One that is there already stays, and counts for as long as either. In a transaction of its own. */
  add(entries: readonly NewSuppression[], nowMs: number): Added[] | Problem {
    const room = Math.max(0, SUPPRESSION_LIMIT - this.#rowCount);
    if (entries.length > room && this.#newOf(entries) > room) return full();
    return this.#context.storage.transactionSync(() => entries.map((entry) => this.#put(entry, nowMs)));
  }

  /** What mail has taught, in the transaction of its event. Also when the list is full: no mail may go to who bounced. */
  learn(entry: NewSuppression, nowMs: number): void {
    this.#put({ ...entry, address: entry.address.toLowerCase() }, nowMs);
  }

  /** What was learnt before is told again: it is not put back, but whoever tells it may rely on it. */
  repeat({ address, stream }: NewSuppression): void {
    this.#context.recall(address.toLowerCase(), codeOf(stream));
  }

  /** Lines of an import, all or none. */
  import(rows: readonly ImportedSuppression[], nowMs: number): { added: number; known: number } | Problem {
    const added = this.add(
      rows.map(({ email, ...rest }) => ({ address: email, ...rest })),
      nowMs,
    );
    if (isProblem(added)) return added;
    const count = added.filter(({ isNew }) => isNew).length;
    return { added: count, known: added.length - count };
  }

  /** By id, or by address: then in all streams. The ids that are gone. */
  remove(idsOrAddresses: readonly string[], nowMs: number): string[][] {
    return this.#context.storage.transactionSync(() =>
      idsOrAddresses.map((which) => {
        const rows = this.#find(which, nowMs);
        for (const row of rows) {
          this.#delete(row.k);
          this.#context.tell("suppression.removed", this.#summary(row), nowMs);
        }
        return rows.map(({ k }) => this.#formatId(k));
      }),
    );
  }

  get(idOrAddress: string, nowMs: number): Suppression | Problem {
    const [row] = this.#find(idOrAddress, nowMs);
    return row ? { object: "suppression", ...this.#summary(row) } : noSuppression();
  }

  list(query: SuppressionQuery, nowMs: number): Page<SuppressionSummary> | Problem {
    const { limit, origin, stream } = query;
    const cursor = query.after ?? query.before;
    const at = cursor === undefined ? Number.MAX_SAFE_INTEGER : parseId(this.#context.account, cursor);
    if (at === undefined) return problem("not_found", "There is no suppression with the id in `after` or `before`.");
    const newer = query.before !== undefined;
    const statement = pageStatement(newer, { origin: origin !== undefined, stream: stream !== undefined });
    const code = stream === undefined ? null : STREAMS.indexOf(stream);
    const rows = this.#sql.exec<Row>(statement, at, origin ?? null, code, nowMs, limit + 1).toArray();
    const page = rows.slice(0, limit);
    const data = (newer ? page.toReversed() : page).map((row) => this.#summary(row));
    return { object: "list", has_more: rows.length > limit, data };
  }

  /** Those behind `k`, oldest first, and the last one's key; fewer than `limit`: that was all. */
  since(k: number, limit: number, nowMs: number): { rows: SuppressionSummary[]; last: number } {
    const rows = this.#sql.exec<Row>(SUPPRESSION_SQL.since, k, nowMs, limit).toArray();
    return { rows: rows.map((row) => this.#summary(row)), last: rows.at(-1)?.k ?? k };
  }

  /** Forgets those that count no more. */
  sweep(nowMs: number): void {
    this.#sql.exec(SUPPRESSION_SQL.sweep, nowMs);
    this.#count = undefined;
  }

  get #rowCount(): number {
    return (this.#count ??= this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM suppression").one().n);
  }

  /** How many entries would need a row that is not there. */
  #newOf(entries: readonly NewSuppression[]): number {
    return entries.filter((entry) => this.#known(entry) === undefined).length;
  }

  #known({ address, stream }: NewSuppression): Row | undefined {
    return this.#sql.exec<Row>(SUPPRESSION_SQL.find, address, codeOf(stream)).toArray()[0];
  }

  #put(entry: NewSuppression, nowMs: number): Added {
    this.#context.recall(entry.address, codeOf(entry.stream));
    const known = this.#known(entry);
    if (known && (known.expires_ms === null || known.expires_ms > nowMs)) return this.#extend(known, entry.expiresMs);
    if (known) this.#delete(known.k);
    const k = this.#context.takeK(1, nowMs);
    const { address, origin, source = null, expiresMs = null } = entry;
    const row: Row = { k, address, stream: codeOf(entry.stream), origin, source, expires_ms: expiresMs };
    this.#sql.exec(SUPPRESSION_SQL.insert, k, address, row.stream, origin, source, expiresMs);
    this.#context.tell("suppression.added", this.#summary(row), nowMs);
    this.#hasRows = true;
    if (this.#count !== undefined) this.#count += 1;
    return { ...this.#ref(k), isNew: true };
  }

  #extend({ k, expires_ms }: Row, expiresMs: number | undefined): Added {
    if (expires_ms !== null && (expiresMs === undefined || expiresMs > expires_ms))
      this.#sql.exec(SUPPRESSION_SQL.extend, expiresMs ?? null, k);
    return { ...this.#ref(k), isNew: false };
  }

  #delete(k: number): void {
    this.#sql.exec(SUPPRESSION_SQL.remove, k);
    if (this.#count !== undefined) this.#count -= 1;
  }

  #find(idOrAddress: string, nowMs: number): Row[] {
    const k = parseId(this.#context.account, idOrAddress);
    if (k !== undefined) return this.#sql.exec<Row>(SUPPRESSION_SQL.byKey, k, nowMs).toArray();
    const address = parseSuppressedAddress(idOrAddress);
    return address === undefined ? [] : this.#sql.exec<Row>(SUPPRESSION_SQL.ofAddress, address, nowMs).toArray();
  }

  #ref(k: number): SuppressionRef {
    return { object: "suppression", id: this.#formatId(k) };
  }

  #summary({ k, address, stream, origin, source, expires_ms }: Row): SuppressionSummary {
    return {
      id: this.#formatId(k),
      email: address,
      origin,
      source_id: source === null ? null : this.#formatId(source),
      stream: STREAMS[stream] ?? null,
      created_at: new Date(kToMs(k)).toISOString(),
      expires_at: expires_ms === null ? null : new Date(expires_ms).toISOString(),
    };
  }
}

const NOBODY: ReadonlyMap<string, Suppressed> = new Map();

const codeOf = (stream: Stream | undefined): number => (stream === undefined ? ALL_STREAMS : STREAMS.indexOf(stream));

/** For an id or address that is not on the list. */
export const noSuppression = (): Problem => problem("not_found", "There is no suppression with this id or address.");

const full = (): Problem => problem("validation_error", `An account has at most ${SUPPRESSION_LIMIT} suppressions.`);
