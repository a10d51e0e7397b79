/**
 * What travels with a request through the gateway's HTTP rooms.
 */
import type { Context } from "hono";
import type { Rate } from "#contract/limits.ts";
import type { Visitor } from "../objects/visitor.ts";

export type KeyVisitor = Extract<Visitor, { kind: "key" }>;

export type GatewayEnv = {
  Bindings: Env;
  Variables: {
    requestId: string;
    /** Set behind `apiKey()`: what the key claims; the account says whether it still counts. */
    visitor: KeyVisitor;
    /** Set when the account has told it, for the response's `ratelimit-…` headers. */
    rate: Rate | undefined;
    /** Set behind `relayToken()`. */
    relay: { id: string; name: string; pools: string[]; token: string };
  };
};

export type GatewayContext = Context<GatewayEnv>;
