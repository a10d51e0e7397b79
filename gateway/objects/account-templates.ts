/**
 * The templates of an account: a draft that is edited, and what was published last, which sends use.
 *
 * Published content is a `part` row like any email's: it is never rewritten and never goes with the template, because
 * emails name it. Publishing again writes another.
 */
import { z } from "zod";
import { idFormatter, kToMs, parseId } from "#contract/ids.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import type { EmailContent } from "#contract/relay-protocol.ts";
import {
  TemplateVariable,
  type CreateTemplate,
  type TemplateDetail,
  type TemplateSummary,
  type UpdateTemplate,
} from "#contract/template.ts";
import { checkTemplate } from "../core/template-check.ts";

const Draft = z.object({
  name: z.string(),
  subject: z.string().nullable(),
  html: z.string(),
  text: z.string().nullable(),
  from: z.string().nullable(),
  reply_to: z.array(z.string()).nullable(),
  variables: z.array(z.object({ declared: TemplateVariable, created_at: z.string(), updated_at: z.string() })),
});
type Draft = z.infer<typeof Draft>;

type Row = {
  k: number;
  alias: string | null;
  draft: string;
  published: string | null;
  part: number | null;
  size: number | null;
  published_ms: number | null;
  updated_ms: number;
};

/** `name` as JSON text: a list reads no content. */
type SummaryRow = Pick<Row, "k" | "alias" | "published_ms" | "updated_ms"> & { name: string };

const SUMMARY = "SELECT k, alias, draft -> 'name' AS name, published_ms, updated_ms FROM template";

/** What a send takes of a template. */
export type PublishedTemplate = {
  id: string;
  part: number;
  size: number;
  subject: string | undefined;
  from: string | undefined;
  reply_to: string[] | undefined;
  variables: TemplateVariable[];
  html: string;
  text: string | undefined;
};

type Reference = { object: "template"; id: string };

