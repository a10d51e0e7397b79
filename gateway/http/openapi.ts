/**
 * The OpenAPI 3.1 document, made of the contract's table of endpoints and its schemas, and of nothing else.
 *
 * A schema with an id is a component, written once: it must be the same in a body and in a reply. Bodies and queries
 * are described as they are sent, replies as they are read. Making it takes milliseconds: the caller keeps it.
 */
import { z } from "zod";
import { COMMON_PROBLEMS, ENDPOINTS } from "#contract/endpoints.ts";
import type { Endpoint } from "#contract/endpoints/endpoint.ts";
import { PageQuery } from "#contract/pagination.ts";
import { ProblemBody, PROBLEMS, wireName, type ProblemCode } from "#contract/problem.ts";

export type Json = { [key: string]: unknown };

type Direction = "input" | "output";

/** The whole document, for a service that is reached at `publicUrl`. */
export const openapiDocument = (publicUrl: string, version: string): Json => {
  const schemas = new Components();
  const paths: Record<string, Json> = {};
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const path = pathTemplate(endpoint.path);
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(name, endpoint, schemas) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Hikyaku",
      version,
      license: { name: "MIT", identifier: "MIT" },
      description:
        "A mail relay service: post an email, and read what became of it. Compatible with Resend's API: its SDKs work with their base URL set to this server's `/v1`.",
    },
    servers: [{ url: publicUrl }],
    tags: [...new Set(Object.values<Endpoint>(ENDPOINTS).map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: schemas.all,
      securitySchemes: {
        apiKey: { type: "http", scheme: "bearer", description: "An account's API key, `hk_…`" },
        adminToken: { type: "http", scheme: "bearer", description: "The operator's token" },
      },
      headers: HEADERS,
    },
  };
};

/** `/v1/emails/:id` as OpenAPI writes it: `/v1/emails/{id}`. */
export const pathTemplate = (path: string): string => path.replaceAll(/:(\w+)/g, "{$1}");

const HEADERS: Record<string, Json> = {
  "x-request-id": { description: "Names the request in the service's log", schema: { type: "string" } },
  "ratelimit-limit": { description: "Requests a second", schema: { type: "integer" } },
  "ratelimit-remaining": { description: "Of them left", schema: { type: "integer" } },
  "ratelimit-reset": { description: "Seconds until there are more", schema: { type: "integer" } },
  "retry-after": { description: "Seconds after which the same request may pass", schema: { type: "integer" } },
};

const headersOf = (...names: string[]): Json =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const RATED = ["x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];

const SECURITY: Record<Endpoint["needs"], Json[]> = {
  send: [{ apiKey: [] }],
  full: [{ apiKey: [] }],
  admin: [{ adminToken: [] }],
  open: [],
};

const operation = (name: string, endpoint: Endpoint, schemas: Components): Json => {
  const { needs, tag, summary, query, body, bodyType, headers, reply, replyType } = endpoint;
  const type = bodyType ?? "application/json";
  const schema = body ? schemas.of(body, "input") : { type: "string" };
  return {
    operationId: name,
    tags: [tag],
    summary,
    ...(needs === "full" && { description: "Needs a key with full access." }),
    security: SECURITY[needs],
    parameters: [
      ...pathParameters(endpoint.path),
      ...headerParameters(headers ?? {}),
      ...(query ? queryParameters(query) : []),
    ],
    ...((body ?? bodyType) && { requestBody: { required: true, content: { [type]: { schema } } } }),
    responses: {
      200: {
        description: "Done",
        headers: headersOf(...(needs === "send" || needs === "full" ? RATED : ["x-request-id"])),
        content: { [replyType ?? "application/json"]: { schema: schemas.of(reply, "output") } },
      },
      ...problemResponses(problemsOf(endpoint), schemas),
    },
  };
};

/** What an endpoint may refuse with. */
export const problemsOf = ({ needs, problems, query, body, bodyType, path }: Endpoint): ProblemCode[] => {
  const codes = new Set<ProblemCode>(needs === "open" ? ["application_error"] : COMMON_PROBLEMS);
  if (needs === "send" || needs === "admin") codes.delete("restricted_api_key");
  if (needs === "admin")
    for (const code of ["ip_not_allowed", "account_suspended", "rate_limit_exceeded"] as const) codes.delete(code);
  if (body ?? bodyType)
    for (const code of ["validation_error", "missing_required_field", "payload_too_large"] as const) codes.add(code);
  if (query) codes.add("invalid_parameter");
  // A cursor is an id too.
  if (query === PageQuery) codes.add("not_found");
  if (path.includes(":")) codes.add("not_found");
  for (const code of problems ?? []) codes.add(code);
  return [...codes];
};

const problemResponses = (codes: readonly ProblemCode[], schemas: Components): Json => {
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status);
  const schema = schemas.of(ProblemBody, "output");
  const entries = Array.from(byStatus, ([status, ofStatus]) => [
    status,
    {
      description: ofStatus.map((code) => `\`${wireName(code)}\`: ${PROBLEMS[code].text}`).join("\n\n"),
      headers: headersOf(
        "x-request-id",
        ...(status === 429 ? ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"] : []),
      ),
      content: { "application/json": { schema } },
    },
  ]);
  return Object.fromEntries(entries);
};

const pathParameters = (path: string): Json[] =>
  Array.from(path.matchAll(/:(\w+)/g), ([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));

const headerParameters = (headers: Record<string, string>): Json[] =>
  Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    description,
    schema: { type: "string" },
  }));

const ObjectSchema = z.object({
  properties: z.record(z.string(), z.record(z.string(), z.unknown())),
  required: z.array(z.string()).default([]),
});

const queryParameters = (query: z.ZodType): Json[] => {
  const { properties, required } = ObjectSchema.parse(jsonSchema(query, "input"));
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }));
};

/** The components that schemas have left behind: those with an id, and their parts with one. */
class Components {
  readonly all: Json = {};

  of(schema: z.ZodType, io: Direction): Json {
    const { $schema: _, $defs, ...made } = jsonSchema(schema, io);
    for (const [name, part] of Object.entries($defs ?? {})) this.all[name] ??= withComponents(part);
    return withComponents(made);
  }
}

const jsonSchema = (schema: z.ZodType, io: Direction) =>
  z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema: made }) => {
      // That a number is one JavaScript can count with says nothing to anybody.
      if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
      if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
    },
  });

/** References to the definitions beside a schema become references to components of the same names. */
const withComponents = (schema: object): Json => {
  const moved: Json = JSON.parse(
    JSON.stringify(schema).replaceAll('"$ref":"#/$defs/', '"$ref":"#/components/schemas/'),
  );
  return moved;
};
