/**
 * What `/docs` says beside the endpoints: how to begin, what holds for every request, and every way to be refused.
 *
 * The table of problems is the contract's own; nothing here repeats a number that the contract has.
 */
import { html } from "hono/html";
import { PROBLEMS, wireName, type ProblemCode, type WhoActs } from "#contract/problem.ts";
import { proseOf, type Html } from "./docs-prose.ts";

export const introduction = (url: string): Html =>
  html`<section id="start">
    <p>
      Post an email over HTTPS; read what became of it. Every Resend SDK works unmodified with this server as its base
      URL:
    </p>
    <pre tabindex="0"><code>RESEND_BASE_URL=${url}/v1</code></pre>
    <p>Your first email, to the sandbox, which needs no domain and reaches nobody:</p>
    <pre tabindex="0"><code>curl ${url}/v1/emails \\
  -H "Authorization: Bearer $HIKYAKU_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{
    "from": "hello@sandbox.test",
    "to": "delivered@sandbox.test",
    "subject": "Hello",
    "text": "It works."
  }'</code></pre>
    <dl>
      <dt>Base URL</dt>
      <dd><code>${url}</code>; bodies and replies are JSON.</dd>
      <dt>Keys</dt>
      <dd>
        Every request carries <code>Authorization: Bearer hk_…</code>. A key has full access or may only send; it can be
        bound to a domain, to networks and to a time. The paths under <code>/admin</code> take the operator's token
        instead.
      </dd>
      <dt>Once and only once</dt>
      <dd>
        Send an <code>Idempotency-Key</code> of your own: for 24 hours the same key gives the same reply and sends
        nothing again. With another body it is refused.
      </dd>
      <dt>Limits</dt>
      <dd>
        Replies say how many requests a second are left (<code>ratelimit-limit</code>,
        <code>ratelimit-remaining</code>, <code>ratelimit-reset</code>); a refusal for too many says with
        <code>retry-after</code> in how many seconds to come again. <a href="#getLimits">All windows</a> can be read.
      </dd>
      <dt>Lists</dt>
      <dd>
        <code>?limit=20</code> of at most 100, with <code>after=ID</code> or <code>before=ID</code> to go on;
        <code>has_more</code> tells whether there is more.
      </dd>
      <dt>Refusals</dt>
      <dd>
        Whatever is not 2xx is JSON: <code>{"statusCode", "name", "message"}</code>. See
        <a href="#problems">Problems</a>.
      </dd>
      <dt>Finding a request again</dt>
      <dd>Every response has an <code>x-request-id</code>; the service's log has it too.</dd>
      <dt>For machines</dt>
      <dd><a href="/v1/openapi.json">openapi.json</a>, OpenAPI 3.1</dd>
    </dl>
  </section>`;

export const problemTable = (): Html =>
  html`<section id="problems">
    <h2>Problems</h2>
    <p>Nothing of a refused request is stored. The message says more, with the values in it.</p>
    <table>
      <thead>
        <tr>
          <th scope="col">Status, name</th>
          <th scope="col">What it means</th>
          <th scope="col">Who must act</th>
        </tr>
      </thead>
      <tbody>
        ${CODES.map(problemRow)}
      </tbody>
    </table>
  </section>`;

// Object.keys forgets which keys an object has.
const CODES = Object.keys(PROBLEMS) as ProblemCode[];

/** Links to these problems, each name with its status once. */
export const refusals = (codes: readonly ProblemCode[]): Html => {
  const byStatus = codes.toSorted((a, b) => PROBLEMS[a].status - PROBLEMS[b].status);
  const byName = new Map(byStatus.map((code) => [`${PROBLEMS[code].status} ${wireName(code)}`, code]));
  const links = Array.from(byName, ([name, code]) => html`<a href="#problem-${code}">${name}</a>`);
  return html`<p class="refusals">
    Refused with ${links.map((link, index) => html`${index > 0 ? ", " : ""}${link}`)}
  </p>`;
};

const WHO: Record<WhoActs, string> = {
  caller: "the caller",
  operator: "the operator",
  wait: "nobody: try again later",
};

const problemRow = (code: ProblemCode): Html =>
  html`<tr id="problem-${code}">
    <th scope="row">${PROBLEMS[code].status} <code>${wireName(code)}</code></th>
    <td>${proseOf(PROBLEMS[code].text)}</td>
    <td>${WHO[PROBLEMS[code].who]}</td>
  </tr>`;
