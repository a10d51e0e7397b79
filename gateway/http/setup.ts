/**
 * The domains of the account behind an API key, for the wizard at `/setup`: asked of the API itself, as its customer would.
 *
 * So a key has the rights, limits and refusals that it has everywhere. It is used for this one answer; nothing is kept.
 */
import type { Hono } from "hono";
import type { z } from "zod";
import { DomainDetail, DomainSummary } from "#contract/domain.ts";
import { pageOf } from "#contract/pagination.ts";
import { ProblemBody } from "#contract/problem.ts";
import type { GatewayEnv } from "./context.ts";

export type AccountDomains =
  | { kind: "domains"; domains: z.infer<typeof DomainDetail>[]; hasMore: boolean }
  /** In the API's own words. */
  | { kind: "refused"; text: string };

/** Each is a question to the account: half of what a key may ask in a second, unless the account says otherwise. */
const MOST_DOMAINS = 50;

/** `visit`: the visitor's own request, whose address counts for the key. */
export const readAccountDomains = async (
  app: Hono<GatewayEnv>,
  env: Env,
  visit: Request,
  apiKey: string,
): Promise<AccountDomains> => {
  const ask = async <T>(path: string, schema: z.ZodType<T>): Promise<{ kind: "read"; value: T } | Refused> => {
    const headers = new Headers(visit.headers);
    for (const name of ["content-length", "content-type"]) headers.delete(name);
    headers.set("authorization", `Bearer ${apiKey}`);
    // `cf` has what workerd knows of the connection, its address for one.
    const request = new Request(new URL(path, visit.url), { headers, ...(visit.cf && { cf: visit.cf }) });
    const response = await app.request(request, undefined, env);
    const body: unknown = await response.json();
    if (response.status === 200) return { kind: "read", value: schema.parse(body) };
    return { kind: "refused", text: ProblemBody.parse(body).message };
  };
  const list = await ask(`/v1/domains?limit=${MOST_DOMAINS}`, pageOf(DomainSummary));
  if (list.kind === "refused") return list;
  const details = await Promise.all(list.value.data.map(({ id }) => ask(`/v1/domains/${id}`, DomainDetail)));
  const domains: z.infer<typeof DomainDetail>[] = [];
  for (const detail of details) {
    if (detail.kind === "refused") return detail;
    domains.push(detail.value);
  }
  return { kind: "domains", domains, hasMore: list.value.has_more };
};

type Refused = { kind: "refused"; text: string };
