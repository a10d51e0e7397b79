/**
 * The wizard: pages that say what stands in a domain's mail DNS, what to publish, who has it already, and why; each with
 * its JSON twin; and publishing, where the owner wants it done from here.
 *
 * Every answer is made from the request and the DNS, in bounded runs; nothing is stored. Runs wherever Hono does. Who
 * may ask, and how often, is for whoever mounts it.
 */
import { type Context, Hono } from "hono";
import type { LinkSigner } from "#dns/domain-connect.ts";
import { recordTextIn } from "#dns/explain.ts";
import type { Resolve } from "#dns/resolver.ts";
import type { ReadAccount } from "./account-page.ts";
import { accountRoutes } from "./account-routes.ts";
import { answerRoutes } from "./answer-routes.ts";
import { readAnswers } from "./answers.ts";
import { SCRIPT, STYLE } from "./assets.ts";
import { checkPage } from "./check-page.ts";
import { domainConnectRoutes } from "./domain-connect-routes.ts";
import { explainPage } from "./explain-page.ts";
import { EXPORTS } from "./export-files.ts";
import { formPage } from "./form-page.ts";
import { type Fetching, lookUpExplanation, lookUpPlan, lookUpRecord, lookUpReport } from "./look-up.ts";
import { answer, pageContext, requirementIn } from "./page-context.ts";
import { describePlan, planPage } from "./plan-page.ts";
import { propagationPage } from "./propagation-page.ts";
import { authoritativeViews, lookUpPropagation, type View } from "./propagation.ts";
import { isForeign } from "./posted-form.ts";
import { publishRoutes, type Update } from "./publish-routes.ts";
import { reportsRoutes } from "./reports-routes.ts";
import { recordPage } from "./record-page.ts";
import type { Defaults } from "./typed.ts";

export type WizardOptions = {
  resolve: Resolve;
  /** What a field has that is not in the query. */
  defaults?: Defaults;
  /** Where it is mounted: `/setup`. The app answers whole paths, so requests are passed on as they are. */
  basePath?: string;
  /** Whose answers `/propagation` compares; absent: those of `resolve` alone. */
  views?: readonly View[];
  /** The port to a server of a zone, by its address; absent, or none: from here it cannot be, or is not to be asked. */
  toServer?: (address: string) => Resolve | undefined;
  /** DNS UPDATE; absent: it is not offered. It connects to whatever was typed: for a trusted visitor only. */
  update?: Update;
  /** The account of an API key; absent: the wizard stands alone. */
  readAccount?: ReadAccount;
  /** Signs Domain Connect links; absent: they are not signed. */
  signer?: LinkSigner;
  /** To Cloudflare, to Domain Connect hosts and to those of MTA-STS policies; `cloudflareUrl` is another than Cloudflare's in tests only. */
  fetch?: typeof fetch;
  cloudflareUrl?: string;
  /** Absent: `fetch` reaches the public Internet only. */
  isPublicHost?: NonNullable<Fetching["isPublicHost"]>;
};

/** Of a text to explain; SPF records of more characters are of no use (RFC 7208 §3.4). */
const LONGEST_RECORD = 4_000;

const HEADERS = {
  // `data:` is for the icon that there is not: without it browsers ask for /favicon.ico.
  "content-security-policy":
    "default-src 'self'; img-src data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  // With `no-referrer` browsers hide from us, too, where a form was sent from.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
} as const;

export const wizardApp = (options: WizardOptions): Hono => {
  const { resolve, defaults = {}, basePath = "", update, readAccount, fetch: get = fetch } = options;
  const app = new Hono({ strict: false }).basePath(basePath);
  const page = pageContext({ defaults, basePath, hasAccounts: readAccount !== undefined });
  const { asked, refuse } = page;
  const fetching: Fetching = { fetch: get, ...(options.isPublicHost && { isPublicHost: options.isPublicHost }) };

  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
    c.header("vary", "Accept");
  });
  const onBoth = (path: string, twin: string, handler: (c: Context) => Promise<Response>): void => {
    app.get(path, handler);
    app.get(twin, handler);
  };
  onBoth("/", "/index.json", async (c) => {
    const { typed, links } = asked(c);
    return answer(c, { fields: typed }, () => formPage(typed, [], links));
  });
  onBoth("/check", "/check.json", async (c) => {
    const { typed, links } = asked(c);
    const read = readAnswers(typed);
    if (read.kind === "refused") return refuse(c, read.errors);
    const report = await lookUpReport(read.value.sending, resolve, fetching);
    return answer(c, report, () => checkPage(report, links));
  });
  onBoth("/plan", "/plan.json", async (c) => {
    const { typed, links } = asked(c);
    const read = requirementIn(typed);
    if (read.kind === "refused") return refuse(c, read.errors);
    const plan = await lookUpPlan(read.value, resolve);
    const view = await describePlan(read.value.domain, plan, typed, update !== undefined);
    return answer(c, view.json, () => planPage(view, typed, links));
  });
  onBoth("/propagation", "/propagation.json", async (c) => {
    const { typed, links } = asked(c);
    const read = requirementIn(typed);
    if (read.kind === "refused") return refuse(c, read.errors);
    const { views = [{ name: "the resolver", resolve }], toServer } = options;
    // Another site may not make us call on whomever a zone names: its servers are asked from the page itself, soon after.
    const isAsking = toServer !== undefined && !isForeign(c.req.raw);
    const authoritative = isAsking ? await authoritativeViews(read.value.domain, resolve, toServer) : [];
    const propagation = await lookUpPropagation(read.value, [...authoritative, ...views], Date.now());
    return answer(c, propagation, () => propagationPage(propagation, links));
  });
  onBoth("/explain", "/explain.json", async (c) => {
    const { typed, links } = asked(c);
    const text = c.req.query("record")?.slice(0, LONGEST_RECORD) ?? typed.domain;
    const record = recordTextIn(text);
    if (record || c.req.query("record") !== undefined) {
      const explained = record && (await lookUpRecord(record, resolve));
      const view = { text, ...(explained && { explained }) };
      return answer(c, view, () => recordPage(view, links), explained ? 200 : 400);
    }
    const read = readAnswers(typed);
    if (read.kind === "refused") return refuse(c, read.errors);
    const explanation = await lookUpExplanation(read.value.sending, resolve);
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
  answerRoutes(app, page, defaults);
  publishRoutes(app, page, {
    ...{ resolve, fetch: get },
    ...(update && { update }),
    ...(options.cloudflareUrl !== undefined && { cloudflareUrl: options.cloudflareUrl }),
  });
  domainConnectRoutes(app, page, { resolve, fetching, ...(options.signer && { signer: options.signer }) });
  reportsRoutes(app, page);
  if (readAccount) accountRoutes(app, page, readAccount, defaults);
  const asset = (path: string, type: string, text: string): void => {
    const headers = { "content-type": type, "cache-control": "public, max-age=300" };
    app.get(path, (c) => c.body(text, 200, headers));
  };
  asset("/wizard.css", "text/css; charset=utf-8", STYLE);
  asset("/wizard.js", "text/javascript; charset=utf-8", SCRIPT);
  return app;
};
