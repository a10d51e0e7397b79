/**
 * One recipient of a bulk: from its line to the email it becomes, checked as any send is.
 *
 * The shared email is taken apart once; a line costs a parse, a look at what its variables would make (`merge-plan.ts`)
 * and a merged subject.
 */
import { parseMailbox } from "#contract/address.ts";
import { BULK_LINE_LENGTH, BulkLine } from "#contract/bulk.ts";
import type { Variables } from "#contract/merge.ts";
import { isProblem } from "#contract/problem.ts";
import type { EmailMeta } from "#contract/relay-protocol.ts";
import type { TemplateVariable } from "#contract/template.ts";
import { parseJson } from "./json-text.ts";
import { MergePlan } from "./merge-plan.ts";
import { shapeProblem } from "./shape-problem.ts";
import { resolveVariables } from "./template-check.ts";

export type SharedEmail = {
  /** Without recipients; the subject with its placeholders. */
  meta: EmailMeta;
  text: string | undefined;
  html: string | undefined;
  headers: Record<string, string>;
  /** A template's variables: their types and fallbacks. */
  declared: TemplateVariable[] | undefined;
};

export type LineResult = { kind: "row"; rcpt: string; meta: string } | { kind: "refused"; message: string };

const refused = (message: string): LineResult => ({ kind: "refused", message });

export class LineChecker {
  readonly #plan: MergePlan;
  readonly #declared: TemplateVariable[] | undefined;
  /** The meta's JSON before its recipient, and what follows its variables. */
  readonly #head: string;
  readonly #tail: string;

  constructor({ meta, text, html, headers, declared }: SharedEmail) {
    this.#plan = new MergePlan({ subject: meta.subject, text, html, headers });
    this.#declared = declared;
    const { from, subject: _, to: __, ...rest } = meta;
    this.#head = `{"from":${JSON.stringify(from)},"to":[`;
    const more = JSON.stringify(rest);
    this.#tail = more === "{}" ? "}" : `,${more.slice(1)}`;
  }

  check(line: string): LineResult {
    if (line.length > BULK_LINE_LENGTH) return refused(`The line is longer than ${BULK_LINE_LENGTH} characters.`);
    const parsed = parseLine(line);
    if (parsed.kind === "refused") return parsed;
    const mailbox = parseMailbox(parsed.to);
    if (mailbox.kind === "invalid") return refused(`Invalid \`to\` field: ${mailbox.reason}.`);
    const variables = this.#resolve(parsed.variables);
    if ("kind" in variables) return refused(variables.message);
    const refusal = this.#plan.refusal(variables.all);
    if (refusal !== undefined) return refused(refusal);
    const subject = this.#plan.subject(variables.all);
    const to = JSON.stringify(parsed.to);
    const meta = `${this.#head}${to}],"subject":${JSON.stringify(subject)},"variables":${JSON.stringify(variables.all)}${this.#tail}`;
    return { kind: "row", rcpt: mailbox.mailbox.address, meta };
  }

  #resolve(given: Variables): { all: Variables } | { kind: "refused"; message: string } {
    if (!this.#declared) return { all: given };
    const resolved = resolveVariables(this.#declared, given);
    return isProblem(resolved) ? { kind: "refused", message: resolved.message } : { all: resolved.variables };
  }
}

const parseLine = (
  line: string,
): { kind: "line"; to: string; variables: Variables } | { kind: "refused"; message: string } => {
  const json = parseJson(line);
  if (json.kind === "malformed") return { kind: "refused", message: `The line ${json.reason}.` };
  const parsed = BulkLine.safeParse(json.value);
  if (!parsed.success) return { kind: "refused", message: shapeProblem(parsed.error, json.value).message };
  return { kind: "line", to: parsed.data.to, variables: parsed.data.variables ?? {} };
};
