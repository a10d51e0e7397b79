/** The OpenAPI document against the contract's tables, and against itself: nothing missing, nothing dangling. */
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { expect, test } from "vitest";
import { z } from "zod";
import { COMMON_PROBLEMS, ENDPOINTS } from "#contract/endpoints.ts";
import type { Endpoint } from "#contract/endpoints/endpoint.ts";
import { ProblemBody, PROBLEMS, wireName, type ProblemCode } from "#contract/problem.ts";
import { openapiDocument, pathTemplate, problemsOf } from "../../../gateway/http/openapi.ts";

const Content = z.record(z.string(), z.strictObject({ schema: z.record(z.string(), z.unknown()) }));
const Reference = z.strictObject({ $ref: z.string() });
/** OpenAPI 3.1.1 §4.8, as far as this document uses it: a key that is not of it is a fault. */
const OpenApi = z.strictObject({
  openapi: z.literal("3.1.1"),
  info: z.strictObject({
    title: z.string(),
    version: z.string(),
    description: z.string(),
    license: z.strictObject({ name: z.string(), identifier: z.string() }),
  }),
  servers: z.array(z.strictObject({ url: z.url() })),
  tags: z.array(z.strictObject({ name: z.string() })),
  paths: z.record(
    z.string().regex(/^\/[\w/.{}-]*$/),
    z.partialRecord(
      z.enum(["get", "post", "put", "patch", "delete"]),
      z.strictObject({
        operationId: z.string(),
        tags: z.array(z.string()).length(1),
        summary: z.string().min(1),
        description: z.string().optional(),
        security: z.array(z.record(z.string(), z.array(z.string()))),
        parameters: z.array(
          z.strictObject({
            name: z.string(),
            in: z.enum(["path", "query", "header"]),
            required: z.boolean().optional(),
            description: z.string().optional(),
            schema: z.record(z.string(), z.unknown()),
          }),
        ),
        requestBody: z.strictObject({ required: z.literal(true), content: Content }).optional(),
        responses: z.record(
          z.string().regex(/^[2-5]\d\d$/),
          z.strictObject({ description: z.string(), headers: z.record(z.string(), Reference), content: Content }),
        ),
      }),
    ),
  ),
  components: z.strictObject({
    schemas: z.record(z.string().regex(/^[\w.-]+$/), z.record(z.string(), z.unknown())),
    headers: z.record(
      z.string(),
      z.strictObject({ description: z.string(), schema: z.record(z.string(), z.unknown()) }),
    ),
    securitySchemes: z.record(
      z.string(),
      z.strictObject({ type: z.literal("http"), scheme: z.literal("bearer"), description: z.string() }),
    ),
  }),
});

const made = openapiDocument("https://mail.example.com", "1.2.3");
const document = OpenApi.parse(made);
const endpoints = Object.entries<Endpoint>(ENDPOINTS);
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
);
const operationOf = (name: string) => {
  const [found, ...more] = operations.filter(({ operationId }) => operationId === name);
  expect(more, name).toEqual([]);
  if (!found) throw new Error(`${name} is not in the document`);
  return found;
};

test("each endpoint is one operation, and there are no others", () => {
  expect(operations.map(({ operationId }) => operationId).toSorted()).toEqual(endpoints.map(([name]) => name).sort());
  for (const [name, { method, path, tag, summary }] of endpoints)
    expect(operationOf(name)).toMatchObject({
      path: pathTemplate(path),
      method: method.toLowerCase(),
      tags: [tag],
      summary,
    });
  expect(document.tags.map(({ name }) => name)).toEqual([...new Set(endpoints.map(([, { tag }]) => tag))]);
});

test("what it says of itself", () => {
  expect(document.servers).toEqual([{ url: "https://mail.example.com" }]);
  expect(document.info.version).toBe("1.2.3");
});

test("every reference leads somewhere", () => {
  const refs = [...JSON.stringify(made).matchAll(/"\$ref":"([^"]*)"/g)].map(([, ref]) => ref ?? "");
  expect(refs.length).toBeGreaterThan(100);
  for (const ref of new Set(refs)) {
    const [root, ...names] = ref.split("/");
    expect(root, ref).toBe("#");
    let at: unknown = made;
    for (const name of names) at = z.record(z.string(), z.unknown()).parse(at)[name];
    expect(at, ref).toBeTypeOf("object");
  }
});

test("parameters are those of the path, the query and the headers", () => {
  for (const [name, { path, query, headers }] of endpoints) {
    const { parameters } = operationOf(name);
    const named = (place: string): string[] => parameters.filter((one) => one.in === place).map((one) => one.name);
    expect(named("path"), name).toEqual(Array.from(path.matchAll(/:(\w+)/g), ([, part]) => part));
    expect(named("header"), name).toEqual(Object.keys(headers ?? {}));
    expect(named("query").length > 0, name).toBe(query !== undefined);
    expect(
      parameters.filter((one) => one.in === "path").every((one) => one.required),
      name,
    ).toBe(true);
    expect(new Set(parameters.map((one) => `${one.in} ${one.name}`)).size, name).toBe(parameters.length);
  }
  expect(operationOf("listEmails").parameters).toContainEqual({
    name: "limit",
    in: "query",
    required: false,
    schema: { type: "integer", minimum: 1, maximum: 100, default: 20 },
  });
  expect(operationOf("emailMetrics").parameters.map(({ name }) => name)).toContain("dimensions");
});

