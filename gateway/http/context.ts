/**
 * What travels with a request through the gateway's HTTP rooms.
 */
import type { Context } from "hono";
import type { ApiKeyClaims } from "../core/token.ts";

export type GatewayEnv = {
  Bindings: Env;
  Variables: {
    requestId: string;
    /** Set behind `apiKey()`: what the key claims; the account says whether it still counts. */
    caller: ApiKeyClaims;
    /** Set behind `relayToken()`. */
    relay: { id: string; name: string; pools: string[]; token: string };
  };
};

export type GatewayContext = Context<GatewayEnv>;
