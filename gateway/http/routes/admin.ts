/**
 * `/admin`: what the operator sets up. Everything here is behind the admin token.
 */
import { Hono } from "hono";
import { CreateAccount, CreateRelay, VouchForDomain, type RelaySummary } from "#contract/account.ts";
import { isAccountId } from "#contract/ids.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { seal, sealingKey } from "#contract/sealed.ts";
import { parseDomain } from "#dns/domain.ts";
import { readDkimKey } from "../../core/dkim-key.ts";
import type { SealedSigner } from "../../objects/account-keys.ts";
import type { RelayRow } from "../../objects/directory.ts";
import { adminToken } from "../authenticate.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { answer, isProblem, sendProblem } from "../problem-response.ts";
import { readAs } from "../read-as.ts";

export const adminRoutes = (): Hono<GatewayEnv> =>
  new Hono<GatewayEnv>()
    .use(adminToken())
    .post("/accounts", async (c) => {
      const request = await readAs(c.req.raw, CreateAccount);
      if (isProblem(request)) return sendProblem(c, request);
      const id = await directory(c).addAccount(request.name);
      const key = await c.env.ACCOUNT.getByName(id).open(request);
      return c.json({ object: "account", id, name: request.name, api_key: { id: key.id, token: key.token } });
    })
    .get("/accounts", async (c) => c.json({ object: "list", has_more: false, data: await directory(c).accounts() }))
    .get("/accounts/:id", async (c) => answer(c, (await knownAccount(c)) ?? noAccount()))
    .put("/accounts/:id/domains/:domain", async (c) => {
      const account = await knownAccount(c);
      const domain = parseDomain(c.req.param("domain"));
      if (!account) return sendProblem(c, noAccount());
      if (domain.kind === "invalid")
        return sendProblem(c, problem("validation_error", "The domain in the path is not a domain name."));
      const request = await readAs(c.req.raw, VouchForDomain);
      if (isProblem(request)) return sendProblem(c, request);
      const signers = await sealKeys(c.env, request.dkim === undefined ? [] : [request.dkim].flat());
      if (!Array.isArray(signers)) return sendProblem(c, signers);
      await c.env.ACCOUNT.getByName(account.id).setDomain(domain.domain, signers);
      const dkim = signers.map(({ selector, algorithm }) => ({ selector, algorithm }));
      return c.json({ object: "domain", name: domain.domain, status: "verified", dkim });
    })
    .post("/relays", async (c) => {
      const request = await readAs(c.req.raw, CreateRelay);
      if (isProblem(request)) return sendProblem(c, request);
      const { id, token } = await directory(c).addRelay(request);
      return c.json({ object: "relay", id, name: request.name, token });
    })
    .get("/relays", async (c) => c.json({ object: "list", has_more: false, data: await relaySummaries(c) }))
    .delete("/relays/:id", async (c) => {
      const relay = await directory(c).removeRelay(c.req.param("id"));
      if (!relay) return sendProblem(c, problem("not_found", "There is no relay with this id."));
      await Promise.all(relay.pools.map((pool) => c.env.POOL.getByName(pool).dismiss(relay.id)));
      return c.json({ object: "relay", id: relay.id, deleted: true });
    });

const directory = (c: GatewayContext) => c.env.DIRECTORY.getByName("directory");

const noAccount = (): Problem => problem("not_found", "There is no account with this id.");

/** Asks the Directory before it wakes an account: an id nobody gave out must not make an object. */
const knownAccount = async (c: GatewayContext) => {
  const id = c.req.param("id") ?? "";
  return isAccountId(id) ? directory(c).account(id) : undefined;
};

const sealKeys = async (
  env: Env,
  keys: { selector: string; private_key: string }[],
): Promise<SealedSigner[] | Problem> => {
  const sealing = await sealingKey(env.HIKYAKU_MASTER_KEY, "dkim-at-rest");
  const signers: SealedSigner[] = [];
  for (const { selector, private_key } of keys) {
    const key = await readDkimKey(private_key);
    if (key.kind === "unusable")
      return problem("validation_error", `Invalid \`dkim.private_key\` of selector \`${selector}\`: ${key.reason}.`);
    const sealed = await seal(sealing, key.pem, crypto.getRandomValues(new Uint8Array(12)));
    signers.push({ selector, algorithm: key.algorithm, sealed });
  }
  return signers;
};

const relaySummaries = async (c: GatewayContext): Promise<RelaySummary[]> => {
  const relays: RelayRow[] = await directory(c).relays();
  const pools = [...new Set(relays.flatMap((relay) => relay.pools))].map((name) => c.env.POOL.getByName(name));
  const connected = new Map(
    (await Promise.all(pools.map((pool) => pool.relays()))).flat().map(({ relay, version }) => [relay, version]),
  );
  const signs = await Promise.all(pools.map((pool) => pool.signsOfLife()));
  return relays.map((relay) => {
    const seenMs = Math.max(0, ...signs.map((sign) => sign[relay.id] ?? 0));
    return {
      object: "relay",
      ...relay,
      connected: connected.has(relay.id),
      last_seen_at: seenMs === 0 ? null : new Date(seenMs).toISOString(),
      version: connected.get(relay.id) ?? null,
    };
  });
};
