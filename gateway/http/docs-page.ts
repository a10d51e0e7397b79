/**
 * `/docs`: the API for people, one page rendered from the OpenAPI document.
 *
 * Works offline and without script: nothing on it comes from elsewhere. What is put into it is escaped by `html`;
 * only the style sheet, which is ours, is not. Each endpoint has its name in the contract's table as its anchor.
 */
import { html } from "hono/html";
import { z } from "zod";
import { ENDPOINTS } from "#contract/endpoints.ts";
import type { Endpoint } from "#contract/endpoints/endpoint.ts";
import { introduction, problemTable, refusals } from "./docs-guide.ts";
import { proseOf, type Html } from "./docs-prose.ts";
import { SchemaReader, type FieldRow } from "./docs-schema.ts";
import { DOCS_STYLE } from "./docs-style.ts";
import { pathTemplate, problemsOf, type Json } from "./openapi.ts";

const Content = z.record(z.string(), z.object({ schema: z.unknown() }));
const Parameter = z.object({
  name: z.string(),
  in: z.string(),
  required: z.boolean().default(false),
  description: z.string().default(""),
  schema: z.unknown(),
});
const Operation = z.object({
  parameters: z.array(Parameter),
  requestBody: z.object({ content: Content }).optional(),
  responses: z.record(z.string(), z.object({ content: Content })),
});
type Operation = z.infer<typeof Operation>;
const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

/** The page for the document that `openapiDocument` made for the same `publicUrl`. */
export const docsPage = async (document: Json, publicUrl: string): Promise<string> => {
  const { paths, components } = Document.parse(document);
  const reader = new SchemaReader(components.schemas);
  const byTag = [...Map.groupBy(Object.entries<Endpoint>(ENDPOINTS), ([, { tag }]) => tag)];
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Hikyaku API</title>
        <style>
          ${DOCS_STYLE}
        </style>
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <nav aria-label="Contents">
          <a class="name" href="#content"><span lang="ja">飛脚</span> Hikyaku</a>
          <a class="tag" href="#start">Start</a>
          ${byTag.map(
            ([tag, endpoints]) =>
              html`<a class="tag" href="#${anchorOf(tag)}">${tag}</a>
                ${endpoints.map(([name, { method, path }]) => html`<a href="#${name}">${badge(method)} <span>${path.replace(/^\/v1/, "")}</span></a>`)}`,
          )}
          <a class="tag" href="#problems">Problems</a>
        </nav>
        <main id="content" tabindex="-1">
          <h1>The Hikyaku API</h1>
          ${introduction(publicUrl)}
          ${byTag.map(
            ([tag, endpoints]) =>
              html`<h2 id="${anchorOf(tag)}">${tag}</h2>
                ${endpoints.map(([name, endpoint]) => {
                  const operation = paths[pathTemplate(endpoint.path)]?.[endpoint.method.toLowerCase()];
                  return operation ? section(name, endpoint, operation, reader) : "";
                })}`,
          )}
          ${problemTable()}
        </main>
      </body>
    </html>`;
  return String(await page);
};

const anchorOf = (tag: string): string => `tag-${tag.toLowerCase().replaceAll(" ", "-")}`;

const badge = (method: string): Html => html`<b class="method ${method}">${method}</b>`;

const WHO: Record<Endpoint["needs"], string> = {
  send: "any API key",
  full: "an API key with full access",
  admin: "the operator's token",
  open: "anybody",
};

const section = (name: string, endpoint: Endpoint, operation: Operation, reader: SchemaReader): Html => {
  const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const reply = Object.values(operation.responses["200"]?.content ?? {})[0]?.schema;
  const { parameters } = operation;
  return html`<section id="${name}">
    <h3><a href="#${name}">${proseOf(endpoint.summary)}</a></h3>
    <p class="path">
      ${badge(endpoint.method)} <code>${endpoint.path}</code> <small>for ${WHO[endpoint.needs]}</small>
    </p>
    ${
      parameters.length > 0
        ? fieldTable(
            "Parameters",
            parameters.map((one) => parameterRow(one, reader)),
          )
        : ""
    }
    ${endpoint.bodyType === undefined ? (body ? bodyOf(body, reader) : "") : lineBodyOf(endpoint.bodyType)}
    ${endpoint.replyType === undefined ? exampleOf("Reply", reply, reader) : html`<p>Reply: <code>${endpoint.replyType}</code>.</p>`}
    ${refusals(problemsOf(endpoint))}
  </section>`;
};

const parameterRow = (parameter: z.infer<typeof Parameter>, reader: SchemaReader): FieldRow => {
  const { type, text } = reader.words(parameter.schema);
  const words = [parameter.description, text].filter((part) => part !== "").join(". ");
  return {
    name: parameter.name,
    depth: 0,
    required: parameter.required,
    type: `${type}, ${parameter.in}`,
    text: words,
  };
};

const bodyOf = (body: unknown, reader: SchemaReader): Html =>
  html`${fieldTable("Body", reader.fields(body))} ${exampleOf("Example body", body, reader)}`;

const exampleOf = (title: string, schema: unknown, reader: SchemaReader): Html =>
  html`<details>
    <summary>${title}</summary>
    <pre tabindex="0"><code>${JSON.stringify(reader.example(schema), null, 2)}</code></pre>
  </details>`;

/** A body that no schema describes, for it comes in lines. */
const lineBodyOf = (mediaType: string): Html =>
  LINE_BODIES.get(mediaType) ?? html`<p>Body: <code>${mediaType}</code>.</p>`;

const NDJSON_BODY = html`<p>
    Body: NDJSON. The first line is the shared email: the fields of <a href="#sendEmail">an email</a> without
    <code>to</code>, <code>cc</code>, <code>bcc</code>, <code>scheduled_at</code>, <code>on_suppressed</code> and
    <code>topic_id</code>. Each further line is one recipient: <code>to</code>, and the <code>variables</code> that fill
    the placeholders.
  </p>
  <pre
    tabindex="0"
  ><code>{"from":"news@example.com","subject":"Hello {{first_name}}","html":"${"<p>Hello {{first_name|friend}}</p>"}","stream":"bulk"}
{"to":"ada@example.net","variables":{"first_name":"Ada"}}
{"to":"bob@example.net","variables":{"first_name":"Bob"}}</code></pre>`;

const CSV_BODY = html`<p>
    Body: CSV. The first line names the columns, in any order: <code>email</code>, an address or
    <code>*@example.com</code>, and where you have them <code>stream</code>, <code>origin</code> and
    <code>expires_at</code>; others are passed over. An export can be imported as it is.
  </p>
  <pre tabindex="0"><code>email,stream,origin,expires_at
ada@example.net,bulk,unsubscribe,
*@example.org,,manual,2027-01-31T00:00:00Z</code></pre>`;

const LINE_BODIES: ReadonlyMap<string, Html> = new Map([
  ["application/x-ndjson", NDJSON_BODY],
  ["text/csv", CSV_BODY],
]);

const fieldTable = (title: string, rows: readonly FieldRow[]): Html =>
  html`<table>
    <caption>
      ${title}
    </caption>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            <th scope="row" class="depth${row.depth}">
              <code>${row.name}</code>${row.required ? html` <small>required</small>` : ""}
            </th>
            <td>${row.type}</td>
            <td>${proseOf(row.text)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
