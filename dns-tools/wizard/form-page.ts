/**
 * The form that everything begins with, and comes back to with a word at each field that is wrong.
 *
 * It is sent by POST, for somebody may paste a private key: that must not get into an address, nor back onto the page.
 */
import { html } from "hono/html";
import { type FieldError, POLICIES } from "./answers.ts";
import { WITHHELD_KEY } from "./dkim-paste.ts";
import { frame, type Html, type Links } from "./layout.ts";
import { POLICY_STAGES } from "./policy-stages.ts";
import type { Typed } from "./typed.ts";

type Field = { id: FieldError["field"]; name: string; value: string; label: string; hint: string; sample?: string };

export const formPage = (typed: Typed, errors: readonly FieldError[], links: Links): Html =>
  frame(
    errors.length === 0 ? "Set up a sending domain" : "Please look again",
    links,
    html`<h1>Set up a domain to send mail from</h1>
      <p class="lead">
        See what stands in its DNS, get the smallest change that is missing, and check until all is green.
      </p>
      <p>
        The domain alone is enough to look. What your sender told you says what to publish.
        <a href="${links.at}/explain?record=">Or have a record explained.</a>
      </p>
      ${links.hasAccounts ? html`<p><a href="${links.at}/account">Take the domains of your account</a></p>` : ""}
      ${summary(errors)}
      <form method="post" action="${links.at}/check">
        ${input(
          {
            id: "domain",
            name: "domain",
            value: typed.domain,
            label: "Domain",
            hint: "What stands behind the @ of your From address.",
            sample: "example.com",
          },
          errors,
        )}
        <fieldset>
          <legend>What sends for you</legend>
          ${input(
            {
              id: "include",
              name: "include",
              value: typed.include,
              label: "SPF names of your senders",
              hint: "As they tell you to include, with spaces between.",
              sample: "spf.relay.example",
            },
            errors,
          )}
          ${input(
            {
              id: "ip",
              name: "ip",
              value: typed.ip,
              label: "Or their IP addresses",
              hint: "Only if there is no such name.",
              sample: "192.0.2.1 2001:db8::1",
            },
            errors,
          )}
          ${input(
            {
              id: "return-path",
              name: "return-path",
              value: typed["return-path"],
              label: "Return-path label",
              hint: "Bounces go to an address below it, and SPF is checked there. Empty: the domain itself.",
              sample: "send",
            },
            errors,
          )}
          ${input(
            {
              id: "bounce",
              name: "bounce",
              value: typed.bounce,
              label: "Bounce host",
              hint: "The mail server that takes the bounces, if your sender names one.",
              sample: "bounce.relay.example",
            },
            errors,
          )}
        </fieldset>
        ${typed.keys.map(({ selector, key }, at) => {
          const row = keyRow(selector, key, at, errors);
          return at === 0 || selector !== "" || key !== "" ? row : folded("Another DKIM key", row);
        })}
        <fieldset>
          <legend>DMARC</legend>
          ${policyField(typed.policy, errors)}
          ${input(
            {
              id: "rua",
              name: "rua",
              value: typed.rua,
              label: "Report address",
              hint: "Receivers send a daily report there.",
              sample: "dmarc@example.com",
            },
            errors,
          )}
        </fieldset>
        <p class="actions">
          <button type="submit">See what stands</button>
          <button type="submit" formaction="${links.at}/plan" class="second">See what to publish</button>
        </p>
      </form>`,
  );

const summary = (errors: readonly FieldError[]): Html =>
  errors.length === 0
    ? html``
    : html`<div class="notice" role="alert">
        <p>${errors.length === 1 ? "One field needs another look:" : `${errors.length} fields need another look:`}</p>
        <ul>
          ${errors.map(({ field, text }) => html`<li><a href="#${field}">${text}</a></li>`)}
        </ul>
      </div>`;

const input = (field: Field, errors: readonly FieldError[]): Html => {
  const { id, name, value, label, sample = "" } = field;
  const { invalid, note } = notes(field, errors);
  return html`<div class="field">
    <label for="${id}">${label}</label>
    ${note}
    <input
      id="${id}"
      name="${name}"
      value="${value}"
      placeholder="${sample}"
      aria-invalid="${invalid}"
      aria-describedby="${id}-note"
      autocomplete="off"
      autocapitalize="none"
      spellcheck="false"
    />
  </div>`;
};

const notes = (
  { id, hint }: Pick<Field, "id" | "hint">,
  errors: readonly FieldError[],
): { invalid: string; note: Html } => {
  const wrong = errors.filter(({ field }) => field === id).map(({ text }) => text);
  const note = html`<p class="hint" id="${id}-note">
    ${wrong.length === 0 ? hint : html`<span class="error">${wrong.join(" ")}</span>`}
  </p>`;
  return { invalid: String(wrong.length > 0), note };
};

const keyRow = (selector: string, key: string, at: number, errors: readonly FieldError[]): Html => {
  const id = `key-${at}` as const;
  const hint = "The record, a PEM file, or its base64. The check works without it, publishing does not.";
  const { invalid, note } = notes({ id, hint }, errors);
  return html`<fieldset>
    <legend>${at === 0 ? "DKIM key" : `DKIM key ${at + 1}`}</legend>
    ${input(
      {
        id: `selector-${at}`,
        name: "selector",
        value: selector,
        label: "Selector",
        hint: "The s= of your signatures. It cannot be looked for.",
        sample: `s${at + 1}`,
      },
      errors,
    )}
    <div class="field">
      <label for="${id}">Public key</label>
      ${note}
      <textarea
        id="${id}"
        name="key"
        rows="3"
        aria-invalid="${invalid}"
        aria-describedby="${id}-note"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
      >
${key === WITHHELD_KEY ? "" : key}</textarea>
    </div>
  </fieldset>`;
};

const folded = (title: string, content: Html): Html =>
  html`<details class="publish">
    <summary>${title}</summary>
    ${content}
  </details>`;

const policyField = (chosen: string, errors: readonly FieldError[]): Html => {
  const hint = "Begin with none, and go on when the reports are clean.";
  const { invalid, note } = notes({ id: "policy", hint }, errors);
  return html`<div class="field">
    <label for="policy">Policy</label>
    ${note}
    <select id="policy" name="policy" aria-invalid="${invalid}" aria-describedby="policy-note">
      ${POLICIES.map((policy) => option(policy, policy === chosen))}
    </select>
  </div>`;
};

const option = (policy: (typeof POLICIES)[number], chosen: boolean): Html => {
  const brief = POLICY_STAGES.find((stage) => stage.policy === policy)?.brief;
  return html`<option value="${policy}" ${chosen ? "selected" : ""}>${policy}: ${brief}</option>`;
};
