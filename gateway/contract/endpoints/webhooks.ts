/**
 * `/v1/webhooks`: where events are posted to, and what became of each.
 */
import { deletedOf, PageQuery, pageOf, referenceTo } from "../pagination.ts";
import * as webhook from "../webhook.ts";
import type { Endpoint } from "./endpoint.ts";

const webhooks = { tag: "Webhooks", needs: "full" } as const;

export const WEBHOOK_ENDPOINTS = {
  createWebhook: {
    ...webhooks,
    method: "POST",
    path: "/v1/webhooks",
    summary: "Add a webhook; it gets what happens from now on",
    body: webhook.CreateWebhook,
    reply: webhook.WebhookSecret,
    problems: ["security_error"],
  },
  listWebhooks: {
    ...webhooks,
    method: "GET",
    path: "/v1/webhooks",
    summary: "List webhooks, newest first",
    query: PageQuery,
    reply: pageOf(webhook.WebhookSummary),
  },
  getWebhook: {
    ...webhooks,
    method: "GET",
    path: "/v1/webhooks/:id",
    summary: "Read a webhook and what its payloads are verified with",
    reply: webhook.WebhookDetail,
  },
  updateWebhook: {
    ...webhooks,
    method: "PATCH",
    path: "/v1/webhooks/:id",
    summary: "Change a webhook; one that is enabled again goes on where it stopped",
    body: webhook.UpdateWebhook,
    reply: webhook.UpdatedWebhook,
    problems: ["security_error"],
  },
  deleteWebhook: {
    ...webhooks,
    method: "DELETE",
    path: "/v1/webhooks/:id",
    summary: "Remove a webhook and all that waits for it",
    reply: deletedOf("webhook"),
  },
  rotateWebhookSecret: {
    ...webhooks,
    method: "POST",
    path: "/v1/webhooks/:id/signing-secret/rotate",
    summary: "Give a webhook a new secret; for a day the old one signs too",
    reply: webhook.WebhookSecret,
  },
  testWebhook: {
    ...webhooks,
    method: "POST",
    path: "/v1/webhooks/:id/test",
    summary: "Post one `webhook.test` now, and say what the endpoint answered",
    reply: webhook.WebhookAttempt,
  },
  replayWebhook: {
    ...webhooks,
    method: "POST",
    path: "/v1/webhooks/:id/replay",
    summary: "Post again what has failed, or all of a range of time",
    body: webhook.ReplayRequest,
    reply: webhook.ReplayReply,
  },
  listWebhookEvents: {
    ...webhooks,
    method: "GET",
    path: "/v1/webhooks/:id/events",
    summary: "List the events of a webhook, newest first",
    query: PageQuery,
    reply: pageOf(webhook.WebhookEventSummary),
  },
  getWebhookEvent: {
    ...webhooks,
    method: "GET",
    path: "/v1/webhooks/:id/events/:eid",
    summary: "Read an event of a webhook and its payload",
    reply: webhook.WebhookEventDetail,
  },
  listWebhookAttempts: {
    ...webhooks,
    method: "GET",
    path: "/v1/webhooks/:id/events/:eid/attempts",
    summary: "List the tries to post an event, newest first",
    query: PageQuery,
    reply: pageOf(webhook.WebhookAttempt),
  },
  replayWebhookEvent: {
    ...webhooks,
    method: "POST",
    path: "/v1/webhooks/:id/events/:eid/replay",
    summary: "Post an event again",
    reply: referenceTo("webhook_event"),
  },
} as const satisfies Record<string, Endpoint>;
