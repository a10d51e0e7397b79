/**
 * What an account is: its settings, API keys and sending domains, held in memory and mirrored in rows.
 *
 * Secrets: of an API key only the hash is kept; DKIM keys are sealed with the master key before they come here.
 */
import { z } from "zod";
import { AllowedSenders, type CreateAccount, type Permission } from "#contract/account.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { sameText, type ApiKeyClaims } from "../core/token.ts";

const Setting = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(["active", "suspended"]),
  allowed_senders: AllowedSenders,
  stream_pools: z.object({ transactional: z.string(), bulk: z.string() }),
  keys_version: z.int(),
});
export type AccountSetting = z.infer<typeof Setting>;

const Permissions = z.enum(["full_access", "sending_access"]);

/** A DKIM key at rest. */
export const SealedSigner = z.object({
  selector: z.string(),
  algorithm: z.enum(["rsa-sha256", "ed25519-sha256"]),
  sealed: z.string(),
});
export type SealedSigner = z.infer<typeof SealedSigner>;

export type ApiKeyRow = { id: string; name: string; created_at: string };

/** Mail to and from here never leaves the machine: anybody may use it to try the service. */
const SANDBOX_DOMAIN = "sandbox.test";

export class AccountKeys {
  readonly #sql: SqlStorage;
  #setting: AccountSetting | undefined;
  readonly #keys = new Map<string, { hash: string; permission: Permission }>();
  readonly #verified = new Set<string>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    for (const row of sql.exec<{ json: string }>("SELECT json FROM setting"))
      this.#setting = Setting.parse(JSON.parse(row.json));
    for (const row of sql.exec<{ id: string; permission: string; secret_hash: string }>(
      "SELECT id, permission, secret_hash FROM api_key",
    ))
      this.#keys.set(row.id, {
        hash: row.secret_hash,
        permission: Permissions.parse(row.permission),
      });
    for (const row of sql.exec<{ name: string }>("SELECT name FROM domain WHERE status = 'verified'"))
      this.#verified.add(row.name);
  }

  /** `undefined`: the account was never opened. */
  get setting(): AccountSetting | undefined {
    return this.#setting;
  }

  open(id: string, request: CreateAccount): AccountSetting {
    const { name, allowed_senders, stream_pools } = request;
    return this.#save({
      id,
      name,
      status: "active",
      allowed_senders,
      stream_pools,
      keys_version: this.#setting?.keys_version ?? 1,
    });
  }

  /** Whether the key still counts and may do this. */
  check(caller: ApiKeyClaims, needs: "send" | "full"): Problem | undefined {
    const key = this.#keys.get(caller.key);
    if (!this.#setting || !key || !sameText(key.hash, caller.secretHash)) return problem("invalid_api_key");
    if (this.#setting.status === "suspended") return problem("account_suspended");
    if (needs === "full" && key.permission === "sending_access") return problem("restricted_api_key");
    return undefined;
  }

  /** Whether the account may put this address in From. */
  checkSender(from: { address: string; domain: string }, recipients: readonly string[]): Problem | undefined {
    if (this.#setting?.allowed_senders === "any" || this.#verified.has(from.domain)) return undefined;
    if (from.domain === SANDBOX_DOMAIN && recipients.every((rcpt) => rcpt.endsWith(`@${SANDBOX_DOMAIN}`)))
      return undefined;
    return problem(
      "sender_not_allowed",
      `The ${from.domain} domain is not verified. Add and verify it before you send from it.`,
    );
  }

  addKey(claims: ApiKeyClaims, name: string, permission: Permission, nowMs: number): void {
    this.#sql.exec(
      "INSERT INTO api_key (id, name, permission, secret_hash, created_ms) VALUES (?, ?, ?, ?, ?)",
      claims.key,
      name,
      permission,
      claims.secretHash,
      nowMs,
    );
    this.#keys.set(claims.key, { hash: claims.secretHash, permission });
  }

  removeKey(id: string): boolean {
    this.#sql.exec("DELETE FROM api_key WHERE id = ?", id);
    return this.#keys.delete(id);
  }

  listKeys(): ApiKeyRow[] {
    return [
      ...this.#sql.exec<{ id: string; name: string; created_ms: number }>(
        "SELECT id, name, created_ms FROM api_key ORDER BY created_ms, id",
      ),
    ].map((row) => ({
      id: row.id,
      name: row.name,
      created_at: new Date(row.created_ms).toISOString(),
    }));
  }

  setDomain(name: string, signers: readonly SealedSigner[], nowMs: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO domain (name, status, signers, changed_ms) VALUES (?, 'verified', ?, ?)",
      name,
      JSON.stringify(signers),
      nowMs,
    );
    this.#verified.add(name);
    if (this.#setting) this.#save({ ...this.#setting, keys_version: this.#setting.keys_version + 1 });
  }

  signers(domain: string): SealedSigner[] {
    const rows = [
      ...this.#sql.exec<{ signers: string }>(
        "SELECT signers FROM domain WHERE name = ? AND status = 'verified'",
        domain,
      ),
    ];
    return rows.flatMap((row) => z.array(SealedSigner).parse(JSON.parse(row.signers)));
  }

  #save(setting: AccountSetting): AccountSetting {
    this.#sql.exec("INSERT OR REPLACE INTO setting (id, json) VALUES (1, ?)", JSON.stringify(setting));
    this.#setting = setting;
    return setting;
  }
}
