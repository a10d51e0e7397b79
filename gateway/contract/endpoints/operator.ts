/**
 * `/admin`: what the operator sets up.
 */
import * as account from "../account.ts";
import { deletedOf, PageQuery, pageOf } from "../pagination.ts";
import type { Endpoint } from "./endpoint.ts";

const admin = { tag: "Operator", needs: "admin" } as const;

export const OPERATOR_ENDPOINTS = {
  createAccount: {
    ...admin,
    method: "POST",
    path: "/admin/accounts",
    summary: "Open an account; its first API key is shown once",
    body: account.CreateAccount,
    reply: account.CreatedAccount,
  },
  listAccounts: {
    ...admin,
    method: "GET",
    path: "/admin/accounts",
    summary: "List accounts",
    reply: pageOf(account.AccountSummary),
  },
  getAccount: {
    ...admin,
    method: "GET",
    path: "/admin/accounts/:id",
    summary: "Read an account's settings",
    reply: account.AccountDetail,
  },
  updateAccount: {
    ...admin,
    method: "PATCH",
    path: "/admin/accounts/:id",
    summary: "Change an account's settings, suspend it or let it go on",
    body: account.UpdateAccount,
    reply: account.AccountDetail,
  },
  deleteAccount: {
    ...admin,
    method: "DELETE",
    path: "/admin/accounts/:id",
    summary: "Close an account for good: its keys, domains and mail are erased",
    reply: deletedOf("account"),
  },
  listAudit: {
    ...admin,
    method: "GET",
    path: "/admin/accounts/:id/audit",
    summary: "Who changed what in an account",
    query: PageQuery,
    reply: pageOf(account.AuditEntry),
  },
  listOperatorAudit: {
    ...admin,
    method: "GET",
    path: "/admin/audit",
    summary: "Who opened and closed accounts, and let relays join",
    query: PageQuery,
    reply: pageOf(account.AuditEntry),
  },
  createAccountKey: {
    ...admin,
    method: "POST",
    path: "/admin/accounts/:id/api-keys",
    summary: "Make an API key for an account that lost its own",
    body: account.CreateApiKey,
    reply: account.CreatedApiKey,
  },
  vouchForDomain: {
    ...admin,
    method: "PUT",
    path: "/admin/accounts/:id/domains/:domain",
    summary: "Vouch for a domain, and give it DKIM keys",
    body: account.VouchForDomain,
    reply: account.VouchedDomain,
  },
  createRelay: {
    ...admin,
    method: "POST",
    path: "/admin/relays",
    summary: "Let a relay node join; its token is shown once",
    body: account.CreateRelay,
    reply: account.CreatedRelay,
  },
  listRelays: {
    ...admin,
    method: "GET",
    path: "/admin/relays",
    summary: "Relay nodes, their state and last sign of life",
    reply: pageOf(account.RelaySummary),
  },
  deleteRelay: {
    ...admin,
    method: "DELETE",
    path: "/admin/relays/:id",
    summary: "Revoke a relay's token and cut it off",
    reply: deletedOf("relay"),
  },
} as const satisfies Record<string, Endpoint>;
