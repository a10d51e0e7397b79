/**
 * What every page needs of a request: what was typed, links that carry it on, and the answer as a page or as JSON.
 *
 * JSON is for paths that end in `.json`, and for who accepts it and no HTML.
 */
import type { Context } from "hono";
import type { Requirement } from "#dns/need.ts";
import { type FieldError, type Read, readAnswers, readRequirement } from "./answers.ts";
import { formPage } from "./form-page.ts";
import type { Html, Links } from "./layout.ts";
import { type Defaults, formatTyped, readTyped, type Typed } from "./typed.ts";

export type Asked = { typed: Typed; links: Links };
export type PageStatus = 200 | 400 | 409 | 413 | 422 | 502;

export type PageContext = {
  asked: (c: Context) => Asked;
  /** The form again, with a word at each field that is wrong. */
  refuse: (c: Context, errors: readonly FieldError[]) => Promise<Response>;
};

export type Place = { defaults: Defaults; basePath: string; hasAccounts: boolean };

export const pageContext = ({ defaults, basePath, hasAccounts }: Place): PageContext => {
  const asked = (c: Context): Asked => {
    const typed = readTyped(new URL(c.req.url).searchParams, defaults);
    return { typed, links: { at: basePath, query: formatTyped(typed), hasAccounts } };
  };
  return {
    asked,
    refuse: (c, errors) => {
      const { typed, links } = asked(c);
      return answer(c, { errors }, () => formPage(typed, errors, links), 400);
    },
  };
};

export const requirementIn = (typed: Typed): Read<Requirement> => {
  const read = readAnswers(typed);
  return read.kind === "refused" ? read : readRequirement(read.value);
};

export const answer = async (
  c: Context,
  json: object,
  page: () => Html,
  status: PageStatus = 200,
): Promise<Response> => {
  const accept = c.req.header("accept") ?? "";
  const wantsJson = c.req.path.endsWith(".json") || (/application\/json/i.test(accept) && !/text\/html/i.test(accept));
  return wantsJson ? c.json(json, status) : c.html(String(await page()), status);
};
