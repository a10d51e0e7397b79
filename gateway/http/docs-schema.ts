/**
 * JSON Schema for people: the fields of a schema as rows, and an example made of it.
 */
import { z } from "zod";

const Schema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  format: z.string().optional(),
  description: z.string().optional(),
  example: z.unknown().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  default: z.unknown().optional(),
  maxLength: z.number().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  maxItems: z.number().optional(),
  required: z.array(z.string()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
});
type Schema = z.infer<typeof Schema>;

export type FieldRow = { name: string; depth: number; type: string; required: boolean; text: string };

const DEEPEST = 4;

export class SchemaReader {
  readonly #components: Record<string, unknown>;

  constructor(components: Record<string, unknown>) {
    this.#components = components;
  }

  /** The fields of an object, or of the objects in a list, each with those inside it below it. */
  fields(schema: unknown, depth = 0): FieldRow[] {
    const read = this.#resolve(schema);
    const object = read.type === "array" ? this.#resolve(read.items) : read;
    if (depth > DEEPEST || !object.properties) return [];
    return Object.entries(object.properties).flatMap(([name, part]) => {
      const field = this.#resolve(part);
      const row = {
        name,
        depth,
        type: this.#typeOf(field),
        required: object.required?.includes(name) === true,
        text: textOf(field),
      };
      return [row, ...this.fields(this.#main(field), depth + 1)];
    });
  }

  /** A value that fits the schema: its own examples where it has them. */
  example(schema: unknown, depth = 0): unknown {
    const field = this.#main(this.#resolve(schema));
    if (field.example !== undefined) return field.example;
    if (field.const !== undefined) return field.const;
    if (field.enum) return field.enum[0];
    if (field.default !== undefined) return field.default;
    if (field.type === "array") return depth > DEEPEST ? [] : [this.example(field.items, depth + 1)];
    if (field.properties)
      return depth > DEEPEST
        ? {}
        : Object.fromEntries(
            Object.entries(field.properties).map(([name, part]) => [
              name,
              EXAMPLES[name] ?? this.example(part, depth + 1),
            ]),
          );
    return field.type === "integer" || field.type === "number"
      ? 1
      : field.type === "boolean"
        ? true
        : field.type === "object"
          ? {}
          : "…";
  }

  #resolve(schema: unknown): Schema {
    const read = Schema.parse(schema ?? {});
    const name = read.$ref?.split("/").at(-1);
    return name === undefined
      ? read
      : {
          ...this.#resolve(this.#components[name]),
          ...(read.description !== undefined && { description: read.description }),
        };
  }

  /** Of alternatives the first that is not null; its own words stay. */
  #main(field: Schema): Schema {
    const [first] = (field.anyOf ?? field.oneOf ?? [])
      .map((part) => this.#resolve(part))
      .filter(({ type }) => type !== "null");
    return first ? this.#main(first) : field;
  }

  #typeOf(field: Schema): string {
    const parts = field.anyOf ?? field.oneOf;
    if (parts) return [...new Set(parts.map((part) => this.#typeOf(this.#resolve(part))))].join(" or ");
    if (field.const !== undefined) return JSON.stringify(field.const);
    if (field.enum) return field.enum.map((word) => JSON.stringify(word)).join(" or ");
    if (field.type === "array") return `list of ${this.#typeOf(this.#resolve(field.items))}`;
    const type = [field.type ?? "any"].flat().join(" or ");
    return field.format === undefined ? type : `${type} (${field.format})`;
  }
}

const textOf = ({ description, maxLength, minimum, maximum, maxItems, default: fallback }: Schema): string =>
  [
    description,
    maxLength === undefined ? undefined : `At most ${maxLength} characters`,
    minimum === undefined || minimum < -1e9 ? undefined : `At least ${minimum}`,
    maximum === undefined || maximum > 1e15 ? undefined : `At most ${maximum}`,
    maxItems === undefined ? undefined : `At most ${maxItems}`,
    fallback === undefined ? undefined : `Default ${JSON.stringify(fallback)}`,
  ]
    .filter((part) => part !== undefined)
    .join(". ");

const EXAMPLES: Record<string, unknown> = {
  from: "Acme <hello@example.com>",
  to: ["ada@example.com"],
  subject: "Welcome",
  html: "<p>Hello</p>",
  text: "Hello",
  email: "hello@example.com",
  created_at: "2026-11-24T12:00:00.000Z",
  scheduled_at: "2026-11-25T09:00:00Z",
  id: "019ab4c2-7e00-7000-8000-000000000000",
};
