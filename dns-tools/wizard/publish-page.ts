/**
 * What came of publishing: done, or why not, and where to go from here.
 */
import { html } from "hono/html";
import type { JsonChange } from "#dns/export/json.ts";
import { shown } from "#dns/look-up-findings.ts";
import { frame, type Html, type Links, rowsThatFit } from "./layout.ts";

export type Outcome = {
  kind:
    | "done"
    /** The plan is another by now; nothing was sent. */
    | "changed"
    /** A field was not as it has to be; nothing was sent. */
    | "invalid"
    /** The server said no; nothing changed. */
    | "refused"
    /** It was not done, or nobody knows: the text says which. */
    | "failed";
  text: string;
};

const HEADING: Record<Outcome["kind"], string> = {
  done: "Published",
  changed: "The plan has changed",
  invalid: "Not sent",
  refused: "Refused",
  failed: "Not sure to be published",
};

export const publishPage = (domain: string, outcome: Outcome, published: readonly JsonChange[], links: Links): Html =>
  frame(
    `${domain}: ${HEADING[outcome.kind].toLowerCase()}`,
    links,
    html`<h1>${domain}</h1>
      <p class="lead" role="${outcome.kind === "done" ? "status" : "alert"}">
        <strong class="verdict ${outcome.kind === "done" ? "pass" : "fail"}"
          ><span aria-hidden="true">${outcome.kind === "done" ? "✓" : "✗"}</span> ${HEADING[outcome.kind]}</strong
        >
        ${shown(outcome.text)}
      </p>
      ${
        outcome.kind === "done"
          ? html`<h2>What was published</h2>
              <ul class="cards">
                ${rowsThatFit(published.map(row))}
              </ul>`
          : ""
      }
      <p class="actions">
        <a class="button" href="${links.at}/${outcome.kind === "done" ? "check" : "plan"}?${links.query}"
          >${outcome.kind === "done" ? "Check now" : "Back to the plan"}</a
        >
        <a href="${links.at}/propagation?${links.query}">See who has it already</a>
      </p>`,
  );

const row = (change: JsonChange): Html =>
  change.action === "unknown" || change.action === "conflict"
    ? html``
    : html`<li class="card pass">
        <h3>
          <strong class="verdict pass">${change.action === "add" ? "added" : "replaced"}</strong>
          <code class="subject">${change.record.name}</code> ${change.record.type}
        </h3>
        <p><code>${shown(change.record.value)}</code></p>
      </li>`;
