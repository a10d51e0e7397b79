/**
 * Reads a body as one of the contract's shapes, or says which field is wrong.
 */
import type { z } from "zod";
import { problem, type Problem } from "#contract/problem.ts";
import { isProblem } from "./problem-response.ts";
import { readJson } from "./read-body.ts";

export const readAs = async <T extends object>(request: Request, schema: z.ZodType<T>): Promise<T | Problem> => {
  const body = await readJson(request);
  if (isProblem(body)) return body;
  const parsed = schema.safeParse(body.json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join(".") ?? "";
  if (issue?.code === "unrecognized_keys")
    return problem("validation_error", `Unknown field \`${issue.keys[0] ?? ""}\`.`);
  if (issue?.code === "invalid_type" && issue.message.endsWith("received undefined"))
    return problem("missing_required_field", `Missing \`${field}\` field.`);
  return problem(
    "validation_error",
    field === "" ? "The body must be a JSON object." : `Invalid \`${field}\` field: ${issue?.message ?? ""}.`,
  );
};
