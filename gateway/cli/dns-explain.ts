/**
 * `hikyaku dns explain`: where a domain's SPF leads and what each term costs, where its DMARC policy comes from, and what
 * each tag means; or the same of the text of one record. Nothing is judged here; `dns check` does that.
 */
import type { TagMeaning } from "#dns/dmarc-explain.ts";
import { explainDomain, explainRecordText, type RecordText, recordTextIn, type SpfExplanation } from "#dns/explain.ts";
import { shown } from "#dns/look-up-findings.ts";
import type { SpfNode, SpfTree } from "#dns/spf-tree.ts";
import { type ResolverOptions, resolverRun, typedDomain } from "./dns-options.ts";
import { EXIT, type Exit, type Surroundings } from "./surroundings.ts";

export type ExplainOptions = ResolverOptions & { json?: boolean };

/** Of a domain, or of the text of a record. A record that receivers discard is a no. */
export const explain = async (subject: string, options: ExplainOptions, around: Surroundings): Promise<Exit> => {
  const record = recordTextIn(subject);
  if (record) return explainText(record, options, around);
  const domain = typedDomain(subject);
  const explanation = await explainDomain(domain, resolverRun(options).resolve);
  const { spf, dmarc } = explanation;
  if (options.json === true) around.out(JSON.stringify(explanation));
  else around.out(["SPF", ...spfLines(spf), "", "DMARC", ...dmarc.steps, ...tagLines(dmarc.tags)].join("\n"));
  return spf.tree.kind === "unknown" || dmarc.unknown ? EXIT.unknown : EXIT.done;
};

const explainText = async (record: RecordText, options: ExplainOptions, around: Surroundings): Promise<Exit> => {
  const explained = await explainRecordText(record, resolverRun(options).resolve);
  if (explained.kind === "discarded") {
    around.err(`hikyaku: receivers discard this record, because ${explained.reason}`);
    return EXIT.no;
  }
  if (options.json === true) around.out(JSON.stringify(explained));
  else around.out((explained.kind === "spf" ? spfLines(explained.spf) : tagLines(explained.tags)).join("\n"));
  return EXIT.done;
};

const tagLines = (tags: readonly TagMeaning[]): string[] =>
  tags.map(({ tag, meaning }) => `  ${tag.padEnd(5)} ${meaning}`);

const spfLines = ({ lookups, limit, uncounted, tree }: SpfExplanation): string[] => {
  const total = `${uncounted ? "at least " : ""}${lookups} of ${limit} look-ups`;
  return [...treeLines(tree, ""), ...(tree.kind === "record" ? [total] : [])];
};

const treeLines = (tree: SpfTree, indent: string): string[] => {
  switch (tree.kind) {
    case "record":
      return [
        `${indent}${tree.domain}: \`${shown(tree.record)}\``,
        ...tree.terms.flatMap((node) => nodeLines(node, `${indent}  `)),
      ];
    case "none":
      return [`${indent}${tree.domain}: no SPF record`];
    case "multiple":
      return [`${indent}${tree.domain}: ${tree.records.length} records, so receivers answer permerror`];
    case "malformed":
      return [`${indent}${tree.domain}: \`${shown(tree.record)}\` is malformed, so receivers answer permerror`];
    case "unknown":
      return [`${indent}${tree.domain}: could not be looked up (${shown(tree.reason)})`];
    case "loop":
      return [`${indent}${tree.domain}: is being read already, a circle`];
    case "cut":
      return [`${indent}${tree.domain}: not looked at, the tree is too large`];
  }
};

const nodeLines = ({ text, cost, uncounted, asked, children }: SpfNode, indent: string): string[] => {
  const price = cost === 0 && !uncounted ? "" : `  [${uncounted ? "at least " : ""}${cost}]`;
  const unreached = asked.kind === "unreached" ? "  (never reached)" : "";
  return [`${indent}${shown(text)}${price}${unreached}`, ...(children ? treeLines(children, `${indent}  `) : [])];
};
