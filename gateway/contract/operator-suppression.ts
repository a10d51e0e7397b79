/**
 * `/admin/suppressions`: addresses and whole domains that exist nowhere, kept by the operator for all accounts.
 *
 * Each account has a copy of its own that follows within a minute, so the list is bounded.
 */
import { z } from "zod";
import { Name } from "./account.ts";
import { PageQuery } from "./pagination.ts";
import { SUPPRESSION_BATCH, SuppressedAddress } from "./suppression.ts";

/** Of the whole service. */
export const OPERATOR_SUPPRESSION_LIMIT = 50_000;

export const PutOperatorSuppressions = z
  .strictObject({
    emails: z.array(SuppressedAddress).min(1).max(SUPPRESSION_BATCH),
    note: Name.optional().meta({ description: "Why, for the operators to come" }),
  })
  .meta({ id: "PutOperatorSuppressions", example: { emails: ["*@gmial.com"], note: "a typo of gmail.com" } });
export type PutOperatorSuppressions = z.infer<typeof PutOperatorSuppressions>;

export const PutOperatorSuppressionsReply = z
  .object({ object: z.literal("operator_suppressions"), added: z.int(), known: z.int() })
  .meta({
    id: "PutOperatorSuppressionsReply",
    example: { object: "operator_suppressions", added: 1, known: 0 },
  });
export type PutOperatorSuppressionsReply = z.infer<typeof PutOperatorSuppressionsReply>;

/** Ids are addresses here. */
const cursor = z.string().max(320).optional();
export const OperatorSuppressionQuery = PageQuery.safeExtend({ after: cursor, before: cursor });

/** A row of the list: its address is its id. */
export const OperatorSuppression = z
  .object({ id: z.string(), note: z.string().nullable(), created_at: z.string() })
  .meta({
    id: "OperatorSuppression",
    example: { id: "*@gmial.com", note: "a typo of gmail.com", created_at: "2026-11-24T12:00:00.000Z" },
  });
export type OperatorSuppression = z.infer<typeof OperatorSuppression>;

/** What an account has yet to hear. `isWhole`: it is all there is, and what the account had before counts no more. */
export type OperatorChanges = { isWhole: boolean; listed: string[]; removed: string[]; seq: number };
