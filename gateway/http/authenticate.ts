/**
 * Who is asking: three middlewares for three kinds of bearer token.
 *
 * An API key and a relay token prove themselves by their tag, so garbage never wakes an object; whether a key
 * was revoked only its account knows. Keys that passed are remembered, bounded, because HMAC and SHA-256
 * would be a tenth of a send.
 */
import type { MiddlewareHandler } from "hono";
import { problem } from "#contract/problem.ts";
import { readApiKey, readRelayToken, sameText, tagKey, type ApiKeyClaims } from "../core/token.ts";
import { clientIp } from "./client-ip.ts";
import type { GatewayContext, GatewayEnv } from "./context.ts";
import { sendProblem } from "./problem-response.ts";
import type { Passage, Turnstile } from "./turnstile.ts";

const REMEMBERED_KEYS = 10_000;

const bearer = (c: GatewayContext): string | undefined => {
  const header = c.req.header("authorization");
  return header?.startsWith("Bearer ") ? header.slice(7).trim() : undefined;
};

/** For `/v1`: sets `visitor`. An account that is at its limit of requests is refused here, from memory. */
export const apiKey = (turnstile: Turnstile): MiddlewareHandler<GatewayEnv> => {
  const known = new Map<string, ApiKeyClaims>();
  return async function apiKey(c, next) {
    const token = bearer(c);
    if (!token) return sendProblem(c, problem("missing_api_key"));
    let claims = known.get(token);
    if (!claims) {
      claims = await readApiKey(await tagKey(c.env.HIKYAKU_MASTER_KEY), token);
      if (!claims) return sendProblem(c, problem("invalid_api_key"));
      if (known.size >= REMEMBERED_KEYS) known.clear();
      known.set(token, claims);
    }
    const { account, key } = claims;
    const refused =
      refusedAtTurnstile(c, turnstile, account, "requests") ?? refusedAtTurnstile(c, turnstile, account, `key ${key}`);
    if (refused) return refused;
    c.set("visitor", { kind: "key", ...claims, ip: clientIp(c) });
    await next();
    turnstile.answered(account, key, c.get("rate"), Date.now());
  };
};

/** The response to a passage that is closed for this account until a later time. */
export const refusedAtTurnstile = (
  c: GatewayContext,
  turnstile: Turnstile,
  account: string,
  passage: Passage,
): Response | undefined => {
  const closed = turnstile.refused(account, passage, Date.now());
  if (!closed) return undefined;
  c.set("rate", closed.rate);
  return sendProblem(c, closed.refusal);
};

/** For `/admin`. */
export const adminToken = (): MiddlewareHandler<GatewayEnv> =>
  async function adminToken(c, next) {
    const token = bearer(c);
    if (!token)
      return sendProblem(
        c,
        problem("missing_api_key", "Send the admin token in the header `Authorization: Bearer …`."),
      );
    if (!sameText(token, c.env.HIKYAKU_ADMIN_TOKEN))
      return sendProblem(c, problem("invalid_api_key", "The admin token is not valid."));
    await next();
  };

/** For `/relay`: sets `relay`; asks the Directory, which a relay does when it joins and for what it lacks. */
export const relayToken = (): MiddlewareHandler<GatewayEnv> =>
  async function relayToken(c, next) {
    const token = bearer(c);
    if (!token)
      return sendProblem(
        c,
        problem("missing_api_key", "Send the relay token in the header `Authorization: Bearer …`."),
      );
    const claims = await readRelayToken(await tagKey(c.env.HIKYAKU_MASTER_KEY), token);
    const relay = claims && (await c.env.DIRECTORY.getByName("directory").relay(claims));
    if (!relay) return sendProblem(c, problem("invalid_api_key", "The relay token is not valid, or was revoked."));
    c.set("relay", { id: relay.id, name: relay.name, pools: relay.pools, token });
    await next();
  };
