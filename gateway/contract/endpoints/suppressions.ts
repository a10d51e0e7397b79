/**
 * `/v1/suppressions`: who gets no mail of this account any more; and the operator's list for all accounts.
 */
import * as operator from "../operator-suppression.ts";
import { deletedOf, pageOf } from "../pagination.ts";
import * as suppression from "../suppression.ts";
import { z } from "zod";
import type { Endpoint } from "./endpoint.ts";

const own = { tag: "Suppressions", needs: "full" } as const;
const admin = { tag: "Operator", needs: "admin" } as const;

export const SUPPRESSION_ENDPOINTS = {
  addSuppression: {
    ...own,
    method: "POST",
    path: "/v1/suppressions",
    summary: "Suppress an address, or a whole domain as `*@example.com`",
    body: suppression.AddSuppression,
    reply: suppression.SuppressionRef,
  },
  listSuppressions: {
    ...own,
    method: "GET",
    path: "/v1/suppressions",
    summary: "List suppressions, newest first",
    query: suppression.SuppressionQuery,
    reply: pageOf(suppression.SuppressionSummary),
    problems: ["not_found"],
  },
  addSuppressions: {
    ...own,
    method: "POST",
    path: "/v1/suppressions/batch/add",
    summary: "Suppress up to 1000 addresses, all or none",
    body: suppression.AddSuppressions,
    reply: suppression.AddedSuppressions,
  },
  removeSuppressions: {
    ...own,
    method: "POST",
    path: "/v1/suppressions/batch/remove",
    summary: "Take up to 1000 addresses off the list; `deleted` says which were on it",
    body: suppression.RemoveSuppressions,
    reply: suppression.RemovedSuppressions,
  },
  importSuppressions: {
    ...own,
    method: "POST",
    path: "/v1/suppressions/import",
    summary:
      "Suppress up to 100,000 addresses from CSV: a first line that names `email`, and perhaps `stream`, `origin`, `expires_at`",
    bodyType: "text/csv",
    reply: suppression.ImportReply,
  },
  exportSuppressions: {
    ...own,
    method: "GET",
    path: "/v1/suppressions/export",
    summary: "The whole list as CSV, oldest first; it can be imported",
    reply: z.string().meta({ example: "email,stream,origin,created_at,expires_at\r\n" }),
    replyType: "text/csv",
  },
  getSuppression: {
    ...own,
    method: "GET",
    path: "/v1/suppressions/:id",
    summary: "Read a suppression, by its id or address",
    reply: suppression.Suppression,
  },
  deleteSuppression: {
    ...own,
    method: "DELETE",
    path: "/v1/suppressions/:id",
    summary: "Take an address off the list, by id or by address",
    reply: deletedOf("suppression"),
  },

  putOperatorSuppressions: {
    ...admin,
    method: "PUT",
    path: "/admin/suppressions",
    summary: "Add addresses that never exist, for all accounts",
    body: operator.PutOperatorSuppressions,
    reply: operator.PutOperatorSuppressionsReply,
  },
  listOperatorSuppressions: {
    ...admin,
    method: "GET",
    path: "/admin/suppressions",
    summary: "List addresses that never exist, newest first",
    query: operator.OperatorSuppressionQuery,
    reply: pageOf(operator.OperatorSuppression),
    problems: ["not_found"],
  },
  deleteOperatorSuppression: {
    ...admin,
    method: "DELETE",
    path: "/admin/suppressions/:id",
    summary: "Take an address off that list",
    reply: deletedOf("operator_suppression"),
  },
} as const satisfies Record<string, Endpoint>;
