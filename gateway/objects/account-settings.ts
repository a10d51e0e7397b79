/**
 * What the operator has set for an account: its state, who may be a sender, pools, limits, whence it may be used.
 *
 * One row, held in memory. `keys_version` goes up with every change of a domain or key, so relays ask again.
 */
import { z } from "zod";
import { AllowedSenders, type AccountDetail, type CreateAccount, type UpdateAccount } from "#contract/account.ts";
import { kToMs } from "#contract/ids.ts";
import { contains, parseNetwork, type Network } from "#contract/ip-network.ts";
import { parseIp } from "#dns/ip-address.ts";
import { DEFAULT_LIMITS, SetLimits, TRIAL_LIMITS, type Limits } from "#contract/limits.ts";

const Stored = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(["active", "suspended"]),
  allowed_senders: AllowedSenders,
  stream_pools: z.object({ transactional: z.string(), bulk: z.string() }),
  keys_version: z.int(),
  limits: SetLimits.default({}),
  trial: z.boolean().default(false),
  ip_allowlist: z.array(z.string()).default([]),
  /** 0: opened before this was kept. */
  created_k: z.int().default(0),
});
export type AccountSetting = z.infer<typeof Stored>;

export class AccountSettings {
  readonly #sql: SqlStorage;
  #setting: AccountSetting | undefined;
  #networks: Network[] = [];
  #limits: Limits = DEFAULT_LIMITS;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    for (const row of sql.exec<{ json: string }>("SELECT json FROM setting"))
      this.#take(Stored.parse(JSON.parse(row.json)));
  }

  /** `undefined`: the account was never opened. */
  get current(): AccountSetting | undefined {
    return this.#setting;
  }

  get limits(): Limits {
    return this.#limits;
  }

  open(id: string, request: CreateAccount, k: number): AccountSetting {
    return this.#save({
      ...request,
      id,
      status: "active",
      keys_version: this.#setting?.keys_version ?? 1,
      created_k: k,
    });
  }

  update(setting: AccountSetting, change: UpdateAccount): AccountSetting {
    const pools = change.stream_pools;
    const given = Object.entries(change).filter(([, value]) => value !== undefined);
    return this.#save(
      Stored.parse({
        ...setting,
        ...Object.fromEntries(given),
        stream_pools: {
          transactional: pools?.transactional ?? setting.stream_pools.transactional,
          bulk: pools?.bulk ?? setting.stream_pools.bulk,
        },
        limits: { ...setting.limits, ...change.limits },
      }),
    );
  }

  /** A domain or key has changed: what relays have cached is old. */
  keysChanged(): void {
    if (this.#setting) this.#save({ ...this.#setting, keys_version: this.#setting.keys_version + 1 });
  }

  allowsIp(ip: string | undefined): boolean {
    return allowsIp(this.#networks, ip);
  }

  detail({
    id,
    name,
    status,
    allowed_senders,
    stream_pools,
    trial,
    ip_allowlist,
    created_k,
  }: AccountSetting): AccountDetail {
    const created_at = new Date(kToMs(created_k)).toISOString();
    const limits = this.#limits;
    return {
      object: "account",
      id,
      name,
      status,
      created_at,
      allowed_senders,
      stream_pools,
      limits,
      trial,
      ip_allowlist,
    };
  }

  #save(setting: AccountSetting): AccountSetting {
    this.#sql.exec("INSERT OR REPLACE INTO setting (id, json) VALUES (1, ?)", JSON.stringify(setting));
    this.#take(setting);
    return setting;
  }

  #take(setting: AccountSetting): void {
    this.#setting = setting;
    this.#networks = networksOf(setting.ip_allowlist);
    const named = Object.fromEntries(Object.entries(setting.limits).filter(([, value]) => value !== undefined));
    this.#limits = { ...(setting.trial ? TRIAL_LIMITS : DEFAULT_LIMITS), ...named };
  }
}

export const networksOf = (texts: readonly string[]): Network[] =>
  texts.map(parseNetwork).filter((network) => network !== undefined);

/** No networks: from anywhere. With some, an address that is not known is not allowed. */
export const allowsIp = (networks: readonly Network[], ip: string | undefined): boolean => {
  if (networks.length === 0) return true;
  const parsed = ip === undefined ? undefined : parseIp(ip);
  return parsed !== undefined && networks.some((network) => contains(network, parsed));
};
