/**
 * What is wrong with a posted value, in the contract's words: the first issue of a failed parse becomes one refusal.
 *
 * The library's own texts for shapes stay; what is missing, unknown or of the wrong kind gets the contract's name.
 */
import type { z } from "zod";
import { problem, type Problem, type ProblemCode } from "#contract/problem.ts";

/** Fields whose faults have a name of their own. */
const NAMED: Record<string, ProblemCode> = {
  from: "invalid_from_address",
  attachments: "invalid_attachment",
  region: "invalid_region",
};

/** `where` goes before the field: `[3].` for an element of a batch. */
export const shapeProblem = (error: z.ZodError, body: unknown, where = ""): Problem => {
  const issue = error.issues[0];
  if (issue === undefined) return problem("validation_error");
  if (issue.path.length === 0 && issue.code === "invalid_type")
    return problem(
      "validation_error",
      `${where === "" ? "The body" : where.slice(0, -1)} must be a JSON ${issue.expected}.`,
    );
  const field = where + pathText(issue.path);
  if (issue.code === "unrecognized_keys") {
    const name = where + pathText([...issue.path, issue.keys[0] ?? ""]);
    return problem("validation_error", `Unknown field \`${clip(name)}\`.`);
  }
  if (issue.path.length === 0) return problem("validation_error", `The body is not as it should be: ${issue.message}.`);
  if (valueAt(body, issue.path) === undefined)
    return problem("missing_required_field", `Missing \`${clip(field)}\` field.`);
  const code = NAMED[String(issue.path[0])] ?? "validation_error";
  return problem(code, `Invalid \`${clip(field)}\` field: ${clip(issue.message)}.`);
};

/** A query is text only: whatever is wrong with it is one kind of refusal. */
export const queryProblem = (error: z.ZodError): Problem => {
  const issue = error.issues[0];
  if (issue?.code === "unrecognized_keys")
    return problem("invalid_parameter", `Unknown query parameter \`${clip(issue.keys[0] ?? "")}\`.`);
  return problem(
    "invalid_parameter",
    `Invalid query parameter \`${pathText(issue?.path ?? [])}\`: ${clip(issue?.message ?? "")}.`,
  );
};

const pathText = (path: readonly PropertyKey[]): string =>
  path.map((part, index) => (typeof part === "number" ? `[${part}]` : (index > 0 ? "." : "") + String(part))).join("");

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown => {
  let at = value;
  for (const part of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = Object.getOwnPropertyDescriptor(at, part)?.value;
  }
  return at;
};

/** Names that a caller made up come back to the caller: no more of them than is needed to find them. */
const clip = (text: string): string => (text.length <= 200 ? text : `${text.slice(0, 200)}…`).toWellFormed();
