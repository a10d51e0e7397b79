/**
 * The wizard: pages that say what stands in a domain's mail DNS, what to publish, and why; each with its JSON twin.
 *
 * Every answer is made from the request's query and the DNS, in one bounded run; nothing is stored and nothing published.
 * Runs wherever Hono does. Who may ask, and how often, is for whoever mounts it.
 */
import { type Context, Hono } from "hono";
import { planAsJson } from "#dns/export/json.ts";
import type { Requirement } from "#dns/need.ts";
import type { Resolve } from "#dns/resolver.ts";
import { type FieldError, type Read, readAnswers, readRequirement } from "./answers.ts";
import { SCRIPT, STYLE } from "./assets.ts";
import { checkPage } from "./check-page.ts";
import { explainPage } from "./explain-page.ts";
import { EXPORTS } from "./export-files.ts";
import { formPage } from "./form-page.ts";
import type { Html, Links } from "./layout.ts";
import { lookUpExplanation, lookUpPlan, lookUpReport } from "./look-up.ts";
import { planPage } from "./plan-page.ts";
import { type Defaults, formatTyped, readTyped, type Typed } from "./typed.ts";

export type WizardOptions = {
  resolve: Resolve;
  /** What a field has that is not in the query. */
  defaults?: Defaults;
  /** Where it is mounted: `/setup`. The app answers whole paths, so requests are passed on as they are. */
  basePath?: string;
};

const HEADERS = {
  // `data:` is for the icon that there is not: without it browsers ask for /favicon.ico.
  "content-security-policy":
    "default-src 'self'; img-src data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
} as const;

export const wizardApp = ({ resolve, defaults = {}, basePath = "" }: WizardOptions): Hono => {
  const app = new Hono({ strict: false }).basePath(basePath);
  const asked = (c: Context): { typed: Typed; links: Links } => {
    const typed = readTyped(new URL(c.req.url).searchParams, defaults);
    return { typed, links: { at: basePath, query: formatTyped(typed) } };
  };
  const refuse = (c: Context, errors: readonly FieldError[]): Promise<Response> => {
    const { typed, links } = asked(c);
    return answer(c, { errors }, () => formPage(typed, errors, links), 400);
  };

  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
    c.header("vary", "Accept");
  });
  const form = (c: Context): Promise<Response> => {
    const { typed, links } = asked(c);
    return answer(c, { fields: typed }, () => formPage(typed, [], links));
  };
  app.get("/", form);
  app.get("/index.json", form);
  const onBoth = (page: string, handler: (c: Context) => Promise<Response>): void => {
    app.get(`/${page}`, handler);
    app.get(`/${page}.json`, handler);
  };
  onBoth("check", async (c) => {
    const { typed, links } = asked(c);
    const read = readAnswers(typed);
    if (read.kind === "refused") return refuse(c, read.errors);
    const report = await lookUpReport(read.value.sending, resolve);
    return answer(c, report, () => checkPage(report, links));
  });
  onBoth("plan", async (c) => {
    const { typed, links } = asked(c);
    const read = requirementIn(typed);
    if (read.kind === "refused") return refuse(c, read.errors);
    const { domain } = read.value;
    const { changes, ...cut } = await lookUpPlan(read.value, resolve);
    return answer(c, { domain, changes: planAsJson(changes), ...cut }, () =>
      planPage({ domain, changes, ...cut }, typed, links),
    );
  });
  onBoth("explain", async (c) => {
    const { typed, links } = asked(c);
    const read = readAnswers(typed);
    if (read.kind === "refused") return refuse(c, read.errors);
    const explanation = await lookUpExplanation(read.value.sending.domain, resolve);
    return answer(c, explanation, () => explainPage(explanation, links));
  });
  for (const { form, suffix, format } of EXPORTS)
    app.get(`/export/${form}`, async (c) => {
      const read = requirementIn(asked(c).typed);
      if (read.kind === "refused") return refuse(c, read.errors);
      const { domain } = read.value;
      const { changes } = await lookUpPlan(read.value, resolve);
      return c.body(format(changes, domain), 200, {
        "content-type": form === "json" ? "application/json" : "text/plain; charset=utf-8",
        "content-disposition": `attachment; filename="${domain}${suffix}"`,
      });
    });
  const asset = (path: string, type: string, text: string): void => {
    const headers = { "content-type": type, "cache-control": "public, max-age=300" };
    app.get(path, (c) => c.body(text, 200, headers));
  };
  asset("/wizard.css", "text/css; charset=utf-8", STYLE);
  asset("/wizard.js", "text/javascript; charset=utf-8", SCRIPT);
  return app;
};

const requirementIn = (typed: Typed): Read<Requirement> => {
  const read = readAnswers(typed);
  return read.kind === "refused" ? read : readRequirement(read.value);
};

const answer = async (c: Context, json: object, page: () => Html, status: 200 | 400 = 200): Promise<Response> => {
  const accept = c.req.header("accept") ?? "";
  const wantsJson = c.req.path.endsWith(".json") || (/application\/json/i.test(accept) && !/text\/html/i.test(accept));
  return wantsJson ? c.json(json, status) : c.html(String(await page()), status);
};
