/**
 * Sending domains as their owners see them: Resend's shapes of `/v1/domains`.
 */
import { z } from "zod";

export const RecordStatus = z.enum(["not_started", "pending", "verified", "failed", "temporary_failure"]);
export type RecordStatus = z.infer<typeof RecordStatus>;

export const DomainStatus = z.enum([
  "not_started",
  "pending",
  "verified",
  "failed",
  "partially_verified",
  "partially_failed",
]);
export type DomainStatus = z.infer<typeof DomainStatus>;

/** One record to publish. `name` is relative to the registrable domain's zone as the contract shows it: without the domain's own name. */
export const DomainRecord = z
  .object({
    record: z.enum(["SPF", "DKIM", "Receiving"]),
    name: z.string().meta({ description: "Relative to the domain: `send` stands for `send.example.com`" }),
    type: z.enum(["MX", "TXT", "CNAME"]),
    value: z.string(),
    ttl: z.literal("Auto"),
    status: RecordStatus,
    priority: z.int().optional(),
  })
  .meta({ id: "DomainRecord" });
export type DomainRecord = z.infer<typeof DomainRecord>;

const Switch = z.enum(["enabled", "disabled"]);
const Capabilities = z.strictObject({ sending: Switch, receiving: Switch });

/** The regions of the contract; there is one service here, the word is kept and given back. */
export const REGIONS = ["us-east-1", "eu-west-1", "sa-east-1", "ap-northeast-1"] as const;

const label = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i, "is not a DNS label");

const settings = {
  open_tracking: z.boolean().optional(),
  click_tracking: z.boolean().optional(),
  tls: z.enum(["enforced", "opportunistic"]).optional(),
  capabilities: Capabilities.partial().optional(),
  tracking_subdomain: label.max(63).optional(),
};

export const CreateDomain = z
  .strictObject({
    name: z.string().min(1).max(300),
    region: z.string().max(50).optional(),
    custom_return_path: label.max(63).optional().meta({ description: "`send` when it is not given" }),
    ...settings,
  })
  .meta({ id: "CreateDomain", example: { name: "example.com" } });
export type CreateDomain = z.infer<typeof CreateDomain>;

export const UpdateDomain = z.strictObject(settings).meta({ id: "UpdateDomain" });
export type UpdateDomain = z.infer<typeof UpdateDomain>;

export const DomainSummary = z
  .object({
    id: z.string(),
    name: z.string(),
    status: DomainStatus,
    created_at: z.string(),
    region: z.string(),
    capabilities: Capabilities,
    open_tracking: z.boolean(),
    click_tracking: z.boolean(),
    tls: z.enum(["enforced", "opportunistic"]),
    tracking_subdomain: z.string().optional(),
  })
  .meta({ id: "DomainSummary" });
export type DomainSummary = z.infer<typeof DomainSummary>;

export const DomainDetail = DomainSummary.extend({
  object: z.literal("domain"),
  records: z.array(DomainRecord),
}).meta({ id: "DomainDetail" });
export type DomainDetail = z.infer<typeof DomainDetail>;
