/**
 * Where a domain's SPF leads and what each term costs, where its DMARC policy comes from, what each tag means.
 *
 * Nothing is judged here; the check does that.
 */
import { html } from "hono/html";
import { type Explanation, RECORD_ITSELF } from "#dns/explain.ts";
import { shown } from "#dns/look-up-findings.ts";
import type { SpfNode, SpfTree } from "#dns/spf-tree.ts";
import { again, cutNotice, frame, type Html, type Links, prose, rowsThatFit, steps } from "./layout.ts";
import type { Cut, Explanations } from "./look-up.ts";

/** Deeper terms are drawn no further in. */
const DEEPEST_INDENT = 5;

export const explainPage = ({ domain, spf, returnPathSpf, dmarc, cut }: Explanations & Cut, links: Links): Html =>
  frame(
    `${domain} explained`,
    links,
    html`<h1>${domain}</h1>
      ${steps(links, "explain")} ${cutNotice(cut)} ${again(links, "explain")}
      ${
        returnPathSpf
          ? html`<h2>SPF of your mail</h2>
              <p>Receivers check it at the return-path, which is at <code>${returnPathSpf.tree.domain}</code>.</p>
              ${spfTree(returnPathSpf, 2)}
              <h2>SPF of the domain itself</h2>
              <p>It counts for other mail, whose return-path is at <code>${domain}</code>.</p>
              ${spfTree(spf, 2)}`
          : html`<h2>SPF</h2>
              ${spfTree(spf, 1)}`
      }
      <h2>DMARC</h2>
      <ol class="walk">
        ${dmarc.steps.map((step) => html`<li>${prose(step)}</li>`)}
      </ol>
      ${dmarc.tags.length === 0 ? "" : tagTable(dmarc.tags)}
      <p class="actions"><a href="${links.at}/explain?record=">Explain a record that is not published</a></p>`,
  );

/** `lists`: how many trees are on the page. */
export const spfTree = ({ tree, lookups, limit, uncounted }: Explanation["spf"], lists: number): Html =>
  html`${tree.kind === "record" ? html`<p>${uncounted ? "At least " : ""}${lookups} of ${limit} look-ups (RFC 7208 §4.6.4).</p>` : ""}
    <ul class="tree">
      ${rowsThatFit(treeRows(tree, 0), lists)}
    </ul>`;

/** RFC 9989 has ten. */
const MOST_TAGS = 30;

export const tagTable = (tags: Explanation["dmarc"]["tags"]): Html =>
  html`<table>
    <caption>
      What its tags mean
    </caption>
    <thead>
      <tr>
        <th scope="col">Tag</th>
        <th scope="col">Meaning</th>
      </tr>
    </thead>
    <tbody>
      ${tags.slice(0, MOST_TAGS).map(
        ({ tag, meaning }) =>
          html`<tr>
            <th scope="row"><code>${shown(tag, 60)}</code></th>
            <td>${meaning}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;

const row = (depth: number, content: Html): Html =>
  html`<li class="d${Math.min(depth, DEEPEST_INDENT)}"><span class="unseen">Level ${depth + 1}: </span>${content}</li>`;

const treeRows = (tree: SpfTree, depth: number): Html[] => [
  row(depth, html`<code>${tree.domain}</code> ${treeInWords(tree)}`),
  ...(tree.kind === "record" ? tree.terms.flatMap((node) => nodeRows(node, depth + 1)) : []),
];

const treeInWords = (tree: SpfTree): string => {
  switch (tree.kind) {
    case "record":
      return tree.domain === RECORD_ITSELF ? "has these terms:" : "has this record:";
    case "none":
      return "has no SPF record.";
    case "multiple":
      return `has ${tree.records.length} SPF records, so receivers answer permerror.`;
    case "malformed":
      return `has a malformed record, so receivers answer permerror: ${shown(tree.record, 300)}`;
    case "unknown":
      return `could not be looked up (${shown(tree.reason, 300)}).`;
    case "loop":
      return "is being read already: a circle.";
    case "cut":
      return "was not looked at: the tree is too large.";
  }
};

const nodeRows = ({ text, cost, uncounted, asked, children }: SpfNode, depth: number): Html[] => {
  const price =
    cost === 0 && !uncounted ? "" : `${uncounted ? "at least " : ""}${cost} look-up${cost === 1 ? "" : "s"}`;
  const words = asked.kind === "unreached" ? "never reached" : price;
  return [
    row(depth, html`<code>${shown(text, 300)}</code> <span class="soft">${words}</span>`),
    ...(children ? treeRows(children, depth + 1) : []),
  ];
};