test("bodies and who may call", () => {
  const check = (name: keyof typeof ENDPOINTS, body: unknown, security: unknown): void => {
    const { requestBody, security: asked } = operationOf(name);
    expect(requestBody?.content, name).toEqual(body);
    expect(asked, name).toEqual(security);
  };
  const ref = (id: string): object => ({ "application/json": { schema: { $ref: `#/components/schemas/${id}` } } });
  check("sendEmail", ref("SendRequest"), [{ apiKey: [] }]);
  check("sendBulk", { "application/x-ndjson": { schema: { type: "string" } } }, [{ apiKey: [] }]);
  check("getEmail", undefined, [{ apiKey: [] }]);
  check("createAccount", ref("CreateAccount"), [{ adminToken: [] }]);
  check("openapi", undefined, []);
  for (const { operationId, security } of operations)
    for (const name of security.flatMap((one) => Object.keys(one)))
      expect(document.components.securitySchemes, operationId).toHaveProperty(name);
});

test("every way to be refused is there, by its status and name", () => {
  const codes = Object.keys(PROBLEMS);
  for (const [name, endpoint] of endpoints) {
    const { responses } = operationOf(name);
    const problems = problemsOf(endpoint);
    expect(codes, name).toEqual(expect.arrayContaining(problems));
    expect(Object.keys(responses), name).toEqual(
      [...new Set(["200", ...problems.map((code) => String(PROBLEMS[code].status))])].sort(),
    );
    for (const code of problems)
      expect(responses[PROBLEMS[code].status]?.description, name).toContain(
        `\`${wireName(code)}\`: ${PROBLEMS[code].text}`,
      );
  }
});

test("what a request's shape lets it be refused with", () => {
  const check = (name: keyof typeof ENDPOINTS, has: ProblemCode[], hasNot: ProblemCode[]): void => {
    const problems = problemsOf(ENDPOINTS[name]);
    expect(problems, name).toEqual(expect.arrayContaining(has));
    expect(
      hasNot.filter((code) => problems.includes(code)),
      name,
    ).toEqual([]);
  };
  check("getEmail", [...COMMON_PROBLEMS, "not_found"], ["validation_error", "invalid_parameter"]);
  check("listEmails", [...COMMON_PROBLEMS, "invalid_parameter", "not_found"], ["validation_error"]);
  check(
    "getLimits",
    [...COMMON_PROBLEMS].filter((code) => code !== "restricted_api_key"),
    ["not_found"],
  );
  check("sendEmail", ["validation_error", "payload_too_large", "security_error"], ["restricted_api_key"]);
  check("createRelay", ["invalid_api_key", "validation_error"], ["rate_limit_exceeded", "account_suspended"]);
  check("openapi", ["application_error"], ["missing_api_key"]);
});

test("headers of replies and refusals", () => {
  const rate = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
  const check = (name: string, status: number, expected: string[]): void =>
    expect(Object.keys(operationOf(name).responses[status]?.headers ?? {}), name).toEqual(expected);
  check("sendEmail", 200, ["x-request-id", ...rate]);
  check("sendEmail", 429, ["x-request-id", ...rate, "retry-after"]);
  check("sendEmail", 422, ["x-request-id"]);
  check("listAccounts", 200, ["x-request-id"]);
});

test("a component is the same in a body and in a reply", () => {
  const definitions = (schema: z.ZodType, io: "input" | "output") =>
    Object.entries(z.toJSONSchema(schema, { io }).$defs ?? {});
  const asBody = new Map(endpoints.flatMap(([, { body }]) => (body ? definitions(body, "input") : [])));
  for (const [name, { reply }] of endpoints)
    for (const [id, schema] of definitions(reply, "output"))
      if (asBody.has(id)) expect(schema, `${id} of ${name}`).toEqual(asBody.get(id));
});

test("the schemas are JSON Schema 2020-12", () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  formats.default(ajv);
  ajv.addVocabulary(["example", ...Object.keys(made)]);
  ajv.addSchema(made, "doc");
  const compile = (pointer: string) => ajv.compile({ $ref: `doc#/${pointer}` });
  for (const id of Object.keys(document.components.schemas)) compile(`components/schemas/${id}`);
  for (const { path, method, requestBody, responses } of operations) {
    const at = `paths/${encodeURIComponent(path.replaceAll("/", "~1"))}/${method}`;
    const type = Object.keys(requestBody?.content ?? {})[0]?.replaceAll("/", "~1");
    if (type !== undefined) compile(`${at}/requestBody/content/${type}/schema`);
    for (const [status, { content }] of Object.entries(responses))
      for (const replyType of Object.keys(content))
        compile(`${at}/responses/${status}/content/${replyType.replaceAll("/", "~1")}/schema`);
  }
  const isEmail = compile("components/schemas/SendRequest");
  expect(isEmail({ from: "a@example.com", to: ["b@example.com"], scheduled_at: "2026-11-24T12:00:00Z" })).toBe(true);
  expect(isEmail({ from: "a@example.com", to: "b@example.com", sbject: "Hello" })).toBe(false);
  const isProblem = compile("components/schemas/Problem");
  expect(isProblem(ProblemBody.parse({ statusCode: 404, name: "not_found", message: "No." }))).toBe(true);
});
