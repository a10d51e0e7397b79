/**
 * `/account`: the form for an API key, and what the account behind it has; where the wizard is part of a service.
 */
import type { Hono } from "hono";
import { accountForm, accountPage, queryOf, type ReadAccount } from "./account-page.ts";
import { answer, type PageContext } from "./page-context.ts";
import { readPostedForm } from "./posted-form.ts";
import type { Defaults } from "./typed.ts";

export const accountRoutes = (app: Hono, page: PageContext, read: ReadAccount, defaults: Defaults): void => {
  app.get("/account", (c) => c.html(accountForm(page.asked(c).links)));
  app.post("/account", async (c) => {
    const { links } = page.asked(c);
    const form = await readPostedForm(c.req.raw);
    if (form.kind === "refused") return c.text(form.text, form.status);
    const key = (form.fields.get("key") ?? "").trim();
    // Else it could not go into a header.
    const account = /^[\x21-\x7e]+$/.test(key) ? await read(key) : NO_KEY;
    if (account.kind === "refused")
      return answer(c, { error: account.text }, () => accountForm(links, account.text), 422);
    const { domains, hasMore } = account;
    const json = domains.map((domain) => ({
      name: domain.name,
      status: domain.status,
      query: queryOf(domain, defaults),
    }));
    return answer(c, { domains: json, has_more: hasMore }, () => accountPage(domains, hasMore, defaults, links));
  });
};

const NO_KEY = { kind: "refused", text: "This is no API key." } as const;
