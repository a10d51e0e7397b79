/**
 * Templates: what may be written into one, and what a send must bring to it.
 */
import { parseMailbox } from "#contract/address.ts";
import { isSafeHeaderValue } from "#contract/header-text.ts";
import type { Variables } from "#contract/merge.ts";
import { problem, type Problem } from "#contract/problem.ts";
import type { TemplateVariable } from "#contract/template.ts";
import { isReservedVariable } from "#contract/unsubscribe-place.ts";

export type TemplateFields = {
  subject: string | null;
  from: string | null;
  reply_to: string[] | null;
  variables: TemplateVariable[];
};

/** A placeholder need not be declared: then every send must give it. */
export const checkTemplate = ({ subject, from, reply_to, variables }: TemplateFields): Problem | undefined => {
  if (subject !== null && !isSafeHeaderValue(subject))
    return problem("validation_error", "Invalid `subject` field: it may not have line breaks or control characters.");
  const sender = from === null ? undefined : parseMailbox(from);
  if (sender?.kind === "invalid") return problem("invalid_from_address", `Invalid \`from\` field: ${sender.reason}.`);
  for (const address of reply_to ?? []) {
    const parsed = parseMailbox(address);
    if (parsed.kind === "invalid") return problem("validation_error", `Invalid \`reply_to\` field: ${parsed.reason}.`);
  }
  const names = variables.map(({ key }) => key);
  const reserved = names.find(isReservedVariable);
  if (reserved !== undefined)
    return problem("validation_error", `Invalid \`variables\` field: \`${reserved}\` is the service's own.`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined
    ? undefined
    : problem("validation_error", `Invalid \`variables\` field: \`${twice}\` is declared twice.`);
};

/** What a send gives, with the fallbacks of what it does not; a value of the wrong type is refused. */
export const resolveVariables = (
  declared: readonly TemplateVariable[],
  given: Variables,
): { kind: "variables"; variables: Variables } | Problem => {
  const variables: Variables = { ...given };
  for (const { key, type, fallback_value } of declared) {
    const value = Object.hasOwn(given, key) ? given[key] : (fallback_value ?? undefined);
    if (value === undefined) return missingVariable(key);
    if (typeof value !== type)
      return problem("validation_error", `The variable \`${key}\` must be a ${type}, not a ${typeof value}.`);
    variables[key] = value;
  }
  return { kind: "variables", variables };
};

const missingVariable = (name: string): Problem => problem("validation_error", `Missing variable \`${name}\`.`);
