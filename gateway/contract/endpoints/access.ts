/**
 * `/v1/api-keys` and `/v1/senders`: who may send, and as whom.
 */
import * as account from "../account.ts";
import { deletedOf, PageQuery, pageOf, referenceTo } from "../pagination.ts";
import type { Endpoint } from "./endpoint.ts";

const keys = { tag: "API keys", needs: "full" } as const;
const senders = { tag: "Senders", needs: "full" } as const;

export const ACCESS_ENDPOINTS = {
  createApiKey: {
    ...keys,
    method: "POST",
    path: "/v1/api-keys",
    summary: "Make an API key; its token is shown once",
    body: account.CreateApiKey,
    reply: account.CreatedApiKey,
  },
  listApiKeys: {
    ...keys,
    method: "GET",
    path: "/v1/api-keys",
    summary: "List API keys",
    query: PageQuery,
    reply: pageOf(account.ApiKeySummary),
  },
  updateApiKey: {
    ...keys,
    method: "PATCH",
    path: "/v1/api-keys/:id",
    summary: "Rename an API key",
    body: account.UpdateApiKey,
    reply: referenceTo("api_key"),
  },
  rotateApiKey: {
    ...keys,
    method: "POST",
    path: "/v1/api-keys/:id/rotate",
    summary: "Give an API key a new secret; the old one stops at once",
    reply: account.CreatedApiKey,
  },
  deleteApiKey: {
    ...keys,
    method: "DELETE",
    path: "/v1/api-keys/:id",
    summary: "Revoke an API key",
    reply: deletedOf("api_key"),
  },

  createSender: {
    ...senders,
    method: "POST",
    path: "/v1/senders",
    summary: "Register an address that may send (`allowed_senders: registered`)",
    body: account.CreateSender,
    reply: account.Sender,
    problems: ["conflict", "sender_not_allowed"],
  },
  listSenders: {
    ...senders,
    method: "GET",
    path: "/v1/senders",
    summary: "List registered addresses",
    query: PageQuery,
    reply: pageOf(account.Sender),
  },
  deleteSender: {
    ...senders,
    method: "DELETE",
    path: "/v1/senders/:id",
    summary: "Remove a registered address",
    reply: deletedOf("sender"),
  },
} as const satisfies Record<string, Endpoint>;
