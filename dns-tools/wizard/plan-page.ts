/**
 * What to publish: the smallest change to the live zone, each field in the words of the DNS host and ready to copy; the
 * ways to publish it; the way to a strict policy.
 *
 * What could not be looked up is shown as unknown, and never as a record to add. While something is in conflict with what
 * stands, no way to publish is offered.
 */
import { html } from "hono/html";
import { providerIdOf } from "#dns/domain-connect.ts";
import { type DnsHost, formFields } from "#dns/export/host-words.ts";
import { type JsonChange, type JsonRecord, planAsJson } from "#dns/export/json.ts";
import { shown } from "#dns/look-up-findings.ts";
import { type Change, isEdit } from "#dns/zone.ts";
import { again, copyable, cutNotice, frame, type Html, type Links, rowsThatFit, steps } from "./layout.ts";
import type { Cut, PlanAndZone } from "./look-up.ts";
import { planMark } from "./plan-mark.ts";
import { POLICY_STAGES } from "./policy-stages.ts";
import { type Publishing, publishSection } from "./publish-section.ts";
import { formatTyped, type Typed } from "./typed.ts";

export type PlanView = { domain: string; changes: readonly Change[]; publishing: Publishing; json: object } & Cut;

/** All that the page and its twin show. */
export const describePlan = async (
  domain: string,
  { changes, zone, ...cut }: PlanAndZone & Cut,
  { include }: Typed,
  hasUpdate: boolean,
): Promise<PlanView> => {
  const hasDomainConnect = providerIdOf(include.replaceAll(/include:/gi, "").split(/[\s,]+/)) !== undefined;
  const publishing = { zone, mark: await planMark(changes), hasUpdate, hasDomainConnect };
  return {
    domain,
    changes,
    publishing,
    json: { domain, zone: zoneAsJson(zone), changes: planAsJson(changes), ...cut },
    ...cut,
  };
};

const zoneAsJson = (zone: PlanAndZone["zone"]): object =>
  zone.kind === "zone"
    ? {
        kind: zone.kind,
        apex: zone.apex,
        name_servers: zone.nameServers,
        host: zone.host?.name,
        console: zone.host?.console,
      }
    : zone;

export const planPage = ({ domain, changes, publishing, cut }: PlanView, typed: Typed, links: Links): Html => {
  const { zone } = publishing;
  const [apex, host] = zone.kind === "zone" ? [zone.apex, zone.host] : [domain, undefined];
  return frame(
    `${domain}: what to publish`,
    links,
    html`<h1>${domain}</h1>
      ${steps(links, "plan")}
      <p class="lead">${heading(changes)}</p>
      ${cutNotice(cut)} ${again(links, "plan")}
      <h2>The change</h2>
      <ol class="cards">
        ${rowsThatFit(planAsJson(changes).map((change) => card(change, apex, host)))}
      </ol>
      <p class="soft">${wording(apex, host)} Switch any proxying off for these records.</p>
      ${isOpen(changes) && changes.some(isEdit) ? publishSection(domain, publishing, links) : ""}
      <h2>Towards a policy that protects</h2>
      ${stages(typed, links)}`,
  );
};

const wording = (apex: string, host: DnsHost | undefined): string =>
  host === undefined
    ? `Names are as most DNS hosts want them: without ${apex}, which they add themselves, and @ for the zone itself.`
    : `${apex} is at ${host.name}, which adds ${apex} to each name itself.`;

const heading = (changes: readonly Change[]): string => {
  const open = changes.filter(isEdit).length;
  const conflicts = changes.filter(({ kind }) => kind === "conflict").length;
  if (conflicts > 0)
    return `${conflicts === 1 ? "One record" : `${conflicts} records`} cannot be published without breaking what stands. Settle that first; until then nothing is published from here.`;
  const unknown = changes.filter(({ kind }) => kind === "unknown").length;
  const todo = open === 0 ? "Nothing to publish" : open === 1 ? "One record to publish" : `${open} records to publish`;
  return unknown === 0 ? `${todo}.` : `${todo}; could not find out about ${unknown}. Check again before you go on.`;
};

/** Whether it may be published as it is. */
const isOpen = (changes: readonly Change[]): boolean => changes.every(({ kind }) => kind !== "conflict");

const SHOWN_REMOVAL_CHARACTERS = 600;
const SHOWN_TEXT_CHARACTERS = 2000;

const card = (change: JsonChange, apex: string, host: DnsHost | undefined): Html => {
  switch (change.action) {
    case "keep":
      return html`<li class="card pass">
        <h3>
          <strong class="verdict pass"><span aria-hidden="true">=</span> keep</strong> ${subject(change.record)}
        </h3>
        <p class="soft">
          ${change.purpose}:
          ${change.caution === undefined ? "it is good as it is." : "it lets your mail pass as it is."}
        </p>
        ${caution(change)}
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
        ${caution(change)} ${fields(change.record, apex, host)}
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
        ${caution(change)} ${fields(change.record, apex, host)}
      </li>`;
    case "conflict":
      return html`<li class="card fail">
        <h3>
          <strong class="verdict fail"><span aria-hidden="true">✕</span> conflict</strong>
          <code class="subject">${change.name}</code> ${change.type}
        </h3>
        <p>${shown(change.text, SHOWN_TEXT_CHARACTERS)}</p>
        ${change.standing.map(
          ({ type, value }) =>
            html`<p>
              <strong class="verdict pass"><span aria-hidden="true">=</span> stays</strong> ${type}
              <code>${shown(value, SHOWN_REMOVAL_CHARACTERS)}</code>
            </p>`,
        )}
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

/** What stays broken beside it. */
const caution = ({ caution: text }: { caution?: string }): Html =>
  text === undefined
    ? html``
    : html`<p>
        <strong class="verdict warn"><span aria-hidden="true">!</span> warn</strong>
        ${shown(text, SHOWN_TEXT_CHARACTERS)}
      </p>`;

const subject = ({ name, type }: JsonRecord): Html => html`<code class="subject">${name}</code> ${type}`;

const fields = (record: JsonRecord, apex: string, host: DnsHost | undefined): Html =>
  html`<dl>
    ${formFields(record, apex, host).map(
      ({ label, text }) =>
        html`<div>
          <dt>${label}</dt>
          <dd>
            ${text === "" ? html`<em>leave it empty</em>` : copyable(text, `${label.toLowerCase()} of ${record.name} ${record.type}`)}
          </dd>
        </div>`,
    )}
  </dl>`;

const stages = (typed: Typed, { at }: Links): Html =>
  html`<p><a href="${at}/reports">Read the reports</a> that receivers send you: they say when to go on.</p>
    <ol class="stages">
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
