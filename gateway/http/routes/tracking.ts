/**
 * `/c/:token?u=<target>` and `/o/:token`: the links and the picture of a mail whose sender wants to know of clicks and opens.
 *
 * The reader comes first: whatever becomes of the telling, they arrive. Where to is proved to be from the mail itself, so
 * nobody can make a link of ours that leads elsewhere. One call to an object a visit, none for visitors of whom there are
 * too many.
 */
import type { Hono } from "hono";
import { clickSignedText, type LinkToken, openSignedText } from "#contract/link-token.ts";
import { proveLink } from "../../core/link-proof.ts";
import { machineOf } from "../../core/visit-machine.ts";
import { logEvent } from "../../objects/log.ts";
import { accountStub } from "../ask.ts";
import { clientIp } from "../client-ip.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { countVisitors } from "../limit-visitors.ts";
import { noSuchLink } from "../link-pages.ts";
import { withHeader } from "../request-id.ts";

/** Told of one address; whole companies are behind one. */
const VISITS_PER_MINUTE = 1200;
const USER_AGENT_LENGTH = 300;

/** One transparent point, GIF89a. */
const GIF = Uint8Array.from(atob("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"), (char) =>
  char.charCodeAt(0),
);

const HEADERS = { "cache-control": "no-store", "referrer-policy": "no-referrer", "x-robots-tag": "noindex, nofollow" };

export const trackingRoutes = (app: Hono<GatewayEnv>): void => {
  const count = countVisitors(VISITS_PER_MINUTE);
  const tell = (c: GatewayContext, token: LinkToken, kind: "opened" | "clicked", link?: string): void => {
    if (count(c) === undefined) c.executionCtx.waitUntil(tellAccount(c, token, kind, link));
  };
  app.use("/c/:token", withHeader());
  app.get("/c/:token", async (c) => {
    const target = c.req.query("u") ?? "";
    const token = await proveLink(c.env.HIKYAKU_MASTER_KEY, c.req.param("token"), (of) => clickSignedText(of, target));
    if (!token || !/^https?:\/\//.test(target)) return noSuchLink(c);
    tell(c, token, "clicked", target);
    return c.body(null, 302, { ...HEADERS, location: target });
  });
  app.use("/o/:token", withHeader());
  app.get("/o/:token", async (c) => {
    const token = await proveLink(c.env.HIKYAKU_MASTER_KEY, c.req.param("token"), openSignedText);
    if (!token) return noSuchLink(c);
    tell(c, token, "opened");
    return c.body(GIF, 200, { ...HEADERS, "content-type": "image/gif" });
  });
};

const tellAccount = async (
  c: GatewayContext,
  { account, k }: LinkToken,
  kind: "opened" | "clicked",
  link: string | undefined,
): Promise<void> => {
  const userAgent = (c.req.header("user-agent") ?? "").slice(0, USER_AGENT_LENGTH);
  const purposes = ["sec-purpose", "purpose", "x-moz"].flatMap((name) => c.req.header(name) ?? []);
  const bot = machineOf({ kind, method: c.req.method, userAgent, purposes });
  const ip = clientIp(c);
  const visit = {
    user_agent: userAgent,
    ...(ip !== undefined && { ip }),
    ...(link !== undefined && { link }),
    ...(bot !== undefined && { bot }),
  };
  try {
    await accountStub(c.env, account).readerDoes(k, { kind, visit });
  } catch (error) {
    logEvent("warn", "visit.not-told", { account, kind, error: String(error) });
  }
};
