/** Rows and examples made of schemas; every example the page shows would pass. */
import { expect, test } from "vitest";
import { z } from "zod";
import { ENDPOINTS } from "#contract/endpoints.ts";
import type { Endpoint } from "#contract/endpoints/endpoint.ts";
import { SchemaReader, type FieldRow } from "../../../gateway/http/docs-schema.ts";
import { openapiDocument } from "../../../gateway/http/openapi.ts";

const Components = z.object({ components: z.object({ schemas: z.record(z.string(), z.unknown()) }) });
const { schemas } = Components.parse(openapiDocument("https://mail.example.com", "1.2.3")).components;
const reader = new SchemaReader(schemas);

test("the fields of a schema as rows", () => {
  const check = (schema: unknown, expected: FieldRow[]): void =>
    expect(
      new SchemaReader({ Tag: { type: "object", properties: { key: { type: "string" } } } }).fields(schema),
    ).toEqual(expected);
  const row = { depth: 0, required: false, text: "" };
  const object = (properties: object, required: string[] = []): object => ({ type: "object", properties, required });
  check({ type: "string" }, []);
  check(object({ to: { type: "string", maxLength: 5 } }, ["to"]), [
    { ...row, name: "to", type: "string", required: true, text: "At most 5 characters" },
  ]);
  check(object({ n: { type: "integer", minimum: 1, maximum: 9, default: 2, description: "How many" } }), [
    { ...row, name: "n", type: "integer", text: "How many. At least 1. At most 9. Default 2" },
  ]);
  check(object({ when: { anyOf: [{ type: "string", format: "date-time" }, { type: "null" }] } }), [
    { ...row, name: "when", type: "string (date-time) or null" },
  ]);
  check(object({ kind: { const: "a" }, side: { enum: ["left", "right"] } }), [
    { ...row, name: "kind", type: '"a"' },
    { ...row, name: "side", type: '"left" or "right"' },
  ]);
  const tags = { anyOf: [{ type: "array", items: { $ref: "#/components/schemas/Tag" } }, { type: "null" }] };
  check({ type: "array", items: object({ tags }) }, [
    { ...row, name: "tags", type: "list of object or null" },
    { ...row, name: "key", type: "string", depth: 1 },
  ]);
  check(object({ tag: { $ref: "#/components/schemas/Tag", description: "Its own words" } }), [
    { ...row, name: "tag", type: "object", text: "Its own words" },
    { ...row, name: "key", type: "string", depth: 1 },
  ]);
});

test("a schema that refers to itself ends", () => {
  const self = { type: "object", properties: { in: { $ref: "#/components/schemas/Self" } } };
  const looped = new SchemaReader({ Self: self });
  expect(looped.fields(self).at(-1)?.depth).toBe(4);
  expect(JSON.stringify(looped.example(self)).length).toBeLessThan(100);
});

test("every example of a body or a reply fits the endpoint's schema", () => {
  for (const [name, { body, reply }] of Object.entries<Endpoint>(ENDPOINTS)) {
    if (body) check(`body of ${name}`, body, "input");
    check(`reply of ${name}`, reply, "output");
  }
});

const check = (what: string, schema: z.ZodType, io: "input" | "output"): void => {
  const { $defs: _, ...made } = z.toJSONSchema(schema, { io });
  const example = reader.example(JSON.parse(JSON.stringify(made).replaceAll("#/$defs/", "#/components/schemas/")));
  const parsed = schema.safeParse(example);
  expect(parsed.error && z.prettifyError(parsed.error), `${what}: ${JSON.stringify(example)}`).toBe(undefined);
};
