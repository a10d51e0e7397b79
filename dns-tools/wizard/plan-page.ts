/**
 * What to publish: the smallest change to the live zone, each field ready to copy; files of it; the way to a strict policy.
 *
 * The page publishes nothing. What could not be looked up is shown as unknown, and never as a record to add.
 */
import { html } from "hono/html";
import { type JsonChange, type JsonRecord, planAsJson } from "#dns/export/json.ts";
import { relativeName } from "#dns/export/zone-file.ts";
import { shown } from "#dns/look-up-findings.ts";
import { type Change, isEdit } from "#dns/zone.ts";
import { EXPORTS } from "./export-files.ts";
import { again, copyable, cutNotice, frame, type Html, type Links, rowsThatFit, steps } from "./layout.ts";
import type { Cut } from "./look-up.ts";
import { POLICY_STAGES } from "./policy-stages.ts";
import { formatTyped, type Typed } from "./typed.ts";

type Plan = { domain: string; changes: readonly Change[] } & Cut;

export const planPage = ({ domain, changes, cut }: Plan, typed: Typed, links: Links): Html =>
  frame(
    `${domain}: what to publish`,
    links,
    html`<h1>${domain}</h1>
      ${steps(links, "plan")}
      <p class="lead">${heading(changes)}</p>
      ${cutNotice(cut)} ${again(links, "plan")}
      <h2>The change</h2>
      <ol class="cards">
        ${rowsThatFit(planAsJson(changes).map((change) => card(change, domain)))}
      </ol>
      <p class="soft">
        Names are as most DNS hosts want them: without ${domain}, which they add themselves, and @ for the domain
        itself. Switch any proxying off for these records.
      </p>
      <h2>As a file</h2>
      <ul class="files">
        ${EXPORTS.map(({ form, label }) => html`<li><a href="${links.at}/export/${form}?${links.query}" download>${label}</a></li>`)}
      </ul>
      <h2>Towards a policy that protects</h2>
      ${stages(typed, links)}`,
  );

const heading = (changes: readonly Change[]): string => {
  const open = changes.filter(isEdit).length;
  const unknown = changes.filter(({ kind }) => kind === "unknown").length;
  const todo = open === 0 ? "Nothing to publish" : open === 1 ? "One record to publish" : `${open} records to publish`;
  return unknown === 0 ? `${todo}.` : `${todo}; could not find out about ${unknown}. Check again before you go on.`;
};

const SHOWN_REMOVAL_CHARACTERS = 600;

const card = (change: JsonChange, domain: string): Html => {
  switch (change.action) {
    case "keep":
      return html`<li class="card pass">
        <h3>
          <strong class="verdict pass"><span aria-hidden="true">=</span> keep</strong> ${subject(change.record)}
        </h3>
        <p class="soft">${change.purpose}: it is good as it is.</p>
        <details>
          <summary>Its value<span class="unseen"> at ${change.record.name}</span></summary>
          <pre tabindex="0" aria-label="Value at ${change.record.name}">${shown(change.record.value)}</pre>
        </details>
      </li>`;
    case "add":
      return html`<li class="card add">
        <h3>
          <strong class="verdict add"><span aria-hidden="true">+</span> add</strong> ${subject(change.record)}
        </h3>
        ${fields(change.record, change.ttl, domain)}
      </li>`;
    case "replace":
      return html`<li class="card add">
        <h3>
          <strong class="verdict add"><span aria-hidden="true">±</span> replace</strong> ${subject(change.record)}
        </h3>
        ${change.from.map(
          (gone) =>
            html`<p class="gone">
              <strong class="verdict fail"><span aria-hidden="true">−</span> delete</strong> ${gone.type}
              <del><code>${shown(gone.value, SHOWN_REMOVAL_CHARACTERS)}</code></del>
            </p>`,
        )}
        <p>
          <strong class="verdict add"><span aria-hidden="true">+</span> add</strong>
        </p>
        ${fields(change.record, change.ttl, domain)}
      </li>`;
    case "unknown":
      return html`<li class="card indeterminate">
        <h3>
          <strong class="verdict indeterminate"><span aria-hidden="true">?</span> could not find out</strong>
          <code class="subject">${change.name}</code> ${change.type}
        </h3>
        <p>Publish nothing here yet: what stands there could not be looked up (${shown(change.reason)}).</p>
      </li>`;
  }
};

const subject = ({ name, type }: JsonRecord): Html => html`<code class="subject">${name}</code> ${type}`;

const fields = ({ name, type, value, priority }: JsonRecord, ttl: number, domain: string): Html => {
  const row = (label: string, text: string): Html =>
    html`<div>
      <dt>${label}</dt>
      <dd>${copyable(text, `${label.toLowerCase()} of ${name}`)}</dd>
    </div>`;
  return html`<dl>
    ${row("Name", relativeName(name, domain, "@"))} ${row("Type", type)}
    ${priority === undefined ? "" : row("Priority", String(priority))} ${row("Value", value)} ${row("TTL", String(ttl))}
  </dl>`;
};

const stages = (typed: Typed, { at }: Links): Html =>
  html`<ol class="stages">
    ${POLICY_STAGES.map(
      ({ policy, does, before }) =>
        html`<li>
          <h3><code>p=${policy}</code>${policy === typed.policy ? html` <em>planned above</em>` : ""}</h3>
          <p>${does}</p>
          <p class="soft">Before: ${before}</p>
          ${policy === typed.policy ? "" : html`<p><a href="${at}/plan?${formatTyped({ ...typed, policy })}">Plan ${policy}</a></p>`}
        </li>`,
    )}
  </ol>`;
