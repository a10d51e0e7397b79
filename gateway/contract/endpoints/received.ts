/**
 * `/v1/emails/receiving`: mail that came in for the account's domains.
 */
import { deletedOf, PageQuery, pageOf } from "../pagination.ts";
import {
  ReceivedAttachment,
  ReceivedAttachmentDetail,
  ReceivedDetail,
  ReceivedQuery,
  ReceivedSummary,
} from "../received.ts";
import type { Endpoint } from "./endpoint.ts";

const received = { tag: "Received emails", needs: "full" } as const;

export const RECEIVED_ENDPOINTS = {
  listReceived: {
    ...received,
    method: "GET",
    path: "/v1/emails/receiving",
    summary: "List received emails, newest first",
    query: PageQuery,
    reply: pageOf(ReceivedSummary),
  },
  getReceived: {
    ...received,
    method: "GET",
    path: "/v1/emails/receiving/:id",
    summary: "Read a received email",
    query: ReceivedQuery,
    reply: ReceivedDetail,
  },
  deleteReceived: {
    ...received,
    method: "DELETE",
    path: "/v1/emails/receiving/:id",
    summary: "Delete a received email",
    reply: deletedOf("email"),
  },
  listReceivedAttachments: {
    ...received,
    method: "GET",
    path: "/v1/emails/receiving/:id/attachments",
    summary: "List the attachments of a received email, with links to them",
    query: PageQuery,
    reply: pageOf(ReceivedAttachment),
  },
  getReceivedAttachment: {
    ...received,
    method: "GET",
    path: "/v1/emails/receiving/:id/attachments/:attachment",
    summary: "Get a link to an attachment",
    reply: ReceivedAttachmentDetail,
  },
} as const satisfies Record<string, Endpoint>;
