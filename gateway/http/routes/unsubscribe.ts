/**
 * `/u/:token`: unsubscribing by the link in a mail, by a person or by their mailbox provider (RFC 8058).
 *
 * GET only asks, for scanners follow every link. POST of `List-Unsubscribe=One-Click` does it: no log-in, no redirect, and
 * as often as one likes (RFC 8058 §3.1, §3.2). Whose link is not ours is told so, and no object is asked.
 */
import type { Hono } from "hono";
import { type LinkToken, unsubscribeSignedText } from "#contract/link-token.ts";
import { ONE_CLICK } from "#contract/list-unsubscribe.ts";
import { proveLink } from "../../core/link-proof.ts";
import type { ReaderDeed } from "../../objects/account-links.ts";
import { accountStub } from "../ask.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { limitVisitors } from "../limit-visitors.ts";
import { askPage, backPage, gonePage, noSuchForm, noSuchLink, notKept, SUBSCRIBE_AGAIN } from "../link-pages.ts";
import { readForm } from "../read-form.ts";
import { withHeader } from "../request-id.ts";

const PATH = "/u/:token";
/** Mailbox providers unsubscribe all their readers from a few addresses. */
const REQUESTS_PER_MINUTE = 6000;

export const unsubscribeRoutes = (app: Hono<GatewayEnv>): void => {
  app.use(PATH, limitVisitors(REQUESTS_PER_MINUTE), withHeader());
  app.get(PATH, async (c) => {
    const token = await tokenOf(c);
    const subscription = token && (await ask(c, token, "looked"));
    if (!subscription) return noSuchLink(c);
    return subscription.isSubscribed ? askPage(c, subscription) : gonePage(c, subscription);
  });
  app.post(PATH, async (c) => {
    const token = await tokenOf(c);
    if (!token) return noSuchLink(c);
    const deed = deedOf(await readForm(c.req.raw));
    if (!deed) return noSuchForm(c);
    const subscription = await ask(c, token, deed);
    if (!subscription) return noSuchLink(c);
    if (!subscription.isSubscribed) return gonePage(c, subscription);
    // A list of suppressions that is full takes nobody in.
    return deed === "returned" ? backPage(c, subscription) : notKept(c);
  });
};

/** Behind the token may stand what a customer wrote behind the place for the link: `{{unsubscribe_url}}&lang=de`. */
const tokenOf = (c: GatewayContext): Promise<LinkToken | undefined> => {
  const [token = ""] = (c.req.param("token") ?? "").split("&", 1);
  return proveLink(c.env.HIKYAKU_MASTER_KEY, token, unsubscribeSignedText);
};

type Deed = Exclude<ReaderDeed["kind"], "opened" | "clicked">;

const ask = (c: GatewayContext, { account, k }: LinkToken, deed: Deed) =>
  accountStub(c.env, account).readerDoes(k, { kind: deed });

const deedOf = (form: ReadonlyMap<string, string> | undefined): Deed | undefined => {
  if (form?.get(ONE_CLICK.name) === ONE_CLICK.value) return "unsubscribed";
  return form?.get(SUBSCRIBE_AGAIN.name) === SUBSCRIBE_AGAIN.value ? "returned" : undefined;
};
