/**
 * Webhooks: the shapes of `/v1/webhooks`, and what an account hands to the object of one endpoint.
 *
 * A delivery to an endpoint is one POST of one event as Standard Webhooks has it; its id is the event's own, the same
 * on every try, so that a receiver can remove repeats. Secrets are shown to their owner and rest sealed.
 */
import { z } from "zod";
import { referenceTo } from "./pagination.ts";
import { WEBHOOK_EVENTS } from "./webhook-events.ts";

/** Of one account. */
export const WEBHOOK_LIMIT = 100;
const URL_LIMIT = 2048;

export const WebhookStatus = z.enum(["enabled", "disabled"]);
export type WebhookStatus = z.infer<typeof WebhookStatus>;

const eventTypes = z.array(z.enum(WEBHOOK_EVENTS)).min(1).max(WEBHOOK_EVENTS.length);

export const CreateWebhook = z
  .strictObject({
    endpoint: z.string().min(1).max(URL_LIMIT).meta({ description: "An https or http URL of a public host" }),
    events: eventTypes,
  })
  .meta({
    id: "CreateWebhook",
    example: { endpoint: "https://example.com/hooks", events: ["email.delivered", "email.bounced"] },
  });
export type CreateWebhook = z.infer<typeof CreateWebhook>;

export const UpdateWebhook = z
  .strictObject({
    endpoint: z.string().min(1).max(URL_LIMIT).optional(),
    events: eventTypes.optional(),
    status: WebhookStatus.optional(),
    /** Ours. */
    skip_missed: z
      .boolean()
      .optional()
      .meta({ description: "With `status: enabled`: leave out what happened while it was disabled" }),
  })
  .refine(({ status, skip_missed }) => skip_missed === undefined || status === "enabled", {
    path: ["skip_missed"],
    error: "goes with `status: enabled` only",
  })
  .meta({ id: "UpdateWebhook" });
export type UpdateWebhook = z.infer<typeof UpdateWebhook>;

export const UpdatedWebhook = referenceTo("webhook")
  .extend({
    /** Ours. */
    resumes_from: z
      .string()
      .optional()
      .meta({ description: "It was enabled again: what has happened since then goes to it, 30 days back at the most" }),
  })
  .meta({ id: "UpdatedWebhook" });
export type UpdatedWebhook = z.infer<typeof UpdatedWebhook>;

export const WebhookSummary = z
  .object({
    id: z.string(),
    endpoint: z.string(),
    created_at: z.string(),
    status: WebhookStatus,
    /** Ours: why it is disabled, when we did it. */
    disabled_reason: z.string().optional(),
    events: z.array(z.string()),
  })
  .meta({ id: "WebhookSummary" });
export type WebhookSummary = z.infer<typeof WebhookSummary>;

export const WebhookDetail = WebhookSummary.extend({
  object: z.literal("webhook"),
  signing_secret: z.string().meta({ description: "`whsec_` and base64: HMAC-SHA256, `v1`" }),
  public_key: z.string().meta({ description: "`whpk_` and base64: Ed25519, `v1a`" }),
}).meta({ id: "WebhookDetail" });
export type WebhookDetail = z.infer<typeof WebhookDetail>;

/** What a new or rotated webhook answers. */
export const WebhookSecret = z
  .object({ object: z.literal("webhook"), id: z.string(), signing_secret: z.string() })
  .meta({ id: "WebhookSecret" });
export type WebhookSecret = z.infer<typeof WebhookSecret>;

/** `pending`: waits for its first or next try. `attempting`: on its way. `failed`: given up. */
export const WebhookEventStatus = z.enum(["success", "pending", "failed", "attempting"]);
export type WebhookEventStatus = z.infer<typeof WebhookEventStatus>;

export const WebhookEventSummary = z
  .object({ id: z.string(), type: z.string(), created_at: z.string(), status: WebhookEventStatus })
  .meta({ id: "WebhookEventSummary" });
export type WebhookEventSummary = z.infer<typeof WebhookEventSummary>;

export const WebhookEventDetail = WebhookEventSummary.extend({
  object: z.literal("webhook_event"),
  next_attempt_at: z.string().nullable(),
  payload: z.looseObject({ type: z.string(), created_at: z.string() }),
}).meta({ id: "WebhookEventDetail" });
export type WebhookEventDetail = z.infer<typeof WebhookEventDetail>;

export const WebhookAttempt = z
  .object({
    id: z.string(),
    http_status_code: z.int().meta({ description: "0: there was no reply" }),
    response: z.string().meta({ description: "The first 2 KB of the reply, or why there was none" }),
    sent_at: z.string(),
    duration_ms: z.int(),
  })
  .meta({ id: "WebhookAttempt" });
export type WebhookAttempt = z.infer<typeof WebhookAttempt>;

/** `POST /v1/webhooks/:id/replay`, ours: what failed, or all of a range. */
export const ReplayRequest = z
  .strictObject({
    status: z.enum(["failed", "all"]).default("failed"),
    since: z.iso.datetime({ offset: true }).optional(),
    until: z.iso.datetime({ offset: true }).optional(),
  })
  .meta({ id: "ReplayRequest" });
export type ReplayRequest = z.infer<typeof ReplayRequest>;
export const ReplayReply = z
  .object({ object: z.literal("webhook"), id: z.string(), replayed: z.int() })
  .meta({ id: "ReplayReply" });

// ---- between an account and the object of an endpoint ---------------------------------------------

/** A secret that signs: the newest first; one that was rotated out signs beside it until `untilMs`. */
export const SigningSecret = z.object({ sealed: z.string(), untilMs: z.number().optional() });
export type SigningSecret = z.infer<typeof SigningSecret>;

/** All that an endpoint's object has to know; the account's word, told with each hand-over and at each change. */
export const EndpointConfig = z.object({
  account: z.string(),
  /** Key of the webhook in its account, and its public id. */
  webhook: z.int(),
  id: z.string(),
  url: z.string(),
  status: WebhookStatus,
  /** Of the newest change: an older word than the one that is known changes nothing. */
  version: z.int(),
  secrets: z.array(SigningSecret).min(1),
  /** Ed25519, PKCS#8 PEM, sealed. */
  signingKey: z.string(),
});
export type EndpointConfig = z.infer<typeof EndpointConfig>;

/**
 * One event for one endpoint. `k`: of the event in its account, by which order is kept and repeats are known; `id`: as
 * `idFormatter` writes it. `payload`: JSON text of `{type, created_at, data}`, 20 kB at the most.
 */
export type Handed = { k: number; id: string; type: string; atMs: number; payload: string };

/** `upTo`: the highest `k` that is taken now. `restMs`: for so long its object sends nothing, whatever it is handed. */
export type Taken = { upTo: number; restMs: number };
