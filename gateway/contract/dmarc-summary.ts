/**
 * What the DMARC reports of a domain come to, as its owner is shown it: `GET /v1/domains/:id/dmarc`. Ours.
 *
 * The verdicts are those of `hikyaku dns reports`; here is only their shape.
 */
import { z } from "zod";

export const DmarcQuery = z.strictObject({
  since: z.iso
    .datetime({ offset: true })
    .optional()
    .meta({ description: "Reports that came since; all when not given" }),
});
export type DmarcQuery = z.infer<typeof DmarcQuery>;

const Listed = z.object({ count: z.int(), first: z.array(z.string()) });

const SOURCE = {
  kind: "domain",
  name: "crm.example",
  messages: 100,
  passed: 0,
  passed_by_dkim: 0,
  passed_by_spf: 0,
  delivered: 100,
  quarantined: 0,
  rejected: 0,
  addresses: { count: 1, first: ["192.0.2.1"] },
  header_from: { count: 1, first: ["example.com"] },
  envelope_from: { count: 1, first: ["crm.example"] },
  dkim: { count: 1, first: ["crm.example s1: pass"] },
  spf: { count: 1, first: ["crm.example: pass"] },
  overrides: { count: 0, first: [] },
  verdict: {
    code: "report.dkim-elsewhere",
    status: "fail",
    text: "100 messages: DKIM passes for `crm.example`, but is not aligned with `example.com`, so DMARC fails…",
    rfc: "RFC 9989 §4.4.1",
  },
} as const;

export const DmarcSource = z
  .object({
    kind: z
      .enum(["domain", "address"])
      .meta({ description: "What names it: what it authenticated for, or its address" }),
    name: z.string(),
    messages: z.int(),
    passed: z.int(),
    passed_by_dkim: z.int(),
    passed_by_spf: z.int(),
    delivered: z.int(),
    quarantined: z.int(),
    rejected: z.int(),
    addresses: Listed,
    header_from: Listed,
    envelope_from: Listed,
    dkim: Listed,
    spf: Listed,
    overrides: Listed,
    verdict: z.object({
      code: z.string().meta({ description: "Stable: `report.dkim-elsewhere`" }),
      status: z.enum(["pass", "warn", "fail", "not_applicable", "indeterminate"]),
      text: z.string().meta({ description: "What was seen, and the one change to make" }),
      rfc: z.string(),
    }),
  })
  .meta({ id: "DmarcSource", example: SOURCE });
export type DmarcSource = z.infer<typeof DmarcSource>;

const Policy = z.enum(["none", "quarantine", "reject"]);

export const DmarcDomain = z
  .object({
    domain: z.string(),
    policy: Policy.meta({ description: "As the newest report has it" }),
    begin_at: z.string(),
    end_at: z.string(),
    organizations: z.array(z.string()).meta({ description: "Who sent the reports, by the domain that proved it" }),
    reports: z.int(),
    messages: z.int(),
    passed: z.int(),
    records_left_out: z.int().meta({ description: "That could not be understood, or were too many" }),
    readiness: z.object({
      word: z.enum(["ready", "not-yet", "too-early", "done", "unknown"]),
      next: Policy.nullable().meta({ description: "The next stage of the policy" }),
      days: z.int(),
      text: z.string(),
    }),
    sources: z.array(DmarcSource).meta({ description: "What matters first" }),
    sources_left_out: z.int(),
  })
  .meta({
    id: "DmarcDomain",
    example: {
      domain: "example.com",
      policy: "none",
      begin_at: "2026-11-01T00:00:00.000Z",
      end_at: "2026-11-15T23:59:59.000Z",
      organizations: ["receiver.example"],
      reports: 15,
      messages: 1200,
      passed: 1100,
      records_left_out: 0,
      readiness: {
        word: "not-yet",
        next: "quarantine",
        days: 15,
        text: "1,100 of 1,200 messages (91.6%) passed in 15 days…",
      },
      sources: [SOURCE],
      sources_left_out: 0,
    },
  });
export type DmarcDomain = z.infer<typeof DmarcDomain>;

export const DmarcSummary = z
  .object({
    object: z.literal("dmarc_summary"),
    data: z.array(DmarcDomain).meta({ description: "By the domain whose policy was reported; the most mail first" }),
    reports_left_out: z.int().meta({ description: "Older ones that were too many to be added up", example: 0 }),
  })
  .meta({ id: "DmarcSummary" });
export type DmarcSummary = z.infer<typeof DmarcSummary>;
