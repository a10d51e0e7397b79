/**
 * `https://mta-sts.<domain>/.well-known/mta-sts.txt`: the policies of customers' domains (RFC 8461 §3.3), by the host that
 * the request came to.
 *
 * The directory is asked once a minute for a domain, also for one without a policy, so that strangers who make up names
 * cost little. The certificate of that host is for whoever stands in front of the gateway to have.
 */
import type { Hono } from "hono";
import { parseDomain } from "#dns/domain.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { limitVisitors } from "../limit-visitors.ts";
import { withHeader } from "../request-id.ts";

const PATH = "/.well-known/mta-sts.txt";
const POLICY_HOST = "mta-sts.";
const REQUESTS_PER_MINUTE = 600;
const REMEMBERED_MS = 60_000;
const REMEMBERED = 10_000;

export const mtaStsRoutes = (app: Hono<GatewayEnv>): void => {
  const known = new Map<string, { text: string | undefined; untilMs: number }>();
  const policyOf = async (c: GatewayContext, domain: string): Promise<string | undefined> => {
    const nowMs = Date.now();
    const remembered = known.get(domain);
    if (remembered && remembered.untilMs > nowMs) return remembered.text;
    const text = await c.env.DIRECTORY.getByName("directory").policy(domain);
    if (known.size >= REMEMBERED) known.clear();
    known.set(domain, { text, untilMs: nowMs + REMEMBERED_MS });
    return text;
  };
  app.use(PATH, limitVisitors(REQUESTS_PER_MINUTE), withHeader());
  app.get(PATH, async (c) => {
    const domain = domainOfHost(new URL(c.req.url).hostname);
    const text = domain === undefined ? undefined : await policyOf(c, domain);
    if (text === undefined) return c.notFound();
    // RFC 8461 §3.2: text/plain. §3.3: not to be kept by HTTP caches, the policy has its own age.
    return c.body(text, 200, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
  });
};

const domainOfHost = (host: string): string | undefined => {
  if (!host.startsWith(POLICY_HOST)) return undefined;
  const parsed = parseDomain(host.slice(POLICY_HOST.length));
  return parsed.kind === "domain" ? parsed.domain : undefined;
};
