/**
 * Accounts, their keys and domains, and relay nodes: the shapes of the admin API and of `/v1/api-keys`.
 */
import { z } from "zod";

const name = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}]*$/u, "may not have control characters");

/** Who may be in From and the envelope: listed addresses, any address of a verified domain, or anybody. */
export const AllowedSenders = z.enum(["registered", "domains", "any"]);
export type AllowedSenders = z.infer<typeof AllowedSenders>;

/** Pool names become object names and URL parts. */
export const PoolName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "may have a-z, 0-9 and -, at most 63");

export const CreateAccount = z.strictObject({
  name,
  allowed_senders: AllowedSenders.default("domains"),
  /** Which pool a stream's mail leaves from. */
  stream_pools: z
    .strictObject({ transactional: PoolName.default("default"), bulk: PoolName.default("default") })
    .default({ transactional: "default", bulk: "default" }),
});
export type CreateAccount = z.infer<typeof CreateAccount>;

export const AccountSummary = z.object({
  object: z.literal("account"),
  id: z.string(),
  name: z.string(),
  status: z.enum(["active", "suspended"]),
  created_at: z.string(),
});
export type AccountSummary = z.infer<typeof AccountSummary>;

export const CreateRelay = z.strictObject({ name, pools: z.array(PoolName).min(1).max(20).default(["default"]) });
export type CreateRelay = z.infer<typeof CreateRelay>;

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

export const CreateApiKey = z.strictObject({
  name: z.string().min(1).max(50),
  permission: z.enum(["full_access", "sending_access"]).default("full_access"),
});
export type CreateApiKey = z.infer<typeof CreateApiKey>;

export type Permission = CreateApiKey["permission"];