const TEMPLATE_LIMIT = 1000;
/** UTF-16 units of the content as JSON text: it becomes one row. */
const CONTENT_LENGTH = 500_000;
/** A draft as JSON text in UTF-8. Its row holds it twice once it is published, and a row has at most 2 MB. */
const DRAFT_BYTES = 900_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class AccountTemplates {
  readonly #sql: SqlStorage;
  readonly #account: string;
  readonly #takeK: (count: number, nowMs: number) => number;

  constructor(sql: SqlStorage, account: string, takeK: (count: number, nowMs: number) => number) {
    this.#sql = sql;
    this.#account = account;
    this.#takeK = takeK;
  }

  create(request: CreateTemplate, nowMs: number): Reference | Problem {
    if (this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM template").one().n >= TEMPLATE_LIMIT)
      return problem("validation_error", `An account has at most ${TEMPLATE_LIMIT} templates.`);
    const empty: Draft = { name: "", subject: null, html: "", text: null, from: null, reply_to: null, variables: [] };
    const draft = changed(empty, request, new Date(nowMs).toISOString());
    const alias = request.alias ?? null;
    const refused = this.#check(draft) ?? this.#checkAlias(alias, undefined);
    if (refused) return refused;
    const k = this.#takeK(1, nowMs);
    this.#sql.exec(
      "INSERT INTO template (k, alias, draft, updated_ms) VALUES (?, ?, ?, ?)",
      k,
      alias,
      JSON.stringify(draft),
      nowMs,
    );
    return this.#reference(k);
  }

  list(query: PageQuery): Page<TemplateSummary> | Problem {
    const cursor = query.after ?? query.before;
    const k = cursor === undefined ? undefined : parseId(this.#account, cursor);
    if (cursor !== undefined && k === undefined) return noTemplate();
    const backwards = query.before !== undefined;
    const range = backwards ? "WHERE k > ? ORDER BY k LIMIT ?" : "WHERE k < ? ORDER BY k DESC LIMIT ?";
    const rows = this.#sql
      .exec<SummaryRow>(`${SUMMARY} ${range}`, k ?? Number.MAX_SAFE_INTEGER, query.limit + 1)
      .toArray();
    const data = rows.slice(0, query.limit).map((row) => this.#summary(row, z.string().parse(JSON.parse(row.name))));
    return { object: "list", has_more: rows.length > query.limit, data: backwards ? data.toReversed() : data };
  }

  get(idOrAlias: string): TemplateDetail | Problem {
    const row = this.#find(idOrAlias);
    if (!row) return noTemplate();
    const { name, subject, html, text, from, reply_to, variables } = readDraft(row.draft);
    return {
      object: "template",
      ...this.#summary(row, name),
      subject,
      html,
      text,
      from,
      reply_to,
      variables: variables.map(({ declared, created_at, updated_at }) => ({
        key: declared.key,
        type: declared.type,
        fallback_value: declared.fallback_value ?? null,
        created_at,
        updated_at,
      })),
      has_unpublished_versions: row.published !== row.draft,
      current_version_id: idFormatter(this.#account)(row.part ?? row.k),
    };
  }

  /** Fields that are not named stay; null clears. */
  update(idOrAlias: string, request: UpdateTemplate, nowMs: number): Reference | Problem {
    const row = this.#find(idOrAlias);
    if (!row) return noTemplate();
    const draft = changed(readDraft(row.draft), request, new Date(nowMs).toISOString());
    const alias = request.alias === undefined ? row.alias : request.alias;
    const refused = this.#check(draft) ?? this.#checkAlias(alias, row.k);
    if (refused) return refused;
    this.#sql.exec(
      "UPDATE template SET alias = ?, draft = ?, updated_ms = ? WHERE k = ?",
      alias,
      JSON.stringify(draft),
      nowMs,
      row.k,
    );
    return this.#reference(row.k);
  }

  publish(idOrAlias: string, nowMs: number): Reference | Problem {
    const row = this.#find(idOrAlias);
    if (!row) return noTemplate();
    if (row.published === row.draft) return this.#reference(row.k);
    const content = JSON.stringify(contentOf(readDraft(row.draft)));
    const part = this.#takeK(1, nowMs);
    this.#sql.exec("INSERT INTO part (k, body) VALUES (?, ?)", part, content);
    this.#sql.exec(
      "UPDATE template SET published = draft, part = ?, size = ?, published_ms = ? WHERE k = ?",
      part,
      content.length,
      nowMs,
      row.k,
    );
    return this.#reference(row.k);
  }

  duplicate(idOrAlias: string, nowMs: number): Reference | Problem {
    const row = this.#find(idOrAlias);
    if (!row) return noTemplate();
    const draft = readDraft(row.draft);
    const { name, subject, html, text, from, reply_to } = draft;
    const variables = draft.variables.map(({ declared }) => declared);
    return this.create(
      { name: `${name.slice(0, 90)} (copy)`.toWellFormed(), subject, html, text, from, reply_to, variables },
      nowMs,
    );
  }

  remove(idOrAlias: string): { object: "template"; id: string; deleted: true } | Problem {
    const row = this.#find(idOrAlias);
    if (!row) return noTemplate();
    this.#sql.exec("DELETE FROM template WHERE k = ?", row.k);
    return { ...this.#reference(row.k), deleted: true };
  }

  forSend(idOrAlias: string): PublishedTemplate | Problem {
    const row = this.#find(idOrAlias);
    if (!row) return noTemplate();
    if (row.published === null || row.part === null || row.size === null)
      return problem("validation_error", "The template is a draft: publish it before you send with it.");
    const { subject, html, text, from, reply_to, variables } = readDraft(row.published);
    return {
      id: this.#reference(row.k).id,
      part: row.part,
      size: row.size,
      subject: subject ?? undefined,
      from: from ?? undefined,
      reply_to: reply_to ?? undefined,
      variables: variables.map(({ declared }) => declared),
      html,
      text: text ?? undefined,
    };
  }

  #find(idOrAlias: string): Row | undefined {
    const k = parseId(this.#account, idOrAlias);
    const rows =
      k === undefined
        ? this.#sql.exec<Row>("SELECT * FROM template WHERE alias = ?", idOrAlias)
        : this.#sql.exec<Row>("SELECT * FROM template WHERE k = ?", k);
    return rows.toArray()[0];
  }

  #check(draft: Draft): Problem | undefined {
    const variables = draft.variables.map(({ declared }) => declared);
    const refused = checkTemplate({ ...draft, variables });
    if (refused) return refused;
    if (JSON.stringify(contentOf(draft)).length > CONTENT_LENGTH)
      return problem(
        "validation_error",
        `\`html\` and \`text\` are longer than ${CONTENT_LENGTH} characters, as JSON.`,
      );
    return new TextEncoder().encode(JSON.stringify(draft)).length > DRAFT_BYTES
      ? problem("validation_error", `The template is larger than ${DRAFT_BYTES} bytes, as JSON.`)
      : undefined;
  }

  /** Written like an id, an alias would be taken for one. */
  #checkAlias(alias: string | null, own: number | undefined): Problem | undefined {
    if (alias === null) return undefined;
    if (UUID.test(alias)) return problem("validation_error", "Invalid `alias` field: it reads as an id.");
    const taken = this.#sql.exec<{ k: number }>("SELECT k FROM template WHERE alias = ?", alias).toArray()[0];
    return taken && taken.k !== own ? problem("conflict", `The alias \`${alias}\` is another template's.`) : undefined;
  }

  #reference(k: number): Reference {
    return { object: "template", id: idFormatter(this.#account)(k) };
  }

  #summary(row: Omit<SummaryRow, "name">, name: string): TemplateSummary {
    return {
      id: idFormatter(this.#account)(row.k),
      name,
      status: row.published_ms === null ? "draft" : "published",
      alias: row.alias,
      published_at: row.published_ms === null ? null : new Date(row.published_ms).toISOString(),
      created_at: new Date(kToMs(row.k)).toISOString(),
      updated_at: new Date(row.updated_ms).toISOString(),
    };
  }
}

const readDraft = (json: string): Draft => Draft.parse(JSON.parse(json));

const contentOf = ({ html, text }: Draft): EmailContent => ({ ...(text !== null && { text }), html });

const changed = (draft: Draft, change: UpdateTemplate, now: string): Draft => {
  const { variables, reply_to, name, html, subject, text, from } = change;
  return {
    name: name ?? draft.name,
    html: html ?? draft.html,
    subject: subject === undefined ? draft.subject : subject,
    text: text === undefined ? draft.text : text,
    from: from === undefined ? draft.from : from,
    reply_to: reply_to === undefined ? draft.reply_to : reply_to === null ? null : [reply_to].flat(),
    variables:
      variables === undefined ? draft.variables : (variables ?? []).map((declared) => dated(declared, draft, now)),
  };
};

/** A variable that was there keeps the time it came; declared as it was, nothing of it has changed. */
const dated = (declared: TemplateVariable, { variables }: Draft, now: string): Draft["variables"][number] => {
  const before = variables.find((variable) => variable.declared.key === declared.key);
  const same = before?.declared.type === declared.type && before.declared.fallback_value === declared.fallback_value;
  return same ? before : { declared, created_at: before?.created_at ?? now, updated_at: now };
};

const noTemplate = (): Problem => problem("not_found", "There is no template with this id or alias.");
