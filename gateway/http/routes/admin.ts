/**
 * `/admin`: what the operator sets up. Everything here is behind the admin token.
 *
 * The Directory is asked before an account is woken: an id nobody gave out must not make an object.
 */
import type { Hono } from "hono";
import type { RelaySummary } from "#contract/account.ts";
import { isAccountId } from "#contract/ids.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { seal, sealingKey } from "#contract/sealed.ts";
import { parseDomain } from "#dns/domain.ts";
import { readDkimKey } from "../../core/dkim-key.ts";
import { parseSuppressedAddress, parseSuppressedAddresses } from "../../core/suppressed-address.ts";
import type { ArgsOf, Question, ReplyOf } from "../../objects/account-desk.ts";
import type { SealedSigner } from "../../objects/domain-row.ts";
import type { RelayRow } from "../../objects/directory.ts";
import { accountStub, askAs } from "../ask.ts";
import { clientIp } from "../client-ip.ts";
import type { GatewayContext, GatewayEnv } from "../context.ts";
import { answer, sendProblem } from "../problem-response.ts";
import { serve } from "../serve.ts";
import type { Turnstile } from "../turnstile.ts";
import { mintKey } from "./api-keys.ts";

export const adminRoutes = (app: Hono<GatewayEnv>, turnstile: Turnstile): void => {
  accountRoutes(app, turnstile);
  relayRoutes(app);
  suppressionRoutes(app);
};

const accountRoutes = (app: Hono<GatewayEnv>, turnstile: Turnstile): void => {
  serve(app, "createAccount", async (c, { body }) => {
    const id = await directory(c).addAccount(body.name, clientIp(c));
    const { token, claims } = await mintKey(c.env, id);
    await accountStub(c.env, id).open(body, claims);
    return answer(c, { object: "account", id, name: body.name, api_key: { id: claims.key, token } });
  });
  serve(app, "listAccounts", async (c) =>
    answer(c, { object: "list", has_more: false, data: await directory(c).accounts() }),
  );
  serve(app, "getAccount", async (c) => answer(c, await askAccount(c, "getAccount", {})));
  serve(app, "updateAccount", async (c, { body }) => {
    const changed = await askAccount(c, "updateAccount", body);
    if (!isProblem(changed)) {
      await directory(c).setAccount(changed.id, changed.name, changed.status);
      turnstile.forget(changed.id);
    }
    return answer(c, changed);
  });
  serve(app, "deleteAccount", async (c) => {
    const account = await knownAccount(c);
    if (!account) return sendProblem(c, noAccount());
    await directory(c).removeAccount(account, clientIp(c));
    // The object ends in the call that erases it: that it did not answer is the answer.
    await accountStub(c.env, account.id)
      .close()
      .catch(() => undefined);
    turnstile.forget(account.id);
    return answer(c, { object: "account", id: account.id, deleted: true });
  });
  serve(app, "listAudit", async (c, { query }) => answer(c, await askAccount(c, "listAudit", query)));
  serve(app, "createAccountKey", async (c, { body }) => {
    const { token, claims } = await mintKey(c.env, c.req.param("id") ?? "");
    const made = await askAccount(c, "createAccountKey", { claims, request: body });
    return answer(c, isProblem(made) ? made : { ...made, token });
  });
  serve(app, "vouchForDomain", async (c, { body }) => {
    const domain = parseDomain(c.req.param("domain") ?? "");
    if (domain.kind === "invalid")
      return sendProblem(c, problem("validation_error", "The domain in the path is not a domain name."));
    const signers = await sealKeys(c.env, body.dkim === undefined ? [] : [body.dkim].flat());
    if (!Array.isArray(signers)) return sendProblem(c, signers);
    const vouched = await askAccount(c, "vouchForDomain", { name: domain.domain, signers });
    const dkim = signers.map(({ selector, algorithm }) => ({ selector, algorithm }));
    return answer(
      c,
      isProblem(vouched) ? vouched : { object: "domain", name: domain.domain, status: "verified", dkim },
    );
  });
};

const relayRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "listOperatorAudit", async (c, { query }) => answer(c, await directory(c).listAudit(query)));
  serve(app, "createRelay", async (c, { body }) => {
    const { id, token } = await directory(c).addRelay(body, clientIp(c));
    return answer(c, { object: "relay", id, name: body.name, token });
  });
  serve(app, "listRelays", async (c) => answer(c, { object: "list", has_more: false, data: await relaySummaries(c) }));
  serve(app, "deleteRelay", async (c) => {
    const relay = await directory(c).removeRelay(c.req.param("id") ?? "", clientIp(c));
    if (!relay) return sendProblem(c, problem("not_found", "There is no relay with this id."));
    await Promise.all(relay.pools.map((pool) => c.env.POOL.getByName(pool).dismiss(relay.id)));
    return answer(c, { object: "relay", id: relay.id, deleted: true });
  });
};

const suppressionRoutes = (app: Hono<GatewayEnv>): void => {
  serve(app, "putOperatorSuppressions", async (c, { body }) => {
    const addresses = parseSuppressedAddresses(body.emails);
    if (isProblem(addresses)) return sendProblem(c, addresses);
    const put = await directory(c).putSuppressions(addresses.list, body.note, clientIp(c));
    return answer(c, isProblem(put) ? put : { object: "operator_suppressions", ...put });
  });
  serve(app, "listOperatorSuppressions", async (c, { query }) => answer(c, await directory(c).listSuppressions(query)));
  serve(app, "deleteOperatorSuppression", async (c) => {
    const id = parseSuppressedAddress(c.req.param("id") ?? "");
    const isRemoved = id !== undefined && (await directory(c).removeSuppression(id, clientIp(c)));
    if (!isRemoved) return sendProblem(c, problem("not_found", "There is no such address on the list."));
    return answer(c, { object: "operator_suppression", id, deleted: true });
  });
};

const directory = (c: GatewayContext) => c.env.DIRECTORY.getByName("directory");

const noAccount = (): Problem => problem("not_found", "There is no account with this id.");

const askAccount = async <Q extends Question>(
  c: GatewayContext,
  question: Q,
  args: ArgsOf<Q>,
): Promise<ReplyOf<Q> | Problem> => {
  const account = await knownAccount(c);
  if (!account) return noAccount();
  return (await askAs(c.env, account.id, { kind: "operator", ip: clientIp(c) }, question, args)).answer;
};

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
