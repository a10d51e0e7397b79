/**
 * DMARC reports: the form that takes them, and what they say of each source that sends in a domain's name.
 *
 * Works without the script. What does not fit on a page below 100 KB is counted and left to the JSON twin.
 */
import { html } from "hono/html";
import type { Listed } from "#dns/dmarc-report-sources.ts";
import type { DomainSummary, JudgedSource } from "#dns/dmarc-report-summary.ts";
import type { Readiness } from "#dns/dmarc-report-readiness.ts";
import type { FindingStatus } from "#dns/finding.ts";
import { shown } from "#dns/look-up-findings.ts";
import { frame, type Html, type Links, prose, rowsThatFit, verdict } from "./layout.ts";

/** A file that could not be read, and why: `is empty`. */
export type Unreadable = { name: string; problem: string; text: string };
export type ReportsView = { domains: readonly DomainSummary[]; unreadable: readonly Unreadable[] };

export const MOST_FILES = 20;

export const reportsForm = (links: Links, error?: string): Html =>
  frame(
    "Read DMARC reports",
    links,
    html`<h1>Read DMARC reports</h1>
      <p class="lead">
        See who sends in your name, what fails and why, and whether your policy may go on to its next stage.
      </p>
      ${uploadForm(links, error)}`,
  );

const uploadForm = ({ at }: Links, error?: string): Html =>
  html`${error === undefined ? "" : html`<div class="notice" role="alert"><p>${error}</p></div>`}
    <form method="post" action="${at}/reports" enctype="multipart/form-data">
      <div class="field">
        <label for="file">Report files</label>
        <p class="hint" id="file-note">
          As they came: .xml, .xml.gz, .zip, or the whole mail as .eml. Up to ${MOST_FILES} files, 10 MB in all.
        </p>
        <input
          id="file"
          name="file"
          type="file"
          multiple
          required
          accept=".xml,.gz,.zip,.eml"
          aria-describedby="file-note"
        />
      </div>
      <p class="actions"><button type="submit">Read them</button></p>
    </form>`;

export const reportsPage = ({ domains, unreadable }: ReportsView, links: Links): Html =>
  frame(
    "What the reports say",
    links,
    html`<h1>What the reports say</h1>
      ${unreadable.length === 0 ? "" : unreadableNotice(unreadable)}
      <ul class="cards">
        ${domains.map(domainCard)}
      </ul>
      ${
        domains.length === 0
          ? ""
          : html`<h2>Who sends, what matters first</h2>
              <ul class="cards">
                ${rowsThatFit(domains.flatMap(({ domain, sources }) => sources.map((source) => sourceCard(domain, source))))}
              </ul>`
      }
      <h2>Read others</h2>
      ${uploadForm(links)}`,
  );

const unreadableNotice = (files: readonly Unreadable[]): Html =>
  html`<div class="notice" role="alert">
    <p>${files.length === 1 ? "One file was not read:" : `${files.length} files were not read:`}</p>
    <ul>
      ${files.map(({ name, text }) => html`<li><code>${shown(name, 100)}</code> ${shown(text, 300)}.</li>`)}
    </ul>
  </div>`;

const READY: Record<Readiness["word"], FindingStatus> = {
  ready: "pass",
  done: "pass",
  "too-early": "warn",
  "not-yet": "fail",
  unknown: "indeterminate",
};

const domainCard = (summary: DomainSummary): Html => {
  const { domain, published, readiness, reports, doubles, leftOut, organizations } = summary;
  const who = organizations.slice(0, 5).map((name) => shown(name, 60));
  const more = organizations.length > who.length ? ` and ${organizations.length - who.length} more` : "";
  const notes = [
    `${reports} report${reports === 1 ? "" : "s"} from ${who.join(", ")}${more}`,
    `${day(summary.beginSeconds)} to ${day(summary.endSeconds)}`,
    ...(doubles > 0 ? [`${doubles} counted once, for they came more often`] : []),
    ...(leftOut > 0 ? [`${leftOut} records left out, for they could not be understood`] : []),
  ];
  return html`<li class="card ${READY[readiness.word]}">
    <h2>
      ${verdict(READY[readiness.word])} <code class="subject">${domain}</code>
      <span class="soft">p=${published.policy}</span>
    </h2>
    <p>${prose(readiness.text)}</p>
    <p class="soft">${notes.join("; ")}.</p>
  </li>`;
};

const day = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(0, 10);

const sourceCard = (domain: string, source: JudgedSource): Html => {
  const { sender, messages, passed, byDkim, bySpf, dispositions } = source;
  const { status, text, code, rfc } = source.verdict;
  const rows: readonly (readonly [string, string])[] = [
    ["Messages", `${messages}, ${passed} pass (DKIM ${byDkim}, SPF ${bySpf})`],
    [
      "Became",
      `${dispositions.delivered} delivered, ${dispositions.quarantined} to spam, ${dispositions.rejected} refused`,
    ],
    ["From", listedText(source.headerFrom)],
    ["Return-path", listedText(source.envelopeFrom)],
    ["DKIM", listedText(source.dkim)],
    ["SPF", listedText(source.spf)],
    ["Addresses", listedText(source.addresses)],
    ["Overrides", listedText(source.overrides)],
  ];
  return html`<li class="card ${status}">
    <h3>${verdict(status)} <code class="subject">${sender.name}</code></h3>
    <p>${prose(text)}</p>
    <details>
      <summary>What was reported<span class="unseen"> of ${sender.name} for ${domain}</span></summary>
      <dl>
        ${rows.map(([term, value]) =>
          value === ""
            ? ""
            : html`<div>
                <dt>${term}</dt>
                <dd>${value}</dd>
              </div>`,
        )}
      </dl>
      <p class="soft">${domain}, ${code}, ${rfc}</p>
    </details>
  </li>`;
};

const listedText = ({ count, first }: Listed): string => {
  const more = count > first.length ? `, and ${count - first.length} more` : "";
  return first.map((text) => shown(text, 120)).join(", ") + more;
};
