/**
 * Every endpoint of the HTTP API in one table: its path, who may call it, what it takes and answers.
 *
 * The routes read their requests by it, 404 and 405 are told apart by it, the OpenAPI document is made of it and the
 * tests walk it. What can go wrong with any endpoint (`COMMON_PROBLEMS`) is not repeated in its row.
 */
import { ACCESS_ENDPOINTS } from "./endpoints/access.ts";
import { ACCOUNT_ENDPOINTS } from "./endpoints/account.ts";
import { DOMAIN_ENDPOINTS } from "./endpoints/domains.ts";
import { EMAIL_ENDPOINTS } from "./endpoints/emails.ts";
import type { Endpoint, Method } from "./endpoints/endpoint.ts";
import { EVENT_ENDPOINTS } from "./endpoints/events.ts";
import { OPERATOR_ENDPOINTS } from "./endpoints/operator.ts";
import { RECEIVED_ENDPOINTS } from "./endpoints/received.ts";
import { SUPPRESSION_ENDPOINTS } from "./endpoints/suppressions.ts";
import { TEMPLATE_ENDPOINTS } from "./endpoints/templates.ts";
import { WEBHOOK_ENDPOINTS } from "./endpoints/webhooks.ts";
import type { ProblemCode } from "./problem.ts";

/** What any endpoint behind an API key may answer. */
export const COMMON_PROBLEMS = [
  "missing_api_key",
  "invalid_api_key",
  "restricted_api_key",
  "ip_not_allowed",
  "account_suspended",
  "rate_limit_exceeded",
  "application_error",
  "unavailable",
] as const satisfies readonly ProblemCode[];

export const ENDPOINTS = {
  ...EMAIL_ENDPOINTS,
  ...RECEIVED_ENDPOINTS,
  ...DOMAIN_ENDPOINTS,
  ...TEMPLATE_ENDPOINTS,
  ...ACCESS_ENDPOINTS,
  ...ACCOUNT_ENDPOINTS,
  ...SUPPRESSION_ENDPOINTS,
  ...WEBHOOK_ENDPOINTS,
  ...EVENT_ENDPOINTS,
  ...OPERATOR_ENDPOINTS,
} as const satisfies Record<string, Endpoint>;

export type EndpointName = keyof typeof ENDPOINTS;

/** Matches a path against an endpoint's: `:name` stands for one segment that is not empty. */
export const pathFits = (pattern: string, path: string): boolean => {
  const [wanted, given] = [pattern.split("/"), path.split("/")];
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => (part.startsWith(":") ? given[index] !== "" : part === given[index]))
  );
};

/** The methods that some endpoint answers at this path; empty: there is nothing. */
export const methodsAt = (path: string): Method[] =>
  Object.values(ENDPOINTS)
    .filter((endpoint) => pathFits(endpoint.path, path))
    .map(({ method }) => method);
