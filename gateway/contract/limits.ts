/**
 * How much an account may send: windows that slide, each with its limit, and what they look like from outside.
 */
import { z } from "zod";

const count = z.int().min(0).max(1_000_000_000);

export const Limits = z
  .strictObject({
    recipients_per_10_minutes: count,
    recipients_per_24_hours: count,
    messages_per_sender_per_24_hours: count,
    requests_per_second: count.min(1),
  })
  .meta({ id: "Limits" });
export type Limits = z.infer<typeof Limits>;
export type LimitName = keyof Limits;

/** What an account starts with. */
export const DEFAULT_LIMITS: Limits = {
  recipients_per_10_minutes: 319_444,
  recipients_per_24_hours: 4_600_000,
  messages_per_sender_per_24_hours: 10_000,
  requests_per_second: 100,
};

/** A trial account starts with a hundredth of the first three. */
export const TRIAL_LIMITS: Limits = {
  recipients_per_10_minutes: 3194,
  recipients_per_24_hours: 46_000,
  messages_per_sender_per_24_hours: 100,
  requests_per_second: 100,
};

/** As an operator sets them: some or all; `trial` gives those not named a trial account's. */
export const SetLimits = Limits.partial().meta({ id: "SetLimits" });
export type SetLimits = z.infer<typeof SetLimits>;

/** `GET /v1/limits`. */
export const LimitState = z
  .object({
    object: z.literal("limit"),
    name: z.string(),
    limit: z.int(),
    used: z.int().meta({ description: "For the per-sender window: of the sender who used most" }),
    remaining: z.int(),
    window_seconds: z.int(),
    sender: z.string().nullable(),
    /** When the oldest use leaves the window; null when nothing is used. */
    resets_at: z.string().nullable(),
  })
  .meta({ id: "LimitState" });
export type LimitState = z.infer<typeof LimitState>;

/** What goes into the `ratelimit-…` headers of a response (draft-ietf-httpapi-ratelimit-headers-06). */
export type Rate = { limit: number; remaining: number; resetSeconds: number };
