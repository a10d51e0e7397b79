/**
 * Puts an endpoint of the contract's table on the app: its method and path, its query and body read by its schemas.
 *
 * A handler sees only what has the right shape; what has not is refused here, in the contract's words.
 */
import type { Hono } from "hono";
import type { z } from "zod";
import { ENDPOINTS, type EndpointName } from "#contract/endpoints.ts";
import type { Endpoint } from "#contract/endpoints/endpoint.ts";
import { isProblem, type Problem } from "#contract/problem.ts";
import { queryProblem, shapeProblem } from "../core/shape-problem.ts";
import type { GatewayContext, GatewayEnv } from "./context.ts";
import { sendProblem } from "./problem-response.ts";
import { readJson } from "./read-body.ts";

type Endpoints = typeof ENDPOINTS;
type Parsed<N extends EndpointName, Part extends "query" | "body"> = Endpoints[N] extends {
  [P in Part]: infer S extends z.ZodType;
}
  ? z.output<S>
  : undefined;

export type Asked<N extends EndpointName> = { query: Parsed<N, "query">; body: Parsed<N, "body"> };

export const serve = <N extends EndpointName>(
  app: Hono<GatewayEnv>,
  name: N,
  handler: (c: GatewayContext, asked: Asked<N>) => Promise<Response> | Response,
): void => {
  const endpoint: Endpoint = ENDPOINTS[name];
  app.on(endpoint.method, endpoint.path, async (c) => {
    const query = endpoint.query ? readQuery(c, endpoint.query) : undefined;
    if (isRefused(query)) return sendProblem(c, query);
    const body = endpoint.body ? await readAs(c.req.raw, endpoint.body) : undefined;
    if (isRefused(body)) return sendProblem(c, body);
    // Both were read by this endpoint's own schemas, or it has none: the types say no more than that.
    return handler(c, { query, body } as Asked<N>);
  });
};

/** An endpoint that reads its body itself: large ones, and those whose bytes count. */
export const serveRaw = (
  app: Hono<GatewayEnv>,
  name: EndpointName,
  handler: (c: GatewayContext) => Promise<Response> | Response,
): void => {
  const { method, path } = ENDPOINTS[name];
  app.on(method, path, handler);
};

const isRefused = (read: unknown): read is Problem => typeof read === "object" && read !== null && isProblem(read);

const readQuery = (c: GatewayContext, schema: z.ZodType): unknown => {
  const parsed = schema.safeParse(c.req.query());
  return parsed.success ? parsed.data : queryProblem(parsed.error);
};

const readAs = async (request: Request, schema: z.ZodType): Promise<unknown> => {
  const body = await readJson(request);
  if (isProblem(body)) return body;
  const parsed = schema.safeParse(body.json);
  return parsed.success ? parsed.data : shapeProblem(parsed.error, body.json);
};
