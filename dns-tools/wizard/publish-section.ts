/**
 * The ways to publish, on the page of the plan: a form for each that can be done from here, a link for each that cannot.
 *
 * Forms go by POST with what was typed in the address, where there is no secret, and the secret in the body. They carry
 * the mark of the plan that is shown above them.
 */
import { html } from "hono/html";
import type { DomainZone } from "#dns/dns-host.ts";
import { TSIG_ALGORITHMS } from "#resolvers/tsig.ts";
import { EXPORTS } from "./export-files.ts";
import type { Html, Links } from "./layout.ts";

export type Publishing = {
  zone: DomainZone;
  /** `planMark`. */
  mark: string;
  /** DNS UPDATE can be sent from here. */
  hasUpdate: boolean;
  /** The sender can be named to a DNS host that does Domain Connect. */
  hasDomainConnect: boolean;
};

export const publishSection = (domain: string, publishing: Publishing, links: Links): Html => {
  const { zone, hasUpdate, hasDomainConnect } = publishing;
  const host = zone.kind === "zone" ? zone.host : undefined;
  const mayBeCloudflare = host === undefined || host.name === "Cloudflare";
  return html`<h2>Publish it</h2>
    <h3>By hand</h3>
    <p>
      ${byHand(host?.name)}
      ${host?.console === undefined ? "" : html`<a href="${host.console}" rel="noreferrer">Open ${host.name}</a>`}
    </p>
    ${
      hasDomainConnect
        ? html`<h3>By a link to your DNS host</h3>
            <p>
              Many hosts apply the change when you agree to it there (Domain Connect).
              <a href="${links.at}/domain-connect?${links.query}">See whether yours does</a>
            </p>`
        : ""
    }
    ${mayBeCloudflare ? cloudflareForm(publishing, links) : ""}
    ${hasUpdate ? updateForm(zone.kind === "zone" ? zone.apex : domain, publishing, links) : ""}
    <h3>As a file</h3>
    <ul class="files">
      ${EXPORTS.map(({ form, label }) => html`<li><a href="${links.at}/export/${form}?${links.query}" download>${label}</a></li>`)}
      ${hasDomainConnect ? html`<li><a href="${links.at}/export/domain-connect?${links.query}" download>Domain Connect template</a></li>` : ""}
    </ul>`;
};

const byHand = (host: string | undefined): string =>
  host === undefined
    ? "Copy the fields above into your DNS host’s own form."
    : `Copy the fields above into the form of ${host}, whose words they have.`;

const cloudflareForm = ({ zone, mark }: Publishing, { at, query }: Links): Html =>
  publishForm({
    summary: "By Cloudflare’s API",
    isOpen: zone.kind === "zone" && zone.host !== undefined,
    action: `${at}/publish/cloudflare?${query}`,
    mark,
    fields: secretField(
      "token",
      "API token",
      "Made in your profile with the rights Zone Read and DNS Edit for this zone. It is used once and not stored.",
    ),
    button: "Publish at Cloudflare",
  });

const updateForm = (apex: string, { mark }: Publishing, { at, query }: Links): Html =>
  publishForm({
    summary: "To your own server, by DNS UPDATE (RFC 2136)",
    isOpen: false,
    action: `${at}/publish/update?${query}`,
    mark,
    fields: html`${textField("server", "Primary server", "Its IP address, with a port if that is not 53.", "192.0.2.53")}
    ${textField("zone", "Zone", "As the server has it.", "example.com", apex)}
    ${textField("key-name", "Key name", "Of the TSIG key that may change the zone.", "writer.key")}
    ${field("algorithm", "Algorithm of the key", "As the server’s configuration has it.", algorithmChoice)}
    ${secretField("secret", "Secret of the key", "In base64, as the server’s configuration has it. It is used once and not stored.")}`,
    button: "Send the update",
  });

type PublishForm = { summary: string; isOpen: boolean; action: string; mark: string; fields: Html; button: string };

const publishForm = ({ summary, isOpen, action, mark, fields, button }: PublishForm): Html =>
  html`<details class="publish" ${isOpen ? "open" : ""}>
    <summary>${summary}</summary>
    <form method="post" action="${action}">
      <input type="hidden" name="plan" value="${mark}" />
      ${fields}
      <p class="actions"><button type="submit">${button}</button></p>
    </form>
  </details>`;

const field = (name: string, label: string, hint: string, control: (name: string) => Html): Html =>
  html`<div class="field">
    <label for="${name}">${label}</label>
    <p class="hint" id="${name}-note">${hint}</p>
    ${control(name)}
  </div>`;

const algorithmChoice = (name: string): Html =>
  html`<select id="${name}" name="${name}" aria-describedby="${name}-note">
    ${TSIG_ALGORITHMS.map((algorithm) => html`<option>${algorithm}</option>`)}
  </select>`;

const input =
  (own: Html) =>
  (name: string): Html =>
    html`<input
      id="${name}"
      name="${name}"
      ${own}
      aria-describedby="${name}-note"
      required
      autocomplete="off"
      autocapitalize="none"
      spellcheck="false"
    />`;

const textField = (name: string, label: string, hint: string, sample: string, value = ""): Html =>
  field(name, label, hint, input(html`value="${value}" placeholder="${sample}"`));

/** A field that no browser is to keep, and that no page fills in. */
export const secretField = (name: string, label: string, hint: string): Html =>
  field(name, label, hint, input(html`type="password"`));
