/**
 * `/docs`: the API for people, one page rendered from the OpenAPI document. No script, nothing from elsewhere.
 */
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import { ENDPOINTS } from "#contract/endpoints.ts";
import type { Endpoint } from "#contract/endpoints/endpoint.ts";
import { PROBLEMS, wireName, type ProblemCode } from "#contract/problem.ts";
import { z } from "zod";
import { DOCS_STYLE } from "./docs-style.ts";
import { SchemaReader, type FieldRow } from "./docs-schema.ts";
import { problemsOf, type Json } from "./openapi.ts";

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

const Document = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        parameters: z.array(z.looseObject({ name: z.string(), in: z.string(), description: z.string().optional() })),
        requestBody: z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })) }).optional(),
        responses: z.record(
          z.string(),
          z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })).optional() }),
        ),
      }),
    ),
  ),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});
type Document = z.infer<typeof Document>;

export const docsPage = (document: Json, publicUrl: string): Html => {
  const read = Document.parse(document);
  const reader = new SchemaReader(read.components.schemas);
  const byTag = Map.groupBy(Object.entries<Endpoint>(ENDPOINTS), ([, { tag }]) => tag);
  return html`<!doctype html>
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
        <nav aria-label="Endpoints">
          <p class="name"><a href="#top">飛脚 Hikyaku</a></p>
          <a href="#start">Start</a><a href="#problems">Problems</a>
          ${[...byTag].map(
            ([tag, endpoints]) =>
              html`<h2>${tag}</h2>
                ${endpoints.map(([name, { method, path }]) => html`<a href="#${name}"><b class="${method}">${method}</b> <span>${path.replace(/^\/v1/, "")}</span></a>`)}`,
          )}
        </nav>
        <main id="content">
          ${introduction(publicUrl)}
          ${[...byTag].map(
            ([tag, endpoints]) =>
              html`<h2 class="tag">${tag}</h2>
                ${endpoints.map(([name, endpoint]) => section(name, endpoint, read, reader))}`,
          )}
          ${problemTable()}
        </main>
      </body>
    </html>`;
};

const introduction = (url: string): Html =>
  html`<section id="start">
    <h1 id="top">The Hikyaku API</h1>
    <p>
      Post an email over HTTPS; read what became of it. Every Resend SDK works unmodified with this server as its base
      URL:
    </p>
    <pre><code>RESEND_BASE_URL=${url}/v1</code></pre>
    <p>Send your first email to the sandbox, which needs no domain and reaches nobody:</p>
    <pre><code>curl ${url}/v1/emails \\
  -H "Authorization: Bearer $HIKYAKU_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"from":"hello@sandbox.test","to":"delivered@sandbox.test","subject":"Hello","text":"It works."}'</code></pre>
    <dl>
      <dt>Keys</dt>
      <dd>
        Every request carries <code>Authorization: Bearer hk_…</code>. A key has full access or may only send; it can be
        bound to a domain, to networks and to a time.
      </dd>
      <dt>Once and only once</dt>
      <dd>
        Send an <code>Idempotency-Key</code> of your own: for 24 hours the same key gives the same reply and sends
        nothing again.
      </dd>
      <dt>Limits</dt>
      <dd>
        Each response says how many requests a second are left (<code>ratelimit-limit</code>,
        <code>ratelimit-remaining</code>, <code>ratelimit-reset</code>); a refusal says with
        <code>retry-after</code> when to come again.
      </dd>
      <dt>Lists</dt>
      <dd>
        <code>?limit=1..100&amp;after=ID</code> or <code>before=ID</code>; <code>has_more</code> tells whether there is
        more.
      </dd>
      <dt>For machines</dt>
      <dd><a href="/v1/openapi.json">openapi.json</a></dd>
    </dl>
  </section>`;

const WHO: Record<Endpoint["needs"], string> = {
  send: "any API key",
  full: "an API key with full access",
  admin: "the operator's token",
  open: "anybody",
};

