/**
 * Who is there: accounts and relay nodes. Asked when something is set up or joins, never for a send. Whoever changes that
 * is written down in the same turn.
 */
import { logEvent } from "./log.ts";
import { DurableObject } from "cloudflare:workers";
import { z } from "zod";
import { PoolName, type AccountSummary, type AuditEntry, type CreateRelay } from "#contract/account.ts";
import { base32, nextK } from "#contract/ids.ts";
import type { OperatorChanges, OperatorSuppression } from "#contract/operator-suppression.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { isProblem, type Problem } from "#contract/problem.ts";
import { mintRelayToken, sameText, tagKey, type RelayClaims } from "../core/token.ts";
import { AuditLog } from "./audit-log.ts";
import { OPERATOR_SUPPRESSION_STEP, OperatorSuppressions } from "./operator-suppressions.ts";
import { runSchemaSteps } from "./schema-steps.ts";

const STEPS = [
  `
  CREATE TABLE account (id TEXT PRIMARY KEY, name TEXT NOT NULL, created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE relay (id TEXT PRIMARY KEY, name TEXT NOT NULL, pools TEXT NOT NULL, secret_hash TEXT NOT NULL,
    created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `ALTER TABLE account ADD COLUMN status TEXT NOT NULL DEFAULT 'active'`,
  `CREATE TABLE audit (k INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT`,
  `CREATE TABLE policy (domain TEXT PRIMARY KEY, account TEXT NOT NULL, text TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  OPERATOR_SUPPRESSION_STEP,
  `CREATE TABLE receiving (domain TEXT PRIMARY KEY, account TEXT NOT NULL) STRICT, WITHOUT ROWID`,
] as const;

type AccountRow = { id: string; name: string; status: string; created_ms: number };
type StoredRelay = { id: string; name: string; pools: string; secret_hash: string; created_ms: number };

/** Entries have ids as an account's rows do; no account has this one. */
const AUDIT_SCOPE = "000000000000";

const Pools = z.array(PoolName);

export type RelayRow = { id: string; name: string; pools: string[]; created_at: string };

export class Directory extends DurableObject<Env> {
  readonly #sql: SqlStorage;
  readonly #audit: AuditLog;
  readonly #suppressions: OperatorSuppressions;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    runSchemaSteps(ctx.storage, STEPS);
    this.#sql = ctx.storage.sql;
    this.#audit = new AuditLog(this.#sql, AUDIT_SCOPE, (_, nowMs) => nextK(this.#lastK(), nowMs));
    this.#suppressions = new OperatorSuppressions(ctx.storage);
  }

  /** Newest first. */
  async listAudit(query: PageQuery): Promise<Page<AuditEntry> | Problem> {
    return this.#audit.list(query);
  }

  #lastK(): number {
    return this.#sql.exec<{ k: number | null }>("SELECT MAX(k) AS k FROM audit").one().k ?? 0;
  }

  #writeDown(ip: string | undefined, action: string, target: string, changes: Record<string, unknown> = {}): void {
    this.#audit.write({ visitor: { kind: "operator", ip }, nowMs: Date.now() }, action, target, changes);
    this.#audit.sweep();
  }

  /** Writes the account down and gives it its id; the account object is opened after that. */
  async addAccount(name: string, ip: string | undefined): Promise<string> {
    const id = base32(crypto.getRandomValues(new Uint8Array(12)), 12);
    this.#sql.exec("INSERT INTO account (id, name, created_ms) VALUES (?, ?, ?)", id, name, Date.now());
    this.#writeDown(ip, "account.created", id, { name });
    return id;
  }

  async account(id: string): Promise<AccountSummary | undefined> {
    return this.#sql.exec<AccountRow>("SELECT * FROM account WHERE id = ?", id).toArray().map(accountSummary)[0];
  }

  async accounts(): Promise<AccountSummary[]> {
    return this.#sql.exec<AccountRow>("SELECT * FROM account ORDER BY created_ms, id").toArray().map(accountSummary);
  }

  /** What lists show of an account; its own object is what counts. */
  async setAccount(id: string, name: string, status: AccountSummary["status"]): Promise<void> {
    this.#sql.exec("UPDATE account SET name = ?, status = ? WHERE id = ?", name, status, id);
  }

  async removeAccount({ id, name }: AccountSummary, ip: string | undefined): Promise<void> {
    this.#sql.exec("DELETE FROM account WHERE id = ?", id);
    this.#sql.exec("DELETE FROM policy WHERE account = ?", id);
    this.#sql.exec("DELETE FROM receiving WHERE account = ?", id);
    this.#writeDown(ip, "account.deleted", id, { name });
  }

  /**
   * The MTA-STS policy of an account's domain; null: it has none any more. Of two accounts with the domain the one that
   * has proved it last is right, and neither takes away the other's.
   */
  async setPolicy(account: string, domain: string, text: string | null): Promise<void> {
    if (text === null) this.#sql.exec("DELETE FROM policy WHERE domain = ? AND account = ?", domain, account);
    // The account may have been closed while this was on its way.
    else
      this.#sql.exec(
        "INSERT OR REPLACE INTO policy (domain, account, text) SELECT ?1, id, ?3 FROM account WHERE id = ?2",
        ...[domain, account, text],
      );
  }

  /** The text to serve for a domain. */
  async policy(domain: string): Promise<string | undefined> {
    return this.#sql.exec<{ text: string }>("SELECT text FROM policy WHERE domain = ?", domain).toArray()[0]?.text;
  }

  /**
   * Domains that an account wants to receive for, and those that it gives up. Who comes first keeps a domain; asked by
   * another they look whether it is still theirs. Answers with those of the wanted that are the account's.
   */
  async setReceiving(account: string, wanted: readonly string[], givenUp: readonly string[]): Promise<string[]> {
    for (const domain of givenUp)
      this.#sql.exec("DELETE FROM receiving WHERE domain = ? AND account = ?", domain, account);
    for (const domain of wanted)
      this.#sql.exec(
        "INSERT OR IGNORE INTO receiving (domain, account) SELECT ?1, id FROM account WHERE id = ?2",
        ...[domain, account],
      );
    const refused = new Map<string, string[]>();
    for (const domain of wanted) {
      const holder = this.#receiverOf(domain);
      if (holder !== undefined && holder !== account) refused.set(holder, [...(refused.get(holder) ?? []), domain]);
    }
    for (const [holder, domains] of refused)
      this.ctx.waitUntil(
        this.env.ACCOUNT.getByName(holder)
          .lookAgain(domains)
          .catch((error: unknown) => logEvent("warn", "receiving.holder-not-asked", { holder, error: String(error) })),
      );
    return wanted.filter((domain) => this.#receiverOf(domain) === account);
  }

  /** The account that receives for a domain. */
  async receiver(domain: string): Promise<string | undefined> {
    return this.#receiverOf(domain);
  }

  #receiverOf(domain: string): string | undefined {
    return this.#sql.exec<{ account: string }>("SELECT account FROM receiving WHERE domain = ?", domain).toArray()[0]
      ?.account;
  }

  async addRelay({ name, pools }: CreateRelay, ip: string | undefined): Promise<{ id: string; token: string }> {
    const key = await tagKey(this.env.HIKYAKU_MASTER_KEY);
    const { token, claims } = await mintRelayToken(key, crypto.getRandomValues(new Uint8Array(44)));
    this.#sql.exec(
      "INSERT INTO relay (id, name, pools, secret_hash, created_ms) VALUES (?, ?, ?, ?, ?)",
      claims.relay,
      name,
      JSON.stringify(pools),
      claims.secretHash,
      Date.now(),
    );
    this.#writeDown(ip, "relay.created", claims.relay, { name, pools });
    return { id: claims.relay, token };
  }

  async relays(): Promise<RelayRow[]> {
    return this.#sql.exec<StoredRelay>("SELECT * FROM relay ORDER BY created_ms, id").toArray().map(relayRow);
  }

  async removeRelay(id: string, ip: string | undefined): Promise<RelayRow | undefined> {
    const relay = this.#sql.exec<StoredRelay>("SELECT * FROM relay WHERE id = ?", id).toArray().map(relayRow)[0];
    this.#sql.exec("DELETE FROM relay WHERE id = ?", id);
    if (relay) this.#writeDown(ip, "relay.deleted", id, { name: relay.name });
    return relay;
  }

  /** The relay behind a token whose tag was checked; `undefined` when it is not, or no longer, known. */
  async relay(claims: RelayClaims): Promise<RelayRow | undefined> {
    const row = this.#sql.exec<StoredRelay>("SELECT * FROM relay WHERE id = ?", claims.relay).toArray()[0];
    return row && sameText(row.secret_hash, claims.secretHash) ? relayRow(row) : undefined;
  }

  /** Addresses come in their one spelling. */
  async putSuppressions(
    addresses: string[],
    note: string | undefined,
    ip: string | undefined,
  ): Promise<{ added: number; known: number } | Problem> {
    const put = this.#suppressions.put(addresses, note, Date.now());
    if (!isProblem(put)) this.#writeDown(ip, "suppressions.added", `${put.added} addresses`, { note: note ?? null });
    return put;
  }

  async removeSuppression(address: string, ip: string | undefined): Promise<boolean> {
    const isRemoved = this.#suppressions.remove(address, Date.now());
    if (isRemoved) this.#writeDown(ip, "suppression.removed", address);
    return isRemoved;
  }

  async listSuppressions(query: PageQuery): Promise<Page<OperatorSuppression> | Problem> {
    return this.#suppressions.list(query);
  }

  /** For an account that knows all up to `seq`. */
  async operatorChanges(seq: number): Promise<OperatorChanges> {
    return this.#suppressions.since(seq);
  }

  /** All pools that any relay may serve. */
  async pools(): Promise<string[]> {
    return [...new Set(["default", ...(await this.relays()).flatMap(({ pools }) => pools)])];
  }
}

const accountSummary = (row: AccountRow): AccountSummary => ({
  object: "account",
  id: row.id,
  name: row.name,
  status: row.status === "suspended" ? "suspended" : "active",
  created_at: new Date(row.created_ms).toISOString(),
});

const relayRow = (row: StoredRelay): RelayRow => ({
  id: row.id,
  name: row.name,
  pools: Pools.parse(JSON.parse(row.pools)),
  created_at: new Date(row.created_ms).toISOString(),
});
