/**
 * The domains of an account of the service that the wizard is part of, each with links to its pages, filled in.
 *
 * The API key comes by POST, is used for this one answer and is in none. All that goes into links is public: names,
 * selectors, public keys.
 */
import { html } from "hono/html";
import { frame, type Html, type Links } from "./layout.ts";
import { secretField } from "./publish-section.ts";
import { type Defaults, formatTyped, readTyped } from "./typed.ts";

/** A record as the service's API shows it: its name is relative to the domain. */
export type AccountRecord = { record: string; name: string; type: string; value: string };
export type AccountDomain = { name: string; status: string; records: readonly AccountRecord[] };

export type AccountAnswer =
  /** `hasMore`: there are others that are not looked at here. */
  | { kind: "domains"; domains: readonly AccountDomain[]; hasMore: boolean }
  /** In the API's own words. */
  | { kind: "refused"; text: string };
export type ReadAccount = (apiKey: string) => Promise<AccountAnswer>;

export const accountForm = (links: Links, refusal?: string): Html =>
  frame(
    "Domains of your account",
    links,
    html`<h1>Domains of your account</h1>
      <p class="lead">With an API key of your account, its domains are filled in for you.</p>
      ${refusal === undefined ? "" : html`<p class="notice" role="alert">${refusal}</p>`}
      <form method="post" action="${links.at}/account">
        ${secretField("key", "API key", "One that may read domains. It is used once and not stored.")}
        <p class="actions"><button type="submit">Show my domains</button></p>
      </form>`,
  );

export const accountPage = (
  domains: readonly AccountDomain[],
  hasMore: boolean,
  defaults: Defaults,
  links: Links,
): Html =>
  frame(
    "Domains of your account",
    links,
    html`<h1>Domains of your account</h1>
      ${domains.length === 0 ? html`<p class="lead">There is none yet: add one by the API or the command line.</p>` : ""}
      <ul class="cards">
        ${domains.map((domain) => card(domain, queryOf(domain, defaults), links))}
      </ul>
      ${hasMore ? html`<p class="notice">There are more; these are the newest.</p>` : ""}
      <p class="actions"><a href="${links.at}/account">Another account</a></p>`,
  );

const card = ({ name, status }: AccountDomain, query: string, { at }: Links): Html =>
  html`<li class="card ${status === "verified" ? "pass" : "warn"}">
    <h2>${name}</h2>
    <p>${status.replaceAll("_", " ")}</p>
    <p class="actions">
      ${PAGES.map(([page, text]) => html`<a href="${at}/${page}?${query}">${text}<span class="unseen"> of ${name}</span></a>`)}
    </p>
  </li>`;

const PAGES = [
  ["check", "What stands"],
  ["plan", "What to publish"],
  ["propagation", "Who has it"],
] as const;

/** What the owner of a domain would have typed. */
export const queryOf = ({ name, records }: AccountDomain, defaults: Defaults): string => {
  const spf = records.find(({ record, type }) => record === "SPF" && type === "TXT");
  const mx = records.find(({ record, type }) => record === "SPF" && type === "MX");
  const query = new URLSearchParams({ domain: name });
  if (spf) {
    query.set("return-path", spf.name);
    query.set("include", termsOf(spf.value, "include").join(" "));
    query.set("ip", termsOf(spf.value, "ip[46]").join(" "));
  }
  if (mx) query.set("bounce", mx.value);
  for (const { record, name: at, value } of records) {
    if (record !== "DKIM") continue;
    query.append("selector", at.replace(/\._domainkey$/, ""));
    query.append("key", value);
  }
  return formatTyped(readTyped(query, defaults));
};

const termsOf = (spf: string, mechanism: string): string[] =>
  Array.from(spf.matchAll(new RegExp(` \\+?${mechanism}:(\\S+)`, "g")), ([, value = ""]) => value);
