/**
 * The text of one record explained, published or not: what SPF looks up and what that costs, what tags mean.
 *
 * Whether it stands anywhere is not asked.
 */
import { html } from "hono/html";
import type { RecordExplanation } from "#dns/explain.ts";
import { spfTree, tagTable } from "./explain-page.ts";
import { cutNotice, frame, type Html, type Links, prose } from "./layout.ts";
import type { Cut } from "./look-up.ts";

/** `explained`: absent where nothing was given, or what was given is no record. */
export type RecordView = { text: string; explained?: RecordExplanation & Cut };

export const recordPage = ({ text, explained }: RecordView, { at, ...links }: Links): Html =>
  frame(
    "A record explained",
    { at, ...links },
    html`<h1>A record explained</h1>
      ${explained === undefined ? (text === "" ? "" : NO_RECORD) : explanation(explained)}
      <form method="get" action="${at}/explain">
        <div class="field">
          <label for="record">Record</label>
          <p class="hint" id="record-note">
            The text of an SPF, DMARC or DKIM record, as a zone has it or is to have it.
          </p>
          <textarea
            id="record"
            name="record"
            rows="4"
            aria-describedby="record-note"
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
          >
${text}</textarea>
        </div>
        <p class="actions"><button type="submit">Explain it</button></p>
      </form>`,
  );

const NO_RECORD = html`<p class="notice" role="alert">This is none: they begin with v=spf1, v=DMARC1 or v=DKIM1.</p>`;

const explanation = (explained: RecordExplanation & Cut): Html => {
  switch (explained.kind) {
    case "discarded":
      return html`<p class="notice" role="alert">
        Receivers discard this record, because ${prose(explained.reason)}.
      </p>`;
    case "spf":
      return html`${cutNotice(explained.cut)} ${spfTree(explained.spf, 1)}`;
    case "dmarc":
    case "dkim":
      return tagTable(explained.tags);
  }
};
