/**
 * The API keys of an account: what each may do, from where, until when, and whether it still counts.
 *
 * Held in memory and mirrored in rows. Of a key only the hash of its secret is kept. When a key was last used is
 * written down to the minute, so a busy key costs one row write a minute.
 */
import { z } from "zod";
import type { ApiKeySummary, CreateApiKey } from "#contract/account.ts";
import type { Needs } from "#contract/endpoints/endpoint.ts";
import type { Network } from "#contract/ip-network.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { sameText, type ApiKeyClaims } from "../core/token.ts";
import { allowsIp, networksOf, type AccountSettings } from "./account-settings.ts";
import { pageOfRows } from "./page-of-rows.ts";
import type { Visitor } from "./visitor.ts";

const Row = z.object({
  id: z.string(),
  name: z.string(),
  permission: z.enum(["full_access", "sending_access"]),
  secret_hash: z.string(),
  created_ms: z.int(),
  domain_id: z.string().nullable(),
  ip_allowlist: z.string().transform((text) => z.array(z.string()).parse(JSON.parse(text))),
  expires_ms: z.int().nullable(),
  used_ms: z.int().nullable(),
});
type Key = z.infer<typeof Row> & { networks: Network[] };

const KEY_LIMIT = 1000;
const USED_STEP_MS = 60_000;

export class AccountKeys {
  readonly #sql: SqlStorage;
  readonly #settings: AccountSettings;
  readonly #keys = new Map<string, Key>();

  constructor(sql: SqlStorage, settings: AccountSettings) {
    this.#sql = sql;
    this.#settings = settings;
    for (const row of sql.exec("SELECT * FROM api_key ORDER BY created_ms, id")) this.#take(Row.parse(row));
  }

  /** Whether this visitor may ask for what needs this. */
  check(visitor: Visitor, needs: Needs, nowMs: number): Problem | undefined {
    if (visitor.kind === "operator") return needs === "admin" ? undefined : problem("invalid_api_key");
    const key = this.#keys.get(visitor.key);
    const setting = this.#settings.current;
    if (!setting || !key || !sameText(key.secret_hash, visitor.secretHash)) return problem("invalid_api_key");
    if (key.expires_ms !== null && key.expires_ms <= nowMs)
      return problem("invalid_api_key", "The API key has expired.");
    if (!this.#settings.allowsIp(visitor.ip) || !allowsIp(key.networks, visitor.ip)) return problem("ip_not_allowed");
    if (setting.status === "suspended") return problem("account_suspended");
    if (needs !== "send" && key.permission === "sending_access") return problem("restricted_api_key");
    if (nowMs - (key.used_ms ?? 0) >= USED_STEP_MS) this.#markUsed(key, nowMs);
    return undefined;
  }

  /** The domain that a key may send from, when it is bound to one. */
  boundDomain(visitor: Visitor): string | undefined {
    return visitor.kind === "key" ? (this.#keys.get(visitor.key)?.domain_id ?? undefined) : undefined;
  }

  add(claims: ApiKeyClaims, request: CreateApiKey, nowMs: number): Problem | undefined {
    if (this.#keys.size >= KEY_LIMIT)
      return problem("validation_error", `An account has at most ${KEY_LIMIT} API keys.`);
    const { name, permission, domain_id, ip_allowlist, expires_at } = request;
    const row = {
      id: claims.key,
      name,
      permission,
      secret_hash: claims.secretHash,
      created_ms: nowMs,
      domain_id: domain_id ?? null,
      ip_allowlist: JSON.stringify(ip_allowlist ?? []),
      expires_ms: expires_at ? Date.parse(expires_at) : null,
      used_ms: null,
    };
    if (row.expires_ms !== null && row.expires_ms <= nowMs)
      return problem("validation_error", "Invalid `expires_at` field: it lies in the past.");
    this.#sql.exec(
      `INSERT INTO api_key (${Object.keys(row).join(", ")}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...Object.values(row),
    );
    this.#take(Row.parse(row));
    return undefined;
  }

  rename(id: string, name: string): boolean {
    const key = this.#keys.get(id);
    if (!key) return false;
    this.#sql.exec("UPDATE api_key SET name = ? WHERE id = ?", name, id);
    key.name = name;
    return true;
  }

  /** The key keeps all but its id and secret; the old secret stops at once. */
  replace(id: string, claims: ApiKeyClaims, nowMs: number): Problem | undefined {
    const key = this.#keys.get(id);
    if (!key) return problem("not_found", "There is no API key with this id.");
    const { name, permission, domain_id, ip_allowlist, expires_ms } = key;
    if (expires_ms !== null && expires_ms <= nowMs)
      return problem("validation_error", "The API key has expired: make another.");
    this.remove(id);
    const expires_at = expires_ms === null ? null : new Date(expires_ms).toISOString();
    return this.add(claims, { name, permission, domain_id, ip_allowlist, expires_at }, nowMs);
  }

  /** Whether it is bound to a domain, to networks or to a time. */
  isBound(id: string): boolean {
    const key = this.#keys.get(id);
    return key !== undefined && (key.domain_id !== null || key.networks.length > 0 || key.expires_ms !== null);
  }

  remove(id: string): boolean {
    this.#sql.exec("DELETE FROM api_key WHERE id = ?", id);
    return this.#keys.delete(id);
  }

  list(query: PageQuery): Page<ApiKeySummary> | Problem {
    return pageOfRows([...this.#keys.values()].toReversed(), (key) => key.id, query, summary);
  }

  #markUsed(key: Key, nowMs: number): void {
    key.used_ms = nowMs;
    this.#sql.exec("UPDATE api_key SET used_ms = ? WHERE id = ?", nowMs, key.id);
  }

  #take(row: z.infer<typeof Row>): void {
    this.#keys.set(row.id, { ...row, networks: networksOf(row.ip_allowlist) });
  }
}

const timeOrNull = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const summary = ({
  id,
  name,
  permission,
  domain_id,
  ip_allowlist,
  created_ms,
  used_ms,
  expires_ms,
}: Key): ApiKeySummary => ({
  id,
  name,
  created_at: new Date(created_ms).toISOString(),
  last_used_at: timeOrNull(used_ms === null ? null : used_ms - (used_ms % USED_STEP_MS)),
  permission,
  domain_id,
  ip_allowlist,
  expires_at: timeOrNull(expires_ms),
});
