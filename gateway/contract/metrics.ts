/**
 * `GET /v1/emails/metrics`: Resend's query and reply, with two dimensions of our own, `stream` and `provider`.
 *
 * Counted is per recipient, by the hour of the event. Rates are fractions of one of what was sent; those of opens and
 * clicks count each recipient once, and no machines.
 */
import { z } from "zod";

/** What is counted of mail that goes out, by the kinds of its events. Every bounce is one of the three kinds too. */
export const COUNTED = [
  "sent",
  "delivered",
  "delivery_delayed",
  "bounced",
  "failed",
  "canceled",
  "suppressed",
  "complained",
  "opened",
  "clicked",
  "unsubscribed",
  "bounced_permanent",
  "bounced_transient",
  "bounced_undetermined",
  // Recipients, however often each has opened or clicked.
  "unique_opened",
  "unique_clicked",
] as const;
export type Counted = (typeof COUNTED)[number];

export const METRICS = [
  ...COUNTED,
  "received",
  "delivery_rate",
  "open_rate",
  "click_rate",
  "bounce_rate",
  "complaint_rate",
  "unsubscribe_rate",
] as const;
export type Metric = (typeof METRICS)[number];

export const DIMENSIONS = ["period", "domain", "stream", "provider"] as const;
export const GRANULARITIES = ["hourly", "daily", "weekly", "monthly"] as const;

/** Comma separated, or given several times. */
const listOf = <T extends readonly [string, ...string[]]>(words: T) =>
  z
    .string()
    .max(1000)
    .transform((text) => text.split(",").filter((word) => word !== ""))
    .pipe(z.array(z.enum(words)));

const day = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);

export const MetricsQuery = z.strictObject({
  start_date: day.optional().meta({ description: "Default: six days before `end_date`" }),
  end_date: day.optional().meta({ description: "Default: now" }),
  timezone: z.string().max(64).default("UTC").meta({ description: "An IANA name; where days begin" }),
  granularity: z.enum(GRANULARITIES).default("daily"),
  metrics: listOf(METRICS).optional(),
  dimensions: listOf(DIMENSIONS).optional(),
  domain_id: z.string().max(4000).optional(),
});
export type MetricsQuery = z.infer<typeof MetricsQuery>;

const Totals = z.partialRecord(z.enum(METRICS), z.number());

export const MetricsReply = z
  .object({
    object: z.literal("metrics"),
    start_date: z.string(),
    end_date: z.string(),
    metrics: z.array(z.enum(METRICS)),
    dimensions: z.array(z.enum(DIMENSIONS)),
    granularity: z.enum(GRANULARITIES),
    totals: Totals,
    data: z
      .array(
        z
          .object({
            period: z.string().optional(),
            domain_id: z.string().optional(),
            domain_name: z.string().optional(),
            stream: z.string().optional(),
            provider: z.string().optional(),
          })
          .catchall(z.union([z.number(), z.string()])),
      )
      .optional(),
  })
  .meta({ id: "MetricsReply" });
export type MetricsReply = z.infer<typeof MetricsReply>;
