/**
 * What stands in a domain's DNS: each finding with its verdict, its text, its proof and what to publish, the worst first.
 */
import { html } from "hono/html";
import type { CheckStatus, DomainReport } from "#dns/check.ts";
import { type Finding, worstFirst } from "#dns/finding.ts";
import {
  again,
  copyable,
  cutNotice,
  frame,
  type Html,
  type Links,
  prose,
  rowsThatFit,
  steps,
  verdict,
} from "./layout.ts";
import type { Cut } from "./look-up.ts";

const SUMMARY: Record<CheckStatus, string> = {
  pass: "Everything that was checked is in order.",
  warn: "Mail goes out, and something will bite one day.",
  fail: "Something makes mail fail. Mend the first thing first.",
  indeterminate: "Nothing wrong was seen, but not everything could be looked up. Check again in a while.",
};

export const checkPage = ({ domain, status, findings, cut }: DomainReport & Cut, links: Links): Html => {
  return frame(
    `${domain} checked`,
    links,
    html`<h1>${domain}</h1>
      ${steps(links, "check")}
      <p class="lead">${verdict(status)} ${SUMMARY[status]}</p>
      ${findings.some(({ fix }) => fix !== undefined) ? html`<p><a href="${links.at}/plan?${links.query}">See what to publish</a>, field by field for your DNS host, or have it published.</p>` : ""}
      ${cutNotice(cut)} ${again(links, "check")}
      <h2>What was found</h2>
      <ul class="cards">
        ${rowsThatFit(worstFirst(findings).map(card))}
      </ul>`,
  );
};

const card = ({ code, status, name, text, fix, evidence, rfc }: Finding): Html =>
  html`<li class="card ${status}">
    <h3>${verdict(status)} <code class="subject">${name}</code></h3>
    <p>${prose(text)}</p>
    ${fix === undefined ? "" : html`<p class="fix"><span class="key">Publish</span> ${copyable(fix, `what to publish at ${name} for ${code}`)}</p>`}
    <details>
      <summary>Evidence<span class="unseen"> for ${code} at ${name}</span></summary>
      ${evidence.length === 0 ? "" : html`<pre tabindex="0" aria-label="Evidence for ${code}">${evidence.join("\n")}</pre>`}
      <p class="soft">${code}, ${rfc}</p>
    </details>
  </li>`;
