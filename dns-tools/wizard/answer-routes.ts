/**
 * What the form sends: it comes by POST, and is answered with the address of the page that was asked for, which has it in
 * its query, so that the answer can be kept as a link.
 *
 * A key gets into that address only once it is read as a public one. What is something else is told at its field and
 * goes nowhere: it may be a private key.
 */
import type { Hono } from "hono";
import { formatDkimRecord } from "#dns/dkim-record.ts";
import { type FieldError, readAnswers } from "./answers.ts";
import { readPastedKey } from "./dkim-paste.ts";
import { formPage } from "./form-page.ts";
import { answer, type PageContext } from "./page-context.ts";
import { readPostedForm } from "./posted-form.ts";
import { type Defaults, formatTyped, readTyped, type TypedKey } from "./typed.ts";

/** Of a form with all its keys. */
const MOST_OCTETS = 32_768;

export const answerRoutes = (app: Hono, page: PageContext, defaults: Defaults): void => {
  for (const path of ["/check", "/plan"])
    app.post(path, async (c) => {
      const { links } = page.asked(c);
      const form = await readPostedForm(c.req.raw, MOST_OCTETS);
      if (form.kind === "refused") return c.text(form.text, form.status);
      const typed = readTyped(form.fields, defaults);
      const read = readAnswers(typed);
      const errors = read.kind === "refused" ? read.errors : [];
      if (errors.some(isOfKey)) return answer(c, { errors }, () => formPage(typed, errors, links), 400);
      const query = formatTyped({ ...typed, keys: typed.keys.map(asRecord) });
      return c.redirect(`${links.at}${path}?${query}`, 303);
    });
};

const isOfKey = ({ field }: FieldError): boolean => field.startsWith("key-");

const asRecord = ({ selector, key }: TypedKey): TypedKey => {
  const pasted = readPastedKey(key);
  return { selector, key: pasted.kind === "key" ? formatDkimRecord(pasted.key) : "" };
};
