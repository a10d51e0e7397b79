/**
 * Accounts, their keys and domains, and relay nodes: the shapes of the admin API and of `/v1/api-keys`.
 */
import { z } from "zod";
import { isNetwork } from "./ip-network.ts";
import { Limits, SetLimits } from "./limits.ts";

/** What people call a thing: one line of text. */
export const Name = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}]*$/u, "may not have control characters");

/** Who may be in From and the envelope: listed addresses, any address of a verified domain, or anybody. */
export const AllowedSenders = z.enum(["registered", "domains", "any"]);
export type AllowedSenders = z.infer<typeof AllowedSenders>;

/** Pool names become object names and URL parts. */
export const PoolName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "may have a-z, 0-9 and -, at most 63");

/** Addresses and networks (`192.0.2.7`, `2001:db8::/32`) that requests may come from; none: from anywhere. */
export const IpAllowlist = z
  .array(z.string().max(50).refine(isNetwork, "is not an IP address or network such as 192.0.2.0/24"))
  .max(100);

export const CreateAccount = z
  .strictObject({
    name: Name,
    allowed_senders: AllowedSenders.default("domains"),
    /** Which pool a stream's mail leaves from. */
    stream_pools: z
      .strictObject({ transactional: PoolName.default("default"), bulk: PoolName.default("default") })
      .default({ transactional: "default", bulk: "default" }),
    limits: SetLimits.default({}),
    trial: z.boolean().default(false),
    ip_allowlist: IpAllowlist.default([]),
  })
  .meta({ id: "CreateAccount" });
export type CreateAccount = z.infer<typeof CreateAccount>;

export const UpdateAccount = z
  .strictObject({
    name: Name.optional(),
    status: z.enum(["active", "suspended"]).optional(),
    allowed_senders: AllowedSenders.optional(),
    stream_pools: z.strictObject({ transactional: PoolName.optional(), bulk: PoolName.optional() }).optional(),
    limits: SetLimits.optional().meta({ description: "Those that are named; they count at once" }),
    trial: z.boolean().optional(),
    ip_allowlist: IpAllowlist.optional(),
  })
  .meta({ id: "UpdateAccount" });
export type UpdateAccount = z.infer<typeof UpdateAccount>;

export const AccountSummary = z
  .object({
    object: z.literal("account"),
    id: z.string(),
    name: z.string(),
    status: z.enum(["active", "suspended"]),
    created_at: z.string(),
  })
  .meta({ id: "AccountSummary" });
export type AccountSummary = z.infer<typeof AccountSummary>;

export const AccountDetail = AccountSummary.extend({
  allowed_senders: AllowedSenders,
  stream_pools: z.object({ transactional: z.string(), bulk: z.string() }),
  limits: Limits,
  trial: z.boolean(),
  ip_allowlist: z.array(z.string()),
}).meta({ id: "AccountDetail" });
export type AccountDetail = z.infer<typeof AccountDetail>;

export const CreatedAccount = z
  .object({
    object: z.literal("account"),
    id: z.string(),
    name: z.string(),
    api_key: z.object({ id: z.string(), token: z.string() }),
  })
  .meta({ id: "CreatedAccount" });

export const CreateRelay = z.strictObject({ name: Name, pools: z.array(PoolName).min(1).max(20).default(["default"]) });
export type CreateRelay = z.infer<typeof CreateRelay>;

export const CreatedRelay = z
  .object({ object: z.literal("relay"), id: z.string(), name: z.string(), token: z.string() })
  .meta({ id: "CreatedRelay" });

export const RelaySummary = z.object({
  object: z.literal("relay"),
  id: z.string(),
  name: z.string(),
  pools: z.array(z.string()),
  created_at: z.string(),
  connected: z.boolean(),
  /** Last sign of life, ISO 8601; null before it ever joined. */
  last_seen_at: z.string().nullable(),
  version: z.string().nullable(),
});
export type RelaySummary = z.infer<typeof RelaySummary>;

/** DKIM key an operator brings: PKCS#8 or PKCS#1 PEM. `ed25519` is an optional second signature (RFC 8463). */
const DkimKey = z.strictObject({
  selector: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i, "is not a DNS label"),
  private_key: z.string().min(1).max(20_000),
});

export const VouchForDomain = z.strictObject({
  status: z.literal("verified"),
  dkim: z.union([DkimKey, z.array(DkimKey).min(1).max(2)]).optional(),
});
export type VouchForDomain = z.infer<typeof VouchForDomain>;

export const VouchedDomain = z
  .object({
    object: z.literal("domain"),
    name: z.string(),
    status: z.literal("verified"),
    dkim: z.array(z.object({ selector: z.string(), algorithm: z.enum(["rsa-sha256", "ed25519-sha256"]) })),
  })
  .meta({ id: "VouchedDomain" });

/** Which domain a key is bound to: `domain_id`; whence it may be used: `ip_allowlist`; until when: `expires_at`. */
export const CreateApiKey = z
  .strictObject({
    name: Name.max(50),
    permission: z.enum(["full_access", "sending_access"]).default("full_access"),
    domain_id: z.string().max(100).nullish().meta({ description: "The key may send from this domain only" }),
    ip_allowlist: IpAllowlist.optional(),
    expires_at: z.iso.datetime({ offset: true }).nullish(),
  })
  .meta({ id: "CreateApiKey", example: { name: "Production" } });
export type CreateApiKey = z.infer<typeof CreateApiKey>;

export const CreatedApiKey = z.object({ id: z.string(), token: z.string() }).meta({ id: "CreatedApiKey" });
export type CreatedApiKey = z.infer<typeof CreatedApiKey>;

export const UpdateApiKey = z.strictObject({ name: Name.max(50) }).meta({ id: "UpdateApiKey" });
export type UpdateApiKey = z.infer<typeof UpdateApiKey>;

export const ApiKeySummary = z
  .object({
    id: z.string(),
    name: z.string(),
    created_at: z.string(),
    last_used_at: z.string().nullable().meta({ description: "To the minute" }),
    permission: z.enum(["full_access", "sending_access"]),
    domain_id: z.string().nullable(),
    ip_allowlist: z.array(z.string()),
    expires_at: z.string().nullable(),
  })
  .meta({ id: "ApiKeySummary" });
export type ApiKeySummary = z.infer<typeof ApiKeySummary>;

/** An address that an account with `allowed_senders: registered` may send from. */
export const CreateSender = z.strictObject({ email: z.string().max(2000) }).meta({ id: "CreateSender" });
export type CreateSender = z.infer<typeof CreateSender>;

export const Sender = z
  .object({ object: z.literal("sender"), id: z.string(), email: z.string(), created_at: z.string() })
  .meta({ id: "Sender" });
export type Sender = z.infer<typeof Sender>;

/** One line of the audit log: who did what to what. */
export const AuditEntry = z
  .object({
    object: z.literal("audit_entry"),
    id: z.string(),
    created_at: z.string(),
    actor: z.string().meta({ description: "`operator`, or `api_key:<id>`" }),
    ip: z.string().nullable(),
    action: z.string().meta({ example: "api_key.created" }),
    target: z.string().nullable(),
    /** What was changed: names and values, never secrets. */
    changes: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof AuditEntry>;
