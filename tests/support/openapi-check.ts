/**
 * Holds replies against the service's own OpenAPI document: the schema of the endpoint and status, and nothing more
 * than it names.
 */
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

type Document = {
  paths: Record<
    string,
    Record<string, { operationId: string; responses: Record<string, { content?: Record<string, { schema: object }> }> }>
  >;
  components: { schemas: Record<string, object> };
};

export type Exchange = { method: string; path: string; status: number; body: unknown };

export class OpenapiCheck {
  readonly #document: Document;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  /** Operations that a reply was checked for. */
  readonly seen = new Set<string>();

  static async of(url: string): Promise<OpenapiCheck> {
    const response = await fetch(`${url}/v1/openapi.json`);
    return new OpenapiCheck((await response.json()) as Document);
  }

  constructor(document: Document) {
    this.#document = document;
    formats.default(this.#ajv);
    this.#ajv.addSchema(document, "doc");
  }

  get operations(): string[] {
    return Object.values(this.#document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
  }

  /** What is wrong with a reply; empty: nothing. */
  faults({ method, path, status, body }: Exchange): string[] {
    const template = this.#templateOf(path, method);
    const operation = template === undefined ? undefined : this.#document.paths[template]?.[method.toLowerCase()];
    if (!operation || template === undefined) return [`${method} ${path} is not in the document`];
    const [type] = Object.keys(operation.responses[status]?.content ?? {});
    if (type === undefined) return [`${method} ${path}: the document has no reply with status ${status}`];
    this.seen.add(operation.operationId);
    const pointer = ["paths", template, method.toLowerCase(), "responses", String(status), "content", type, "schema"];
    const validate = this.#ajv.compile({ $ref: `doc#/${pointer.map(escapePointer).join("/")}` });
    if (validate(body)) return [];
    return (validate.errors ?? []).map(
      (error) =>
        `${method} ${path} ${status}: ${error.instancePath} ${error.message ?? ""} ${JSON.stringify(error.params)}`,
    );
  }

  #templateOf(path: string, method: string): string | undefined {
    const parts = path.split("/");
    const fits = Object.keys(this.#document.paths).filter((template) => {
      const wanted = template.split("/");
      return (
        wanted.length === parts.length && wanted.every((part, index) => part.startsWith("{") || part === parts[index])
      );
    });
    // `/v1/emails/metrics` is itself before it is an id.
    const exact = fits.toSorted((a, b) => a.split("{").length - b.split("{").length);
    return exact.find((template) => this.#document.paths[template]?.[method.toLowerCase()]);
  }
}

const escapePointer = (part: string): string => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"));
