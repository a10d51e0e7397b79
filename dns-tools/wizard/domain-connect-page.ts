/**
 * Publishing by Domain Connect: the link to the DNS host, which asks its customer and then applies our template.
 *
 * The page only links. Whether the host has done it is seen by checking.
 */
import { html } from "hono/html";
import type { Applicable } from "#dns/domain-connect.ts";
import { shown } from "#dns/look-up-findings.ts";
import type { Discovery } from "./domain-connect-discovery.ts";
import { frame, type Html, type Links, steps } from "./layout.ts";

export type DomainConnectView = { domain: string; discovery: Discovery; applicable: Applicable; link?: string };

export const domainConnectPage = (view: DomainConnectView, links: Links): Html =>
  frame(
    `${view.domain}: by a link to the DNS host`,
    links,
    html`<h1>${view.domain}</h1>
      ${steps(links, "plan")} ${content(view, links)}
      <p class="actions"><a href="${links.at}/plan?${links.query}">Back to the plan</a></p>`,
  );

const content = ({ domain, discovery, applicable, link }: DomainConnectView, { at, query }: Links): Html => {
  switch (discovery.kind) {
    case "unknown":
      return html`<p class="lead">
        <strong class="verdict indeterminate"><span aria-hidden="true">?</span> could not find out</strong> whether the
        DNS host of ${domain} does Domain Connect: ${shown(discovery.reason)}. Publish by hand, or look again later.
      </p>`;
    case "not-offered":
      return html`<p class="lead">
        The DNS host of ${domain} does not do Domain Connect. Publish by hand, or in another of the ways of the plan.
      </p>`;
    case "offered":
      return offered(shown(discovery.host, 100), discovery.knowsTemplate, applicable, link, { at, query });
  }
};

const offered = (
  host: string,
  knowsTemplate: boolean,
  { byHand }: Applicable,
  link: string | undefined,
  { at, query }: Pick<Links, "at" | "query">,
): Html =>
  html`<p class="lead">${host} can publish this for you: you log in there, see the change, and agree.</p>
    ${
      link === undefined
        ? html`<p>Nothing is left to publish in this way.</p>`
        : html`<p class="actions"><a class="button" href="${link}" rel="noreferrer">Publish at ${host}</a></p>`
    }
    ${
      knowsTemplate
        ? ""
        : html`<p class="notice">
            ${host} does not have your sender’s template yet, so the link may be refused. The sender can
            <a href="${at}/export/domain-connect?${query}" download>take the template</a> and hand it in there.
          </p>`
    }
    ${
      byHand.length === 0
        ? ""
        : html`<p class="notice">
            The DMARC record that is there already has to be changed by hand: the link leaves it as it is.
          </p>`
    }`;
