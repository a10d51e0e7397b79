/**
 * Suppressions: addresses that get no mail from an account any more. Resend's shapes of `/v1/suppressions`, with a
 * stream, an expiry and whole domains (`*@example.com`) of our own.
 */
import { z } from "zod";
import { PageQuery } from "./pagination.ts";

/** Of one account. */
export const SUPPRESSION_LIMIT = 1_000_000;
/** Addresses in one batch request. */
export const SUPPRESSION_BATCH = 1000;
/** Lines of one import. */
export const SUPPRESSION_IMPORT = 100_000;

/** `unsubscribe` is ours: by the one-click link. */
export const SuppressionOrigin = z.enum(["bounce", "complaint", "manual", "unsubscribe"]);
export type SuppressionOrigin = z.infer<typeof SuppressionOrigin>;

const SuppressedStream = z.enum(["transactional", "bulk"]);
export const SuppressedAddress = z
  .string()
  .min(1)
  .max(320)
  .meta({ description: "An address, or `*@example.com` for all of a domain" });
const scope = {
  stream: SuppressedStream.nullish().meta({ description: "Mail of this stream only; absent: all mail" }),
  expires_at: z.iso.datetime({ offset: true }).nullish().meta({ description: "Absent: for good" }),
};

export const AddSuppression = z
  .strictObject({ email: SuppressedAddress, ...scope })
  .meta({ id: "AddSuppression", example: { email: "nobody@example.com" } });
export type AddSuppression = z.infer<typeof AddSuppression>;

export const AddSuppressions = z
  .strictObject({ emails: z.array(SuppressedAddress).min(1).max(SUPPRESSION_BATCH), ...scope })
  .meta({ id: "AddSuppressions", example: { emails: ["nobody@example.com", "*@example.org"] } });
export type AddSuppressions = z.infer<typeof AddSuppressions>;

export const RemoveSuppressions = z
  .strictObject({
    emails: z.array(SuppressedAddress).min(1).max(SUPPRESSION_BATCH).optional(),
    ids: z.array(z.string().max(100)).min(1).max(SUPPRESSION_BATCH).optional(),
  })
  .refine(({ emails, ids }) => (emails === undefined) !== (ids === undefined), "give `emails` or `ids`")
  .meta({ id: "RemoveSuppressions", example: { emails: ["nobody@example.com"] } });
export type RemoveSuppressions = z.infer<typeof RemoveSuppressions>;

export const SuppressionQuery = PageQuery.safeExtend({
  origin: SuppressionOrigin.optional(),
  stream: SuppressedStream.optional(),
});
export type SuppressionQuery = z.infer<typeof SuppressionQuery>;

const EXAMPLE = {
  id: "019ab4c2-7e00-7000-8000-000000000000",
  email: "nobody@example.com",
  origin: "bounce",
  source_id: "019ab4c2-7e00-7000-8000-000000000000",
  stream: null,
  created_at: "2026-11-24T12:00:00.000Z",
  expires_at: null,
};

/** A row of the list, and what the webhooks `suppression.added` and `.removed` tell. */
export const SuppressionSummary = z
  .object({
    id: z.string(),
    email: z.string(),
    origin: SuppressionOrigin,
    source_id: z.string().nullable().meta({ description: "The email that brought it about" }),
    stream: SuppressedStream.nullable(),
    created_at: z.string(),
    expires_at: z.string().nullable(),
  })
  .meta({ id: "SuppressionSummary", example: EXAMPLE });
export type SuppressionSummary = z.infer<typeof SuppressionSummary>;

export const Suppression = SuppressionSummary.extend({ object: z.literal("suppression") }).meta({
  id: "Suppression",
  example: { object: "suppression", ...EXAMPLE },
});
export type Suppression = z.infer<typeof Suppression>;

export const SuppressionRef = z.object({ object: z.literal("suppression"), id: z.string() });
export type SuppressionRef = z.infer<typeof SuppressionRef>;
export const AddedSuppressions = z.object({ data: z.array(SuppressionRef) }).meta({ id: "AddedSuppressions" });
export const RemovedSuppressions = z
  .object({ data: z.array(SuppressionRef.extend({ deleted: z.boolean() })) })
  .meta({ id: "RemovedSuppressions" });

/** A line of an import that can be added; the address in its one spelling (`core/suppressed-address.ts`). */
export type ImportedSuppression = {
  email: string;
  stream: "transactional" | "bulk" | undefined;
  origin: SuppressionOrigin;
  expiresMs: number | undefined;
};

/** Refused lines that the reply to an import names. */
export const IMPORT_ERRORS = 100;

/** `POST /v1/suppressions/import`: CSV with a header line; `email` is needed, `stream`, `expires_at` and `origin` may be there. */
export const ImportReply = z
  .object({
    object: z.literal("suppression_import"),
    added: z.int(),
    known: z.int().meta({ description: "Lines whose address was on the list before" }),
    refused: z.int(),
    errors: z
      .array(z.object({ line: z.int(), message: z.string() }))
      .meta({ description: `The first ${IMPORT_ERRORS} refused lines, the first line of the file being line 1` }),
  })
  .meta({
    id: "SuppressionImport",
    example: { object: "suppression_import", added: 2, known: 0, refused: 0, errors: [] },
  });
export type ImportReply = z.infer<typeof ImportReply>;
