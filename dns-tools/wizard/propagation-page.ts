/**
 * Who has the new records already: a table of records and of those who were asked, which keeps itself up to date where
 * there is a script, until all have them.
 */
import { html } from "hono/html";
import { shown } from "#dns/look-up-findings.ts";
import { again, frame, type Html, type Links, steps } from "./layout.ts";
import type { Propagation, PropagationRow, Sight } from "./propagation.ts";

/** Between two looks. */
const REFRESH_SECONDS = 15;

export const propagationPage = (propagation: Propagation, links: Links): Html => {
  const { domain, views, rows, isEverywhere } = propagation;
  const open = rows.filter(({ sights }) => sights.some(({ kind }) => kind !== "there")).length;
  const lead = isEverywhere
    ? "Everybody who was asked has all of it."
    : `${open} of ${rows.length} records are not everywhere yet.`;
  return frame(
    `${domain}: who has it`,
    links,
    html`<h1>${domain}</h1>
      ${steps(links, "propagation")}
      <div id="live" ${isEverywhere ? "" : html`data-refresh="${REFRESH_SECONDS}"`}>
        <p class="lead">${lead}</p>
        <div class="scroll" role="region" tabindex="0" aria-label="Records by resolver">
          <table>
            <caption>
              Each was asked on its own
            </caption>
            <thead>
              <tr>
                <th scope="col">Record</th>
                ${views.map((view) => html`<th scope="col">${shown(view, 80)}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${rows.map(tableRow)}
            </tbody>
          </table>
        </div>
      </div>
      <p class="soft">
        A resolver keeps what it has seen until its time is over. What it has not found it remembers too, often for some
        minutes, up to an hour.
      </p>
      <p class="actions"><button type="button" id="pause" class="second" aria-pressed="false" hidden>Pause</button></p>
      ${again(links, "propagation")}`,
  );
};

const tableRow = ({ name, type, sights }: PropagationRow): Html =>
  html`<tr>
    <th scope="row"><code>${name}</code> ${type}</th>
    ${sights.map((sight) => html`<td>${cell(sight)}</td>`)}
  </tr>`;

const cell = (sight: Sight): Html => {
  switch (sight.kind) {
    case "there":
      return html`<strong class="verdict pass"><span aria-hidden="true">✓</span> has it</strong>`;
    case "other":
      return html`<strong class="verdict warn"><span aria-hidden="true">!</span> old value</strong>
        ${until(sight.untilMs)}`;
    case "missing":
      return html`<strong class="verdict fail"><span aria-hidden="true">✗</span> not there</strong>`;
    case "unknown":
      return html`<strong class="verdict indeterminate"><span aria-hidden="true">?</span> could not ask</strong>
        <span class="soft">${shown(sight.reason, 200)}</span>`;
  }
};

const until = (atMs: number | undefined): Html => {
  if (atMs === undefined) return html``;
  const at = new Date(atMs).toISOString();
  return html`until <time datetime="${at}">${at.slice(11, 16)} UTC</time>`;
};