const section = (name: string, endpoint: Endpoint, document: Document, reader: SchemaReader): Html => {
  const operation = document.paths[endpoint.path.replaceAll(/:(\w+)/g, "{$1}")]?.[endpoint.method.toLowerCase()];
  const body = Object.values(operation?.requestBody?.content ?? {})[0]?.schema;
  const reply = Object.values(operation?.responses["200"]?.content ?? {})[0]?.schema;
  const parameters = operation?.parameters ?? [];
  return html`<section id="${name}">
    <h3><a href="#${name}">${endpoint.summary}</a></h3>
    <p class="path">
      <b class="${endpoint.method}">${endpoint.method}</b> <code>${endpoint.path}</code>
      <small>for ${WHO[endpoint.needs]}</small>
    </p>
    ${
      parameters.length > 0
        ? html`<table>
            <caption>
              Parameters
            </caption>
            <tbody>
              ${parameters.map(
                (parameter) =>
                  html`<tr>
                    <th scope="row"><code>${parameter.name}</code></th>
                    <td>${parameter.in}</td>
                    <td>${parameter.description ?? ""}</td>
                  </tr>`,
              )}
            </tbody>
          </table>`
        : ""
    }
    ${body === undefined ? "" : bodyOf(endpoint, body, reader)}
    ${
      reply === undefined
        ? ""
        : html`<details>
            <summary>Reply</summary>
            <pre><code>${pretty(reader.example(reply))}</code></pre>
          </details>`
    }
    <p class="refusals">
      Refused with
      ${problemsOf(endpoint).map((code, index) => html`${index > 0 ? ", " : ""}<a href="#problem-${code}">${PROBLEMS[code].status} ${wireName(code)}</a>`)}
    </p>
  </section>`;
};

const bodyOf = (endpoint: Endpoint, body: unknown, reader: SchemaReader): Html =>
  endpoint.bodyType === "application/x-ndjson"
    ? html`<p>Body: NDJSON. The first line is the shared email, each further line a recipient.</p>
        <pre><code>${BULK_EXAMPLE}</code></pre>`
    : html`${fieldTable(reader.fields(body))}
        <details>
          <summary>Example body</summary>
          <pre><code>${pretty(reader.example(body))}</code></pre>
        </details>`;

const BULK_EXAMPLE = `{"from":"news@example.com","subject":"Hello {{first_name}}","html":"<p>Hello {{first_name|friend}}</p>","stream":"bulk"}
{"to":"ada@example.com","variables":{"first_name":"Ada"}}
{"to":"bob@example.com","variables":{"first_name":"Bob"}}`;

const fieldTable = (rows: readonly FieldRow[]): Html =>
  html`<table>
    <caption>
      Body
    </caption>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            <th scope="row" class="depth${Math.min(row.depth, 4)}">
              <code>${row.name}</code>${row.required ? html` <small>required</small>` : ""}
            </th>
            <td>${row.type}</td>
            <td>${row.text}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;

const problemTable = (): Html =>
  html`<section id="problems">
    <h2 class="tag">Problems</h2>
    <p>
      Whatever is refused answers <code>{"statusCode", "name", "message"}</code>; nothing of a refused request is
      stored.
    </p>
    <table>
      <thead>
        <tr>
          <th scope="col">Status</th>
          <th scope="col">Name</th>
          <th scope="col">What it means</th>
          <th scope="col">Who must act</th>
        </tr>
      </thead>
      <tbody>
        ${Object.keys(PROBLEMS).map((key) => problemRow(key as ProblemCode))}
      </tbody>
    </table>
  </section>`;

const problemRow = (code: ProblemCode): Html =>
  html`<tr id="problem-${code}">
    <td>${PROBLEMS[code].status}</td>
    <th scope="row"><code>${wireName(code)}</code></th>
    <td>${PROBLEMS[code].text}</td>
    <td>${PROBLEMS[code].who === "wait" ? "nobody: try again later" : `the ${PROBLEMS[code].who}`}</td>
  </tr>`;

const pretty = (value: unknown): string => JSON.stringify(value, null, 2);
