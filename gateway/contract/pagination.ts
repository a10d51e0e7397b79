/**
 * Lists and how to walk them: `?limit=1..100 (20)&after=ID | before=ID`, ids exclusive.
 */
import { z } from "zod";

export const PageQuery = z
  .strictObject({
    limit: z.coerce.number().int().min(1).max(100).default(20),
    after: z.string().max(100).optional(),
    before: z.string().max(100).optional(),
  })
  .refine(({ after, before }) => after === undefined || before === undefined, {
    message: "use `after` or `before`, not both",
    path: ["after"],
  });
export type PageQuery = z.infer<typeof PageQuery>;

export type Page<T> = { object: "list"; has_more: boolean; data: T[] };

/** The reply of a list endpoint. */
export const pageOf = <T extends z.ZodType>(row: T) =>
  z.object({ object: z.literal("list"), has_more: z.boolean(), data: z.array(row) });

/** What a request on one thing answers: which, and that it is gone when it was deleted. */
export const referenceTo = <T extends string>(object: T) => z.object({ object: z.literal(object), id: z.string() });
export const deletedOf = <T extends string>(object: T) =>
  z.object({ object: z.literal(object), id: z.string(), deleted: z.literal(true) });
