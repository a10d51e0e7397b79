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
    record: z.enum(["SPF", "DKIM", "Receiving", "Tracking"]),
    name: z
      .string()
      .meta({ description: "Relative to the domain: `send` stands for `send.example.com`, `@` for the domain itself" }),
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

/** A host, or `*.` and a domain for all hosts one label below it (RFC 8461 §4.1). */
const mxPattern = z
  .string()
  .max(255)
  .regex(/^(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$/i, "is not a host name");

/** The policy by which others' servers bring mail to the domain (RFC 8461 §3.2). */
export const MtaStsSetting = z
  .strictObject({
    mode: z.enum(["none", "testing", "enforce"]),
    mx: z.array(mxPattern).max(100),
    max_age: z.int().min(86_400).max(31_557_600).optional().meta({ description: "Seconds; a week when not given" }),
  })
  .meta({ id: "MtaStsSetting", example: { mode: "testing", mx: ["mx.example.com"] } });
export type MtaStsSetting = z.infer<typeof MtaStsSetting>;

export const WhenBroken = z.enum(["warn", "stop"]).meta({
  description:
    "Ours: whether a domain that was verified goes on sending when a record that it needs breaks. `warn` when not given",
});
export type WhenBroken = z.infer<typeof WhenBroken>;

const trackingSubdomain = label.max(63);

const settings = {
  open_tracking: z.boolean().optional(),
  click_tracking: z.boolean().optional(),
  tls: z.enum(["enforced", "opportunistic"]).optional(),
  capabilities: Capabilities.partial().optional().meta({
    description:
      "`receiving`: of several accounts with a domain the first receives its mail, while its records are verified; the others have the finding `receiving.elsewhere`",
  }),
  tracking_subdomain: trackingSubdomain.optional(),
  when_broken: WhenBroken.optional(),
  unsubscribe: z.boolean().optional().meta({
    description:
      "Ours: transactional mail too lets its recipients unsubscribe by one click (RFC 8058), as mail of the stream `bulk` always does. Off when not given. As `open_tracking` and `click_tracking`, it is of mail that is accepted from then on",
  }),
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

export const UpdateDomain = z
  .strictObject({
    ...settings,
    tracking_subdomain: trackingSubdomain.nullable().optional().meta({
      description:
        "Null: links of new mail are at the public URL again. Those of mail that was accepted before lead over the host still, so its CNAME should stay for as long as they are followed",
    }),
    mta_sts: MtaStsSetting.nullable()
      .optional()
      .meta({ description: "Ours: the policy that we serve for a verified domain; null switches it off" }),
  })
  .meta({ id: "UpdateDomain" });
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

/** What the last look at the DNS found wrong, or could not find out: `Finding` of the DNS library. */
export const DomainFinding = z
  .object({
    code: z.string().meta({ description: "Stable: `spf.missing`" }),
    status: z.enum(["warn", "fail", "indeterminate"]),
    name: z.string().meta({ description: "The DNS name that it is about" }),
    text: z.string(),
    fix: z.string().optional().meta({ description: "What to publish there instead" }),
    rfc: z.string(),
  })
  .meta({ id: "DomainFinding" });
export type DomainFinding = z.infer<typeof DomainFinding>;

/** `name` is relative to the domain. */
const MtaStsRecord = z.object({ type: z.enum(["TXT", "CNAME", "A", "AAAA"]), name: z.string(), value: z.string() });
export const MtaStsState = z
  .object({
    ...MtaStsSetting.shape,
    max_age: z.int(),
    records: z.array(MtaStsRecord).meta({ description: "To publish, so that the policy is found" }),
  })
  .meta({ id: "MtaSts" });
export type MtaStsState = z.infer<typeof MtaStsState>;

export const DomainDetail = DomainSummary.extend({
  object: z.literal("domain"),
  records: z.array(DomainRecord),
  when_broken: WhenBroken,
  unsubscribe: z.boolean(),
  checked_at: z.string().nullable().meta({ description: "Ours: of the last look at the DNS" }),
  findings: z.array(DomainFinding),
  dmarc_report_address: z.string().nullable().meta({
    description:
      "Ours: to be named in `rua` of the domain's DMARC record, so that its reports are read here; null until it was verified once",
    example: "dmarc-0123456789ab.f1y2c3k4d5e.0123456789abcdef@bounce.example.com",
  }),
  mta_sts: MtaStsState.nullable(),
}).meta({ id: "DomainDetail" });
export type DomainDetail = z.infer<typeof DomainDetail>;

/** What is told of a domain when something happens to it. */
export const DomainNotice = DomainSummary.extend({ records: z.array(DomainRecord) });
export type DomainNotice = z.infer<typeof DomainNotice>;
