/**
 * What an account can ask about itself and the service.
 */
import { z } from "zod";
import { LimitState } from "../limits.ts";
import { pageOf } from "../pagination.ts";
import { SandboxMessage } from "../sandbox.ts";
import type { Endpoint } from "./endpoint.ts";

export const ACCOUNT_ENDPOINTS = {
  getLimits: {
    tag: "Limits",
    needs: "send",
    method: "GET",
    path: "/v1/limits",
    summary: "The account's windows: limit, used, when they reset",
    reply: pageOf(LimitState),
  },
  listSandbox: {
    tag: "Sandbox",
    needs: "full",
    method: "GET",
    path: "/v1/sandbox/messages",
    summary: "What arrived at @sandbox.test",
    reply: pageOf(SandboxMessage),
  },
  openapi: {
    tag: "About",
    needs: "open",
    method: "GET",
    path: "/v1/openapi.json",
    summary: "This document",
    reply: z.record(z.string(), z.unknown()),
  },
} as const satisfies Record<string, Endpoint>;
