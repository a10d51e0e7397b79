/**
 * JSON Schema for people: the fields of a schema as rows, and an example made of it.
 *
 * Reads what `openapiDocument` writes, and no more of JSON Schema than that. Of alternatives the first that is not null
 * is shown in full; the others are named only.
 */
import { z } from "zod";
import { exampleOf, fieldExample } from "./docs-examples.ts";

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
/** With the name of the component it was found under. */
type Schema = z.infer<typeof Schema> & { component?: string };

/** `depth`: how many objects it is inside of. `type` and `text` are words; `text` may have `code` in backticks. */
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
        required: object.required?.includes(name) === true,
        ...this.words(part),
      };
      return [row, ...this.fields(this.#main(field), depth + 1)];
    });
  }

  /** What a schema is and what it says of itself. */
  words(schema: unknown): Pick<FieldRow, "type" | "text"> {
    const field = this.#resolve(schema);
    return { type: this.#typeOf(field), text: textOf(field) };
  }

  /** A value that fits the schema. */
  example(schema: unknown, depth = 0): unknown {
    const whole = this.#resolve(schema);
    const known = whole.component === undefined ? undefined : exampleOf(whole.component);
    // Before the alternatives of a union are looked at: one that stands for it has an example of its own.
    if (whole.example === undefined && known !== undefined) return known;
    const field = this.#main(whole);
    const own = field.example ?? (field.component && exampleOf(field.component)) ?? field.const ?? field.enum?.[0];
    if (own !== undefined) return own;
    if (field.default !== undefined) return field.default;
    if (field.type === "array") return depth > DEEPEST ? [] : [this.example(field.items, depth + 1)];
    if (field.type === "boolean") return true;
    const parts = depth > DEEPEST ? [] : Object.entries(field.properties ?? {});
    return Object.fromEntries(
      parts.map(([name, part]) => {
        const example = fieldExample(field.component, name);
        return [name, example === undefined ? this.example(part, depth + 1) : example];
      }),
    );
  }

  #resolve(schema: unknown): Schema {
    const read = Schema.parse(schema ?? {});
    const component = read.$ref?.split("/").at(-1);
    if (component === undefined) return read;
    // Words beside a reference say more than those of what it refers to.
    const { $ref: _, ...beside } = read;
    return { ...this.#resolve(this.#components[component]), ...beside, component };
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
    minimum === undefined ? undefined : `At least ${minimum}`,
    maximum === undefined ? undefined : `At most ${maximum}`,
    maxItems === undefined ? undefined : `At most ${maxItems}`,
    fallback === undefined ? undefined : `Default ${JSON.stringify(fallback)}`,
  ]
    .filter((part) => part !== undefined)
    .join(". ");
